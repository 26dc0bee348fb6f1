import Glibc

/// What reading and writing of Zstandard share: the library, loaded with the first object that needs it, so that functions that
/// never meet one don't pay for it at their start, and how it tells of errors.
struct Zstandard {
    /// `ZSTD_inBuffer` and `ZSTD_outBuffer`: their layout is the library's stable interface.
    struct Buffer {
        var bytes: UnsafeMutableRawPointer?
        var size: Int
        var position: Int
    }

    let library: DynamicLibrary
    private let isError: @convention(c) (Int) -> UInt32
    private let errorName: @convention(c) (Int) -> UnsafePointer<CChar>

    /// Throws ``DynamicLibrary/Missing``.
    init() throws {
        library = try DynamicLibrary("libzstd.so.1")
        isError = unsafeBitCast(try library.symbol("ZSTD_isError"), to: type(of: isError))
        errorName = unsafeBitCast(try library.symbol("ZSTD_getErrorName"), to: type(of: errorName))
    }

    /// What is wrong, in the library's words; nil where the result is none of its errors.
    func failure(_ result: Int) -> String? { isError(result) == 0 ? nil : String(cString: errorName(result)) }
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
