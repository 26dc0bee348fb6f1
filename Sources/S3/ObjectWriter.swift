import Events
import Glibc

/// Puts objects into a bucket's folder so that nobody ever sees half of one.
///
/// The bytes go to a temporary name, which is no object, then to the disk; then the name changes, and that change goes to the disk
/// too. The watcher tells of it as of any other file.
public struct ObjectWriter: Sendable {
    private let lake: String
    private let traceHeader: String?

    /// A writer into the buckets of a lake, on behalf of the invocation that the trace header is of.
    public init(lake: String, traceHeader: String? = nil) {
        self.lake = lake
        self.traceHeader = traceHeader
    }

    /// Puts bytes under a key.
    ///
    /// Throws ``S3Error``: `NoSuchBucket`, a key that can't be a file, or what the file system refused.
    public func put(_ bytes: [UInt8], bucket: String, key: String) throws {
        try put(bucket: bucket, key: key) { target in
            try bytes.withUnsafeBytes { try Self.write($0, to: target, key) }
        }
    }

    /// O_TMPFILE, which the import leaves out; its own bit is the same on x86-64 and arm64.
    private static let unnamed: Int32 = 0o20_000_000 | O_DIRECTORY

    /// Puts a copy of the file at a path under a key. Throws ``S3Error`` as ``put(_:bucket:key:)`` does.
    public func put(file path: String, bucket: String, key: String) throws {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw Self.failure("can't open \(path)") }
        let source = Descriptor(number)
        guard let status = source.status, ObjectFile.isRegular(status) else {
            throw S3Error(code: "InvalidArgument", message: "\(path) is no regular file.", argument: path)
        }
        try put(reading: source, path, bucket: bucket, key: key)
    }

    /// Puts what standard input gives, to its end. Throws ``S3Error`` as ``put(_:bucket:key:)`` does.
    public func putStandardInput(bucket: String, key: String) throws {
        let number = dup(STDIN_FILENO)
        guard number >= 0 else { throw Self.failure("can't read standard input") }
        try put(reading: Descriptor(number), "standard input", bucket: bucket, key: key)
    }

    private func put(reading source: Descriptor, _ path: String, bucket: String, key: String) throws {
        try put(bucket: bucket, key: key) { target in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
            defer { buffer.deallocate() }
            while true {
                let count = read(source.number, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw Self.failure("can't read \(path)") }
                if count == 0 { return }
                try Self.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: target, key)
            }
        }
    }

    private func put(bucket: String, key: String, _ fill: (Descriptor) throws -> Void) throws {
        if let fault = BucketName.fault(in: bucket) {
            throw S3Error(code: "InvalidBucketName", message: "'\(bucket)' is no bucket: \(fault).", argument: bucket)
        }
        let parts = try ObjectPath.components(ofKey: key)
        guard let name = parts.last else { return }
        let root = open("\(lake)/\(bucket)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else {
            throw S3Error(code: "NoSuchBucket", message: "The specified bucket does not exist", argument: bucket)
        }
        var folders = [Descriptor(root)]
        for part in parts.dropLast() { folders.append(try Self.enter(part, folders[folders.count - 1], key)) }
        let folder = folders[folders.count - 1]
        // Linux refuses a file's name to replace a folder's; said before the bytes are copied.
        var status = stat()
        if fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0, ObjectFile.isFolder(status) {
            throw S3Error(
                code: "InvalidArgument", message: "The key is the name of a folder, which no file can have.",
                argument: key)
        }
        let temporary = ".sluice-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        // Without a name until it is whole: whatever ends this process takes the half file with it.
        var number = openat(folder.number, ".", O_WRONLY | Self.unnamed | O_CLOEXEC, 0o666)
        let hasName = number < 0
        if hasName {
            // A file system that has no such files.
            number = openat(folder.number, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        }
        guard number >= 0 else { throw Self.failure("can't write into the folder of \(key)") }
        do {
            let target = Descriptor(number)
            try fill(target)
            TraceAttribute.set(traceHeader, on: target.number)
            guard fsync(target.number) == 0 else { throw Self.failure("can't write \(key)") }
            if !hasName {
                let path = "/proc/self/fd/\(target.number)"
                guard linkat(AT_FDCWD, path, folder.number, temporary, AT_SYMLINK_FOLLOW) == 0 else {
                    throw Self.failure("can't name the file \(key)")
                }
            }
        } catch {
            unlinkat(folder.number, temporary, 0)
            throw error
        }
        guard renameat(folder.number, temporary, folder.number, name) == 0 else {
            let failure = Self.failure("can't name the file \(key)")
            unlinkat(folder.number, temporary, 0)
            throw failure
        }
        for folder in folders.reversed() {
            guard fsync(folder.number) == 0 else { throw Self.failure("can't write the folder of \(key)") }
        }
    }

    /// Opens a folder, which is made where it is missing; a link is refused.
    private static func enter(_ name: String, _ parent: Descriptor, _ key: String) throws -> Descriptor {
        if mkdirat(parent.number, name, 0o777) != 0, errno != EEXIST {
            throw failure("can't make the folder \(name) of \(key)")
        }
        let number = openat(parent.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw failure("can't open the folder \(name) of \(key)") }
        return Descriptor(number)
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to target: Descriptor, _ key: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(target.number, rest.baseAddress(of: bytes), rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("can't write \(key)") }
            rest = rest.dropFirst(count)
        }
    }

    private static func failure(_ what: String) -> S3Error {
        S3Error(code: "InternalError", message: "\(what): \(String(cString: strerror(errno)))")
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate func baseAddress(of base: UnsafeRawBufferPointer) -> UnsafeRawPointer? {
        base.baseAddress.map { $0 + startIndex }
    }
}
