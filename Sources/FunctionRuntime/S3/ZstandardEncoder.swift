import Glibc

/// Writes Zstandard (RFC 8878), one frame with its checksum. The library is loaded with the first of them.
public final class ZstandardEncoder: ContentEncoder {
    /// The few calls that are needed.
    private struct Library {
        let base: Zstandard
        let create: @convention(c) () -> OpaquePointer?
        let free: @convention(c) (OpaquePointer?) -> Int
        let set: @convention(c) (OpaquePointer?, Int32, Int32) -> Int
        let compress: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer, UnsafeMutableRawPointer, Int32) -> Int

        init() throws {
            base = try Zstandard()
            create = unsafeBitCast(try base.library.symbol("ZSTD_createCCtx"), to: type(of: create))
            free = unsafeBitCast(try base.library.symbol("ZSTD_freeCCtx"), to: type(of: free))
            set = unsafeBitCast(try base.library.symbol("ZSTD_CCtx_setParameter"), to: type(of: set))
            compress = unsafeBitCast(try base.library.symbol("ZSTD_compressStream2"), to: type(of: compress))
        }
    }

    // From <zstd.h>: ZSTD_c_checksumFlag, ZSTD_e_continue and ZSTD_e_end.
    private static let checksumFlag: Int32 = 201
    private static let goOn: Int32 = 0
    private static let end: Int32 = 2

    private let library: Library
    private let context: OpaquePointer?
    private var output = [UInt8](repeating: 0, count: 1 << 17)

    /// Throws where the machine has no libzstd, or no memory.
    public init() throws {
        library = try Library()
        context = library.create()
        guard context != nil else { throw S3Error.failed("zstd", "no memory for the encoder") }
        _ = library.set(context, Self.checksumFlag, 1)
    }

    deinit { _ = library.free(context) }

    public func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var taken = Zstandard.Buffer(
            bytes: bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) }, size: bytes.count, position: 0)
        while true {
            let (left, made) = output.withUnsafeMutableBytes { output in
                var made = Zstandard.Buffer(bytes: output.baseAddress, size: output.count, position: 0)
                let left = library.compress(context, &made, &taken, isLast ? Self.end : Self.goOn)
                return (left, made.position)
            }
            if let reason = library.base.failure(left) { throw S3Error.failed("zstd", reason) }
            if made > 0 { try output.withUnsafeBytes { try sink(UnsafeRawBufferPointer(rebasing: $0[..<made])) } }
            if isLast ? left == 0 : taken.position == taken.size { return }
        }
    }
}
