import Glibc

/// How full the file system of a path is.
public struct FileSystemSpace: Sendable, CustomStringConvertible {
    public let mountPoint: String
    /// Its name in the mount table: ext4, tmpfs, nfs4.
    public let type: String
    /// Bytes that this user may still write, and bytes in all.
    public let free: Int64
    public let total: Int64
    public let isReadOnly: Bool
    /// Files that can still be made; nil where the file system does not count them.
    public let freeFiles: Int64?

    /// Of the file system that holds `path`, which must exist; zeros where it does not.
    public init(_ path: String) {
        var space = statvfs()
        let known = statvfs(path, &space) == 0
        free = known ? Int64(space.f_bavail) * Int64(space.f_frsize) : 0
        total = known ? Int64(space.f_blocks) * Int64(space.f_frsize) : 0
        isReadOnly = known && space.f_flag & UInt(ST_RDONLY) != 0
        freeFiles = known && space.f_files > 0 ? Int64(space.f_favail) : nil
        (mountPoint, type) = Self.mount(of: path)
    }

    public var description: String {
        let files = freeFiles == 0 ? ", no more files can be made (inodes)" : ""
        return "the file system \(mountPoint)\(type.isEmpty ? "" : " (\(type))"), "
            + "\(Self.bytes(free)) free of \(Self.bytes(total))\(files),"
    }

    /// The longest mount point above a path, and its type: the fields of proc_pid_mountinfo(5).
    private static func mount(of path: String) -> (point: String, type: String) {
        let real = realpath(path, nil)
        defer { Glibc.free(real) }
        let path = real.map { String(cString: $0) } ?? path
        var best = (point: "/", type: "", length: -1)
        for line in ProcFile.lines("/proc/self/mountinfo") {
            let all = line.split(separator: " ")
            guard let dash = all.firstIndex(of: "-"), dash + 1 < all.count else { continue }
            let (fields, type) = (all[..<dash], all[dash + 1])
            guard fields.count > 4 else { continue }
            let point = unescaped(fields[4])
            let isAbove = point == "/" || path == point || path.hasPrefix(point + "/")
            // Of two mounts on one place the later one is seen.
            if isAbove, point.utf8.count >= best.length { best = (point, String(type), point.utf8.count) }
        }
        return (best.point, best.type)
    }

    /// Spaces and the like stand as `\040` in the table.
    private static func unescaped(_ field: Substring) -> String {
        guard field.contains("\\") else { return String(field) }
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Bytes of a file. Throws ``MachineFault``.
    static func size(_ path: String) throws -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw MachineFault(errno: errno, path: path) }
        return Int64(status.st_size)
    }

    /// A number of bytes for a person.
    public static func bytes(_ count: Int64) -> String {
        if count < 1 << 10 { return "\(count) B" }
        let units: [(Int64, String)] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        let (size, name) = units.first { count >= $0.0 } ?? (1, "B")
        let tenths = (count * 10 + size / 2) / size
        return tenths % 10 == 0 || tenths >= 1000 ? "\(tenths / 10) \(name)" : "\(tenths / 10).\(tenths % 10) \(name)"
    }
}
