import CZlib

/// A stream of bytes that is pulled. 0 bytes mean its end, and only that.
protocol ByteSource: AnyObject {
    /// Fills some of `buffer`, at least one byte unless the end is reached.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// An object's bytes are no good compressed data.
public struct CorruptObject: Error, Sendable, Equatable, CustomStringConvertible {
    /// `s3://bucket/key`
    public let uri: String
    /// `gzip` or `zstd`.
    public let encoding: String
    /// Where in the object, in compressed bytes from 0, the decoder stood.
    public let position: Int64
    /// What was wrong there.
    public let reason: String

    /// For a person.
    public var description: String { "\(uri): \(encoding) at byte \(position): \(reason)" }
}

/// Compressed bytes as they come in, a block at a time, with the count of those that a decoder has used.
struct CompressedInput: ~Copyable {
    private let source: any ByteSource
    private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    private var start = 0
    private var end = 0
    /// Bytes used so far.
    private(set) var position: Int64 = 0

    init(_ source: any ByteSource) { self.source = source }

    deinit { block.deallocate() }

    /// What is there and not used yet; fetches a block where that is nothing. Empty at the end.
    mutating func available() throws -> UnsafeMutableRawBufferPointer {
        if start == end {
            start = 0
            end = try source.read(into: block)
        }
        return UnsafeMutableRawBufferPointer(rebasing: block[start..<end])
    }

    mutating func use(_ count: Int) {
        start += count
        position += Int64(count)
    }
}

/// Decodes gzip (RFC 1952), any number of members one after another; zero bytes may pad the end, as tapes and tar leave them.
final class Inflater: ByteSource {
    private var input: CompressedInput
    private let uri: String
    private var stream = z_stream()
    private enum State { case member, between, padding, end }
    private var state = State.member

    init(_ source: any ByteSource, uri: String) throws {
        input = CompressedInput(source)
        self.uri = uri
        // 15 bits of window, and 16 for a gzip wrapper and nothing else.
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw corrupt("no memory for the decoder")
        }
    }

    deinit { inflateEnd(&stream) }

    private func corrupt(_ reason: String) -> CorruptObject {
        CorruptObject(uri: uri, encoding: "gzip", position: input.position, reason: reason)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard buffer.count > 0 else { return 0 }
        while true {
            let available = try input.available()
            switch state {
            case .end:
                return 0
            case .member:
                guard !available.isEmpty else { throw corrupt("the data ends in the middle of a member") }
                let made = try inflate(available, into: buffer)
                if made > 0 { return made }
            case .between:
                guard let first = available.first else { return end() }
                if first == 0 {
                    state = .padding
                } else if first == 0x1F {
                    inflateReset(&stream)
                    state = .member
                } else {
                    throw corrupt("what follows the last member is no gzip")
                }
            case .padding:
                if available.isEmpty { return end() }
                if let other = available.firstIndex(where: { $0 != 0 }) {
                    input.use(other)
                    throw corrupt("what follows the last member is no gzip")
                }
                input.use(available.count)
            }
        }
    }

    private func end() -> Int {
        state = .end
        return 0
    }

    private func inflate(_ available: UnsafeMutableRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer) throws
        -> Int
    {
        let limit = min(buffer.count, 1 << 30)
        stream.next_in = available.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = UInt32(available.count)
        stream.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(limit)
        let result = CZlib.inflate(&stream, Z_NO_FLUSH)
        input.use(available.count - Int(stream.avail_in))
        switch result {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: state = .between
        default: throw corrupt(stream.msg.map { String(cString: $0) } ?? "zlib's error \(result)")
        }
        return limit - Int(stream.avail_out)
    }
}
