/// A stretch of a file that starts at a row, with 64 readable bytes behind it.
struct Block {
    var base: UnsafePointer<UInt8>
    var count: Int
    /// The file's position of `base`.
    var origin: Int
    /// Whether the file ends with it.
    var isLast: Bool
}

/// Where a file's bytes come from.
enum ByteSource {
    /// Fills the buffer as far as it can and returns how many bytes it wrote; 0 is the end.
    case pull((UnsafeMutableRawBufferPointer) throws -> Int)
    /// All of it, in memory.
    case bytes(UnsafeRawBufferPointer)
}

/// A buffer with room behind its end for reads of 64 bytes.
final class PaddedBuffer {
    let bytes: UnsafeMutablePointer<UInt8>
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        bytes = .allocate(capacity: capacity + 64)
        // Only the room behind the end: what comes before it is written before it is read.
        (bytes + capacity).initialize(repeating: 0, count: 64)
    }

    deinit { bytes.deallocate() }
}

/// Cuts a file into blocks. What a block could not finish is put before the next one.
struct BlockReader {
    private let source: ByteSource
    private let size: Int
    private let longestRow: Int
    private var position = 0
    private var isAtEnd = false
    /// Blocks of bytes in memory stand where they are; this keeps a copy of what lies too near their end.
    private(set) var bytesRead = 0

    init(_ source: ByteSource, size: Int, longestRow: Int) {
        self.source = source
        self.longestRow = longestRow
        self.size = size
    }

    /// The next block: `rest` of the last one, then about `size` further bytes, or as many as `rest` has if that is more, so
    /// that a long row is scanned but twice on average; no more than show that a row is too long.
    mutating func next(after rest: UnsafeBufferPointer<UInt8>, into buffer: inout PaddedBuffer) throws -> Block {
        let wanted = rest.count + max(size, min(rest.count, max(0, longestRow - rest.count)))
        // The rest may lie in the buffer that this call replaces: it must outlive the copy.
        let old = buffer
        defer { withExtendedLifetime(old) {} }
        switch source {
        case .bytes(let all):
            let start = position - rest.count
            let end = min(all.count, start + wanted)
            position = end
            bytesRead = end
            let isLast = end == all.count
            if end + 64 <= all.count, let base = all.baseAddress {
                return Block(
                    base: base.assumingMemoryBound(to: UInt8.self) + start, count: end - start, origin: start,
                    isLast: false)
            }
            let copy = PaddedBuffer(capacity: end - start)
            if let base = all.baseAddress {
                copy.bytes.update(from: base.assumingMemoryBound(to: UInt8.self) + start, count: end - start)
            }
            buffer = copy
            return Block(base: UnsafePointer(copy.bytes), count: end - start, origin: start, isLast: isLast)
        case .pull(let pull):
            if buffer.capacity < wanted {
                let larger = PaddedBuffer(capacity: wanted + size / 4)
                if let from = rest.baseAddress { larger.bytes.update(from: from, count: rest.count) }
                buffer = larger
            } else if let from = rest.baseAddress {
                // The rest may lie in this very buffer.
                memmove(buffer.bytes, from, rest.count)
            }
            var count = rest.count
            while !isAtEnd, count < wanted {
                let read = try pull(UnsafeMutableRawBufferPointer(start: buffer.bytes + count, count: wanted - count))
                if read <= 0 { isAtEnd = true } else { count += min(read, wanted - count) }
            }
            let origin = position - rest.count
            position = origin + count
            bytesRead = position
            (buffer.bytes + count).update(repeating: 0, count: 64)
            return Block(base: UnsafePointer(buffer.bytes), count: count, origin: origin, isLast: isAtEnd)
        }
    }

    private func memmove(_ target: UnsafeMutablePointer<UInt8>, _ from: UnsafePointer<UInt8>, _ count: Int) {
        // `update` copes with overlap in either direction.
        if count > 0 { target.update(from: from, count: count) }
    }
}
