/// A header once, and then the same rows again and again, up to so many bytes and the end of a row.
struct RepeatedRows {
    private let header: UnsafeRawBufferPointer
    private let body: UnsafeRawBufferPointer
    private var position = 0
    private let end: Int

    /// Rows are taken from the front of `file`, a mebibyte of them at most.
    init(_ file: UnsafeRawBufferPointer, bytes: Int) {
        let headerEnd = (file.firstIndex(of: 0x0a) ?? -1) + 1
        let most = min(file.count, headerEnd + max(1 << 20, 1))
        let wanted = min(most, max(headerEnd + 1, bytes))
        let bodyEnd = (file[headerEnd..<wanted].lastIndex(of: 0x0a) ?? headerEnd - 1) + 1
        header = UnsafeRawBufferPointer(rebasing: file[..<headerEnd])
        body = UnsafeRawBufferPointer(rebasing: file[headerEnd..<bodyEnd])
        end = headerEnd + (body.isEmpty ? 0 : max(1, (bytes - headerEnd) / body.count) * body.count)
    }

    /// Copies on; how many bytes.
    mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let from: UnsafeRawBufferPointer
        if position < header.count {
            from = UnsafeRawBufferPointer(rebasing: header[position...])
        } else {
            guard position < end else { return 0 }
            from = UnsafeRawBufferPointer(rebasing: body[((position - header.count) % body.count)...])
        }
        let count = min(from.count, buffer.count, end - position)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: from[..<count]))
        position += count
        return count
    }
}

/// The sum of all bytes' words: what memory alone allows.
func sum(of data: UnsafeRawBufferPointer) -> Int {
    var total = 0
    var position = 0
    while position + 64 <= data.count {
        var sums = SIMD8<UInt64>(repeating: 0)
        let end = min(data.count - 63, position + 64 * 4096)
        while position < end {
            sums = sums &+ data.loadUnaligned(fromByteOffset: position, as: SIMD8<UInt64>.self)
            position += 64
        }
        total &+= Int(truncatingIfNeeded: sums.wrappedSum())
    }
    return total & 0xff
}
