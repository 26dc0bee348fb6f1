import Glibc

/// Small files, whole.
enum TextFile {
    /// The text of a file, or nil where it can't be read. Bytes that are no UTF-8 become U+FFFD.
    static func read(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

    /// The last bytes of a file as text, or nil where it can't be read.
    static func tail(_ path: String, bytes limit: Int) -> String? {
        bytes(path, last: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a file, or its last ones, or nil where it can't be read.
    static func bytes(_ path: String, last limit: Int = .max) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        if Int(status.st_size) > limit { lseek(descriptor, off_t(Int(status.st_size) - limit), SEEK_SET) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        // A file that still grows must not hold us here.
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return bytes
    }

    /// Writes a new file; false where that fails.
    static func write(_ bytes: [UInt8], to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                let code = errno
                close(descriptor)
                errno = code
                return false
            }
            done += count
        }
        return close(descriptor) == 0
    }

    /// The names in a folder, without `.` and `..`; empty where it can't be read.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Appends a line. Losing one is no reason to stop: logs are for people.
    static func append(_ line: String, to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array("\(line)\n".utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }

    /// `errno` of what keeps a file from being written in a folder; nil where one can be.
    static func fault(in folder: String) -> Int32? {
        let path = "\(folder)/probe"
        defer { unlink(path) }
        return write([UInt8](repeating: 0x20, count: 4096), to: path) ? nil : errno
    }

    /// Makes a folder and those above it; false where that fails.
    static func makeFolder(_ path: String) -> Bool {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return true }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return false }
        return makeFolder(String(path[..<slash])) && (mkdir(path, 0o755) == 0 || errno == EEXIST)
    }

    /// Removes a folder with all in it, following no link.
    static func removeFolder(_ path: String) {
        for name in names(in: path) {
            let child = "\(path)/\(name)"
            if unlink(child) != 0 { removeFolder(child) }
        }
        rmdir(path)
    }
}
