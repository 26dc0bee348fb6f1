import Glibc

/// Puts objects into buckets as a careful writer does: under a name that is no object's, to the disk, then with one move.
public enum ObjectUpload {
    /// Copies what `source` holds into an object and returns its bytes. Folders on the way are made, the bucket is not.
    /// Throws ``S3Error`` for a key that can't be a file, a bucket that is not there, or a disk that refuses.
    public static func put(from source: Int32, lake: String, bucket: String, key: String) throws(S3Error) -> Int64 {
        try write(lake: lake, bucket: bucket, key: key) { (target) throws(S3Error) in
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            var size: Int64 = 0
            while true {
                let count = buffer.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
                if count == 0 { return size }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw Self.failure("reading")
                }
                try append(buffer[..<count], to: target)
                size += Int64(count)
            }
        }
    }

    /// Makes an object of some bytes.
    public static func put(_ bytes: [UInt8], lake: String, bucket: String, key: String) throws(S3Error) {
        _ = try write(lake: lake, bucket: bucket, key: key) { (target) throws(S3Error) in
            try append(bytes[...], to: target)
            return Int64(bytes.count)
        }
    }

    private static func write(
        lake: String, bucket: String, key: String, _ body: (Int32) throws(S3Error) -> Int64
    ) throws(S3Error) -> Int64 {
        let path = try ObjectPath.resolve(lake: lake, bucket: bucket, key: key)
        var status = stat()
        guard stat("\(lake)/\(bucket)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw S3Error(code: "NoSuchBucket", message: "The specified bucket does not exist", argument: bucket)
        }
        let folder = try makeFolders(lake: lake, bucket: bucket, key: key)
        let temporary = "\(folder)/.put-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let target = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard target >= 0 else { throw failure("creating a file") }
        do throws(S3Error) {
            let size = try body(target)
            guard fsync(target) == 0 else { throw failure("writing") }
            close(target)
            guard rename(temporary, path) == 0 else { throw failure("moving it into place") }
            sync(folder)
            return size
        } catch {
            close(target)
            unlink(temporary)
            throw error
        }
    }

    /// Makes the folders of a key, none of them through a link; returns the last one.
    private static func makeFolders(lake: String, bucket: String, key: String) throws(S3Error) -> String {
        var folder = "\(lake)/\(bucket)"
        for part in try ObjectPath.components(ofKey: key).dropLast() {
            folder += "/" + part
            if mkdir(folder, 0o755) == 0 { continue }
            guard errno == EEXIST else { throw failure("making a folder") }
            var status = stat()
            guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw S3Error(
                    code: "InvalidArgument", message: "The key can't be a file in a bucket: \(folder) is no folder.",
                    argument: key)
            }
        }
        return folder
    }

    private static func append(_ bytes: ArraySlice<UInt8>, to target: Int32) throws(S3Error) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(target, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw failure("writing")
            }
        }
    }

    private static func sync(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ doing: String) -> S3Error {
        S3Error(code: "InternalError", message: "\(doing) failed: \(String(cString: strerror(errno)))")
    }
}
