import Glibc

/// How bytes are compressed.
public enum Compression: String, Sendable, CaseIterable {
    /// RFC 1952, any number of members.
    case gzip
    /// RFC 8878, any number of frames.
    case zstd

    /// What a name promises: `.gz`, `.gzip`, `.zst`, `.zstd`; nil where it promises none.
    public init?(suffixOf name: String) {
        let name = name.lowercased()
        if name.hasSuffix(".gz") || name.hasSuffix(".gzip") {
            self = .gzip
        } else if name.hasSuffix(".zst") || name.hasSuffix(".zstd") {
            self = .zstd
        } else {
            return nil
        }
    }

    /// What the first four bytes show, as far as there are four; nil where it is none.
    public init?(magic: some Collection<UInt8>) {
        let bytes = Array(magic.prefix(4))
        if bytes.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if bytes == [0x28, 0xB5, 0x2F, 0xFD]
            // A skippable frame.
            || (bytes.count == 4 && bytes[0] & 0xF0 == 0x50 && bytes[1...] == [0x2A, 0x4D, 0x18])
        {
            self = .zstd
        } else {
            return nil
        }
    }
}

/// Which bytes a reader gives.
public enum Decoding: Sendable, Equatable {
    /// gzip and Zstandard are undone, recognised by their first bytes, whatever the name says.
    case automatic
    /// As ``automatic``, but a name whose suffix promises gzip or Zstandard has to keep the promise, as a reader that goes by
    /// the suffix (Spark, Hadoop) would need it.
    case strict
    /// This compression is undone, and nothing else is accepted.
    case only(Compression)
    /// The bytes as they are stored.
    case none
}

/// The bytes of an object, a file or a pipe in order, with gzip and Zstandard undone.
///
/// For one thread at a time.
public final class ContentReader {
    /// The object's URI or the file's path, for messages.
    public let name: String
    /// Bytes as stored; nil for a pipe, which has no end that is known.
    public let size: Int64?

    private let stored: CountingSource
    private let decoding: Decoding
    private var decoded: HeadSource?

    init(_ source: any ByteSource, name: String, size: Int64?, decoding: Decoding) {
        self.name = name
        self.size = size
        self.decoding = decoding
        stored = CountingSource(source)
    }

    /// Opens a file, a device or a named pipe. A file has to stay as it is until its end is reached.
    ///
    /// Throws ``S3Error`` with the path where that can't be read.
    public convenience init(path: String, decoding: Decoding = .automatic) throws {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw S3Error.failed(path, String(cString: strerror(errno))) }
        try self.init(descriptor: descriptor, name: path, decoding: decoding)
    }

    /// Reads from an open file descriptor, which it takes over.
    public convenience init(descriptor: Int32, name: String, decoding: Decoding = .automatic) throws {
        var status = stat()
        fstat(descriptor, &status)
        switch status.st_mode & S_IFMT {
        case S_IFREG where lseek(descriptor, 0, SEEK_CUR) == 0:
            let file = try LakeFile(descriptor: descriptor, uri: name)
            self.init(file, name: name, size: file.size, decoding: decoding)
        case S_IFDIR:
            close(descriptor)
            throw S3Error.failed(name, "it is a folder")
        default:
            self.init(PipeSource(descriptor: descriptor, name: name), name: name, size: nil, decoding: decoding)
        }
    }

    /// Opens an object by its URI in a lake's folder of buckets.
    ///
    /// Throws ``S3Error``.
    public convenience init(uri: String, lake: String, decoding: Decoding = .automatic) throws {
        let (bucket, key) = try S3Object.parts(of: uri)
        let file = try Lake(path: lake).open(bucket: bucket, key: key)
        self.init(file, name: uri, size: file.size, decoding: decoding)
    }

    /// How many of the stored bytes have been taken so far.
    public var storedBytesRead: Int64 { stored.count }

    /// Fills some of `buffer` with the next bytes; 0 at the end.
    ///
    /// Throws ``CorruptObject`` where compressed data are broken or cut off, and ``S3Error``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try source().read(into: buffer)
    }

    /// The next bytes, up to `count` and fewer only where there are no more. They are still to be read.
    public func peek(_ count: Int) throws -> [UInt8] { try source().peek(count) }

    /// All bytes from here to the end.
    public func readAll() throws -> [UInt8] {
        var all: [UInt8] = []
        var step = Int(clamping: min(size ?? 1 << 16, 1 << 20)) + 1
        while true {
            let block = try [UInt8](unsafeUninitializedCapacity: step) { buffer, count in
                count = try read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if block.isEmpty { return all }
            all.append(contentsOf: block)
            step = 1 << 20
        }
    }

    private func source() throws -> HeadSource {
        if let decoded { return decoded }
        let source = try decode()
        decoded = source
        return source
    }

    /// Decides by the first bytes, which it hands on.
    private func decode() throws -> HeadSource {
        let head = HeadSource(stored)
        let compression: Compression?
        switch decoding {
        case .none: return head
        case .only(let wanted): compression = wanted
        case .automatic: compression = Compression(magic: try head.peek(4))
        case .strict:
            compression = Compression(magic: try head.peek(4))
            if let promised = Compression(suffixOf: name), promised != compression {
                let found = compression.map { "are \($0.rawValue)" } ?? "are not"
                throw CorruptObject(
                    uri: name, encoding: promised.rawValue, position: 0,
                    reason: "the name says \(promised.rawValue), the bytes \(found)")
            }
        }
        switch compression {
        case .gzip: return HeadSource(try Inflater(head, uri: name))
        case .zstd: return HeadSource(try ZstandardDecoder(head, uri: name))
        case nil: return head
        }
    }
}

/// Counts what was read.
private final class CountingSource: ByteSource {
    private let source: any ByteSource
    private(set) var count: Int64 = 0

    init(_ source: any ByteSource) { self.source = source }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let read = try source.read(into: buffer)
        count += Int64(read)
        return read
    }
}

/// What comes through a pipe or from a device.
private final class PipeSource: ByteSource {
    private let descriptor: Int32
    private let name: String

    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    deinit { close(descriptor) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw S3Error.failed(name, "read: \(String(cString: strerror(errno)))") }
            return count
        }
    }
}

/// A source whose first bytes can be looked at before they are read.
final class HeadSource: ByteSource {
    private let source: any ByteSource
    private var head: [UInt8] = []

    init(_ source: any ByteSource) { self.source = source }

    /// The first `count` bytes, fewer only where there are no more.
    func peek(_ count: Int) throws -> [UInt8] {
        while head.count < count {
            let more = try [UInt8](unsafeUninitializedCapacity: count - head.count) { buffer, filled in
                filled = try source.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if more.isEmpty { break }
            head.append(contentsOf: more)
        }
        return Array(head.prefix(count))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard !head.isEmpty else { return try source.read(into: buffer) }
        let count = min(head.count, buffer.count)
        buffer.copyBytes(from: head[..<count])
        head.removeFirst(count)
        return count
    }
}
