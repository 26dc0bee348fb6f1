import Glibc

/// The lake's buckets as folders: `SLUICE_LAKE/bucket/key`.
struct Lake {
    let path: String

    /// nil outside Sluice.
    static var current: Lake? { FunctionEnvironment["SLUICE_LAKE"].map(Lake.init(path:)) }

    /// Opens an object's file.
    func open(bucket: String, key: String) throws -> LakeFile {
        let uri = "s3://\(bucket)/\(key)"
        let folder = try Folder(lake: self, bucket: bucket, key: key, creating: false)
        let descriptor = openat(folder.descriptor, folder.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Folder.error(uri) }
        return try LakeFile(descriptor: descriptor, uri: uri)
    }
}

extension Lake {
    /// The folder that holds an object, reached one step at a time without following a link: no key leads out of its bucket.
    final class Folder {
        let descriptor: Int32
        /// The object's name in it.
        let name: String

        init(lake: Lake, bucket: String, key: String, creating: Bool) throws {
            let uri = "s3://\(bucket)/\(key)"
            let allowed = { (byte: UInt8) in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E
            }
            guard (3...63).contains(bucket.utf8.count), bucket.utf8.allSatisfy(allowed), !bucket.hasPrefix(".") else {
                throw S3Error.badName(uri, "'\(bucket)' is no bucket's name")
            }
            let parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            let isPath = parts.allSatisfy {
                !["", ".", ".."].contains($0) && $0.utf8.count <= 255 && !$0.utf8.contains(0)
            }
            guard isPath, let last = parts.last else {
                throw S3Error.badName(uri, "no file can have this key; read it through the S3 API")
            }
            var here = Glibc.open("\(lake.path)/\(bucket)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard here >= 0 else { throw errno == ENOENT ? S3Error.failed(uri, "no such bucket") : Self.error(uri) }
            for part in parts.dropLast() {
                if creating { mkdirat(here, part, 0o755) }
                let next = openat(here, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                let failure = errno
                close(here)
                errno = failure
                guard next >= 0 else { throw Self.error(uri) }
                here = next
            }
            descriptor = here
            name = last
        }

        deinit { close(descriptor) }

        static func error(_ uri: String) -> S3Error {
            switch errno {
            case ENOENT: .noSuchKey(uri)
            case ELOOP: .badName(uri, "a symbolic link is no object")
            case ENOTDIR: .badName(uri, "a part of the path is no folder")
            default: .failed(uri, String(cString: strerror(errno)))
            }
        }
    }
}

/// An object's file, read in order. At its end it must still be what it was at its start.
final class LakeFile: StoredObject {
    private let descriptor: Int32
    private let uri: String
    private let opened: stat
    private var position: Int64 = 0

    var size: Int64 { Int64(opened.st_size) }
    var version: String { "\(opened.st_ino)-\(opened.st_size)-\(opened.st_mtim.tv_sec).\(opened.st_mtim.tv_nsec)" }

    /// Takes the descriptor over.
    init(descriptor: Int32, uri: String) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw S3Error.badName(uri, "not a regular file")
        }
        self.descriptor = descriptor
        self.uri = uri
        opened = status
    }

    deinit { close(descriptor) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard buffer.count > 0 else { return 0 }
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, Int(position))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw S3Error.failed(uri, "read: \(String(cString: strerror(errno)))") }
            position += Int64(count)
            if count == 0 { try checkUnchanged() }
            return count
        }
    }

    private func checkUnchanged() throws {
        var now = stat()
        guard fstat(descriptor, &now) == 0, position == size, now.st_size == opened.st_size,
            now.st_mtim.tv_sec == opened.st_mtim.tv_sec, now.st_mtim.tv_nsec == opened.st_mtim.tv_nsec
        else { throw S3Error.changed(uri, "it was written to while it was read") }
    }
}
