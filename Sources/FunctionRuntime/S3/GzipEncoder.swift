import CZlib

/// Compresses what is written a piece at a time. For one thread at a time.
public protocol ContentEncoder: AnyObject {
    /// Compresses the next bytes; `sink` gets what is ready, perhaps nothing. `isLast` ends it. Throws what `sink` throws, and
    /// ``S3Error``.
    func encode(_ bytes: UnsafeRawBufferPointer, isLast: Bool, sink: (UnsafeRawBufferPointer) throws -> Void) throws
}

extension Compression {
    /// A new encoder. Throws where the machine has no library for it.
    public func encoder() throws -> any ContentEncoder {
        switch self {
        case .gzip: GzipEncoder()
        case .zstd: try ZstandardEncoder()
        }
    }
}

/// Writes gzip (RFC 1952), one member.
public final class GzipEncoder: ContentEncoder {
    private var stream = z_stream()
    private let isReady: Bool
    private var output = [UInt8](repeating: 0, count: 1 << 18)

    /// A compression level from 1 (fast) to 9 (small).
    public init(level: Int32 = 6) {
        // 15 bits of window, and 16 for gzip's wrapper.
        isReady =
            deflateInit2_(
                &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit { if isReady { deflateEnd(&stream) } }

    public func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard isReady else { throw S3Error.failed("gzip", "no memory for the encoder") }
        var rest = bytes[...]
        repeat {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = rest.dropFirst(piece.count)
            stream.next_in = UnsafeMutablePointer(mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(piece.count)
            var isFull = true
            while isFull {
                let made = output.withUnsafeMutableBufferPointer { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    deflate(&stream, isLast && rest.isEmpty ? Z_FINISH : Z_NO_FLUSH)
                    return output.count - Int(stream.avail_out)
                }
                isFull = stream.avail_out == 0
                if made > 0 { try output.withUnsafeBytes { try sink(UnsafeRawBufferPointer(rebasing: $0[..<made])) } }
            }
        } while !rest.isEmpty
    }
}
