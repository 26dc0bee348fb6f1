import Events
import Glibc

/// An object that is being written a piece at a time. It appears whole once it is finished, or not at all.
///
/// Up to 1 MiB stays in memory; more goes to a temporary file, in the bucket's folder here and in `/tmp` on AWS (where the
/// function's `EphemeralStorage` bounds it). For one thread at a time.
public final class S3Upload {
    /// The object's bucket.
    public let bucket: String
    /// The object's key.
    public let key: String
    /// Bytes written so far, before they are compressed.
    public private(set) var size: Int64 = 0

    /// `s3://bucket/key`
    public var uri: String { "s3://\(bucket)/\(key)" }

    private let lake: Lake?
    private let encoder: (any ContentEncoder)?
    private var buffer: [UInt8] = []
    private var file: TemporaryFile?
    private static let limit = 1 << 20

    /// Nothing is opened yet. What is written goes through `encoder`.
    public convenience init(bucket: String, key: String, encoder: (any ContentEncoder)? = nil) {
        self.init(bucket: bucket, key: key, encoder: encoder, lake: Lake.current)
    }

    init(bucket: String, key: String, encoder: (any ContentEncoder)? = nil, lake: Lake?) {
        self.bucket = bucket
        self.key = key
        self.encoder = encoder
        self.lake = lake
    }

    /// Takes the next bytes. Throws ``S3Error``.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        size += Int64(bytes.count)
        if let encoder { try encoder.encode(bytes, isLast: false, sink: keep) } else { try keep(bytes) }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.limit { try flush() }
    }

    /// Removes the object of this name, if there is one, instead of writing it. Throws ``S3Error``.
    public func remove() throws {
        (file, buffer) = (nil, [])
        guard let lake else { return try S3Client().delete(bucket: bucket, key: key) }
        let folder: Lake.Folder
        do { folder = try Lake.Folder(lake: lake, bucket: bucket, key: key, creating: false) } catch S3Error.noSuchKey {
            return
        }
        guard unlinkat(folder.descriptor, folder.name, 0) == 0 || errno == ENOENT else {
            throw Lake.Folder.error(uri)
        }
    }

    /// Puts the object in its place. Throws ``S3Error``; the object is then as it was before.
    public func finish() throws {
        try encoder?.encode(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true, sink: keep)
        if let lake {
            try flush()
            let file = try self.file ?? TemporaryFile(lake: lake, bucket: bucket, key: key)
            try file.moveIntoPlace()
        } else if let file {
            try flush()
            try file.withBytes { try S3Client().put(bucket: bucket, key: key, bytes: $0) }
        } else {
            try buffer.withUnsafeBytes { try S3Client().put(bucket: bucket, key: key, bytes: $0) }
        }
        file = nil
        buffer = []
    }

    private func flush() throws {
        guard !buffer.isEmpty else { return }
        let file = try self.file ?? TemporaryFile(lake: lake, bucket: bucket, key: key)
        self.file = file
        try buffer.withUnsafeBytes { try file.write($0) }
        buffer.removeAll(keepingCapacity: true)
    }
}

/// A file under a name that is no object's, until it is moved to its own. Without a lake it has no name at all.
private final class TemporaryFile {
    private let uri: String
    private let folder: Lake.Folder?
    private var name: String?
    private let descriptor: Int32
    private var size = 0

    init(lake: Lake?, bucket: String, key: String) throws {
        uri = "s3://\(bucket)/\(key)"
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        // A name that begins with a dot is no object.
        let name = ".sluice-put-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        if let lake {
            let folder = try Lake.Folder(lake: lake, bucket: bucket, key: key, creating: true)
            descriptor = openat(folder.descriptor, name, flags, 0o644)
            self.folder = folder
            self.name = name
        } else {
            descriptor = open("/tmp/" + name, flags, 0o600)
            unlink("/tmp/" + name)
            folder = nil
        }
        guard descriptor >= 0 else {
            self.name = nil
            throw Lake.Folder.error(uri)
        }
    }

    deinit {
        if let folder, let name { unlinkat(folder.descriptor, name, 0) }
        if descriptor >= 0 { close(descriptor) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Lake.Folder.error(uri) }
            rest = rest.dropFirst(count)
        }
        size += bytes.count
    }

    /// fsync → rename → fsync of the folder.
    func moveIntoPlace() throws {
        guard let folder, let name else { return }
        TraceAttribute.set(FunctionEnvironment["_X_AMZN_TRACE_ID"], on: descriptor)
        guard fsync(descriptor) == 0, renameat(folder.descriptor, name, folder.descriptor, folder.name) == 0 else {
            throw Lake.Folder.error(uri)
        }
        self.name = nil
        guard fsync(folder.descriptor) == 0 else { throw Lake.Folder.error(uri) }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard size > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw Lake.Folder.error(uri)
        }
        defer { munmap(address, size) }
        try body(UnsafeRawBufferPointer(start: address, count: size))
    }
}
