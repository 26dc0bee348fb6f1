import Glibc

/// Decodes Zstandard (RFC 8878), any number of frames. The library is loaded when the first such object is opened, so that
/// functions that never meet one don't pay for it at their start.
final class ZstandardDecoder: ByteSource {
    /// The few calls that are needed.
    private struct Library {
        let base: Zstandard
        let create: @convention(c) () -> OpaquePointer?
        let free: @convention(c) (OpaquePointer?) -> Int
        let decompress: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int

        init() throws {
            base = try Zstandard()
            create = unsafeBitCast(try base.library.symbol("ZSTD_createDStream"), to: type(of: create))
            free = unsafeBitCast(try base.library.symbol("ZSTD_freeDStream"), to: type(of: free))
            decompress = unsafeBitCast(try base.library.symbol("ZSTD_decompressStream"), to: type(of: decompress))
        }
    }

    private let library: Library
    private let stream: OpaquePointer?
    private var input: CompressedInput
    private let uri: String
    /// Whether a frame has begun and not ended.
    private var midway = true
    /// Whether the decoder may hold output that did not fit.
    private var full = false

    init(_ source: any ByteSource, uri: String) throws {
        library = try Library()
        input = CompressedInput(source)
        self.uri = uri
        stream = library.create()
        guard stream != nil else { throw corrupt("no memory for the decoder") }
    }

    deinit { _ = library.free(stream) }

    private func corrupt(_ reason: String) -> CorruptObject {
        CorruptObject(uri: uri, encoding: "zstd", position: input.position, reason: reason)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard buffer.count > 0 else { return 0 }
        while true {
            let available = try input.available()
            if available.isEmpty, !full {
                if midway { throw corrupt("the data ends in the middle of a frame") }
                return 0
            }
            var taken = Zstandard.Buffer(bytes: available.baseAddress, size: available.count, position: 0)
            var made = Zstandard.Buffer(bytes: buffer.baseAddress, size: buffer.count, position: 0)
            let result = library.decompress(stream, &made, &taken)
            input.use(taken.position)
            if let reason = library.base.failure(result) { throw corrupt(reason) }
            midway = result != 0
            full = made.position == made.size && midway
            if made.position > 0 { return made.position }
        }
    }
}
