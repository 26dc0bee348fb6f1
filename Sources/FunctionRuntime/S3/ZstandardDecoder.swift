import Glibc

/// Decodes Zstandard (RFC 8878), any number of frames. The library is loaded when the first such object is opened, so that
/// functions that never meet one don't pay for it at their start.
final class ZstandardDecoder: ByteSource {
    /// `ZSTD_inBuffer` and `ZSTD_outBuffer`: their layout is the library's stable interface.
    private struct Buffer {
        var bytes: UnsafeMutableRawPointer?
        var size: Int
        var position: Int
    }

    /// The few calls that are needed.
    private struct Library {
        let create: @convention(c) () -> OpaquePointer?
        let free: @convention(c) (OpaquePointer?) -> Int
        let decompress: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int
        let isError: @convention(c) (Int) -> UInt32
        let errorName: @convention(c) (Int) -> UnsafePointer<CChar>

        init() throws {
            let library = try DynamicLibrary("libzstd.so.1")
            create = unsafeBitCast(try library.symbol("ZSTD_createDStream"), to: type(of: create))
            free = unsafeBitCast(try library.symbol("ZSTD_freeDStream"), to: type(of: free))
            decompress = unsafeBitCast(try library.symbol("ZSTD_decompressStream"), to: type(of: decompress))
            isError = unsafeBitCast(try library.symbol("ZSTD_isError"), to: type(of: isError))
            errorName = unsafeBitCast(try library.symbol("ZSTD_getErrorName"), to: type(of: errorName))
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
            var taken = Buffer(bytes: available.baseAddress, size: available.count, position: 0)
            var made = Buffer(bytes: buffer.baseAddress, size: buffer.count, position: 0)
            let result = library.decompress(stream, &made, &taken)
            input.use(taken.position)
            if library.isError(result) != 0 { throw corrupt(String(cString: library.errorName(result))) }
            midway = result != 0
            full = made.position == made.size && midway
            if made.position > 0 { return made.position }
        }
    }
}

/// A shared library, opened when it is first needed and kept for the life of the process.
struct DynamicLibrary {
    /// A library, or a symbol of it, is not on this machine.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    private let handle: UnsafeMutableRawPointer

    init(_ name: String) throws {
        guard let handle = dlopen(name, RTLD_NOW) else {
            throw Missing(description: dlerror().map { String(cString: $0) } ?? "\(name) can't be loaded")
        }
        self.handle = handle
    }

    func symbol(_ name: String) throws -> UnsafeMutableRawPointer {
        guard let symbol = dlsym(handle, name) else { throw Missing(description: "\(name) is missing") }
        return symbol
    }
}
