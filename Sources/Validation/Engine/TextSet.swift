/// A set of texts, looked up without a copy.
struct TextSet: Sendable {
    private var short: Set<UInt64> = []
    private var few: [UInt64] = []
    private var long: Set<[UInt8]> = []

    init(_ texts: some Sequence<[UInt8]>) { for text in texts { insert(text) } }

    mutating func insert(_ text: [UInt8]) {
        if text.count < 8 {
            let word = PlainField.packed(text)
            if short.insert(word).inserted, short.count <= 8 { few.append(word) }
        } else {
            long.insert(text)
        }
    }

    var isEmpty: Bool { short.isEmpty && long.isEmpty }

    /// `bytes` may be read eight bytes past its start.
    @inline(__always)
    func contains(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        if count < 8 {
            let word = PlainField.packed(start, count)
            if short.count <= 8 {
                for candidate in few where candidate == word { return true }
                return false
            }
            return short.contains(word)
        }
        return !long.isEmpty && long.contains(Array(UnsafeBufferPointer(start: start, count: count)))
    }
}
