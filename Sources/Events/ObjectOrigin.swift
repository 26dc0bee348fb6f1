import CExtendedAttributes
import Glibc

/// Where an object's bytes came from, as far as its file tells: what links an upload to the invocation that made it.
///
/// On AWS the SDK sends `X-Amzn-Trace-Id` with its requests, and S3 hands the header on to the functions that it notifies.
/// Here the header is an extended attribute of the file.
public struct ObjectOrigin: Sendable, Hashable {
    /// When the file was last written or moved, by the file system's clock; nil for an object that was removed.
    public var written: Timestamp?
    /// The X-Ray trace header of the invocation that wrote it.
    public var traceHeader: String?

    /// Makes an origin.
    public init(written: Timestamp? = nil, traceHeader: String? = nil) {
        self.written = written
        self.traceHeader = traceHeader
    }
}

/// The extended attribute that carries a trace header: `NANOSECONDS;HEADER`, with the time of the last change of the content
/// that it is about, so that a later writer of the same file does not inherit it.
///
/// A file system without extended attributes carries none.
public enum TraceAttribute {
    private static let name = "user.sluice.trace"
    private static let limit = 1024

    /// Notes on an open file, after its last write, that this invocation wrote it; nothing where there is no header.
    public static func set(_ header: String?, on descriptor: Int32) {
        var status = stat()
        guard let header, !header.isEmpty, fstat(descriptor, &status) == 0 else { return }
        let value = Array("\(modified(status));\(header)".utf8)
        guard value.count <= limit else { return }
        _ = fsetxattr(descriptor, name, value, value.count, 0)
    }

    /// The header on an open file, where it is about the content that the file has now.
    public static func get(from descriptor: Int32) -> String? {
        var status = stat()
        let bytes = withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { buffer -> [UInt8]? in
            let count = fgetxattr(descriptor, name, buffer.baseAddress, buffer.count)
            return count > 0 ? Array(buffer[..<count]) : nil
        }
        guard let bytes, let text = String(validating: bytes, as: UTF8.self), fstat(descriptor, &status) == 0
        else { return nil }
        let parts = text.split(separator: ";", maxSplits: 1)
        guard parts.count == 2, Int64(parts[0]) == modified(status) else { return nil }
        return String(parts[1])
    }

    private static func modified(_ status: stat) -> Int64 {
        Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}
