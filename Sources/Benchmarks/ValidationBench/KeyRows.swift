/// A column of different texts of one length, in ascending order or in none.
struct KeyRows {
    let count: Int
    private let length: Int
    private let isAscending: Bool
    private var next = 0
    /// A few thousand rows, and how much of them is handed out.
    private var rows = Array("key\n".utf8)
    private var position = 0

    init(count: Int, length: Int, isAscending: Bool) {
        (self.count, self.length, self.isAscending) = (count, length, isAscending)
    }

    /// Copies on; how many bytes.
    mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        if position == rows.count {
            rows.removeAll(keepingCapacity: true)
            position = 0
            for _ in 0..<4096 where next < count { write() }
        }
        let some = rows[position...].prefix(buffer.count)
        buffer.copyBytes(from: some)
        position += some.count
        return some.count
    }

    private mutating func write() {
        // A step that has no factor in common with the number of keys comes to each once.
        var number = isAscending ? next : Int((UInt64(next) * 2_654_435_761) % UInt64(count))
        let start = rows.count
        for _ in 0..<length { rows.append(UInt8(ascii: "0")) }
        for place in stride(from: start + length - 1, through: start, by: -1) {
            let digit = UInt8(number % 36)
            rows[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            number /= 36
        }
        rows.append(UInt8(ascii: "\n"))
        next += 1
    }
}
