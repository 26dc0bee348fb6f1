import GRDB
import Glibc

/// What of the machine keeps a file from being written: found out by trying, and said with what to do about it.
///
/// SQLite tells "disk I/O error"; a person needs to know which file system, how full, or who holds the lock.
public struct MachineFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// One of a few kinds; a fault is told again only when its kind changes.
    public enum Kind: Sendable, Hashable {
        case full, quota, readOnly, permission, descriptors, processes, locked, disk, memory, fileSize, missing, other
    }

    public let kind: Kind
    /// What is wrong and what to do, without a full stop at the end.
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// The fault behind `errno` at a path.
    public init(errno code: Int32, path: String) {
        let folder = Self.existing(path)
        switch code {
        case ENOSPC:
            let space = FileSystemSpace(folder)
            self.init(.full, "\(space) is full. \(Self.makeRoom(space, need: Self.need(path)))")
        case EDQUOT:
            self.init(.quota, "\(path): the disk quota of this user is used up. Remove files, or have the quota raised")
        case EROFS:
            let space = FileSystemSpace(folder)
            self.init(
                .readOnly,
                "\(path): \(space) is read-only. Mount it for writing again (mount -o remount,rw \(space.mountPoint)); "
                    + "if the kernel made it read-only after a fault (dmesg), have the disk checked first")
        case EACCES, EPERM:
            self.init(
                .permission,
                "\(path): this user (uid \(geteuid())) may not write here. Give the folder \(folder) and what is in it to the "
                    + "user that runs the host (chown -R, chmod u+rwX), or use another state folder with --state")
        case EMFILE:
            self.init(
                .descriptors,
                "this process has no file descriptors left (limit \(ProcessLimits.descriptors.current)). "
                    + "Raise the limit: 'ulimit -n 65536', or LimitNOFILE=65536 in the systemd unit")
        case ENFILE:
            self.init(
                .descriptors,
                "the whole system has no file descriptors left (fs.file-max). End what holds them, or raise it: "
                    + "sysctl fs.file-max=1000000")
        case EAGAIN:
            self.init(
                .processes,
                "no more processes or threads can be started (ulimit -u is \(ProcessLimits.processes.current), see also "
                    + "kernel.pid_max and the cgroup's pids.max). End others, or raise the limit: TasksMax= and LimitNPROC= in the "
                    + "systemd unit")
        case ENOMEM:
            self.init(.memory, "there is no memory left. End other programs, or add memory or swap")
        case EFBIG:
            self.init(.fileSize, "\(path): the file may not grow further (ulimit -f, or the file system's own limit)")
        case EIO, ENXIO, ENODEV:
            self.init(
                .disk,
                "\(path): the disk of \(FileSystemSpace(folder)) reports errors (\(Self.text(code))). Look at 'dmesg', and have a "
                    + "backup at hand ('sluice backup' to another disk)")
        case ENOENT, ENOTDIR, ESTALE:
            self.init(
                .missing,
                "\(path): \(Self.text(code)). Is the file system that holds \(folder) mounted as it should be?")
        default: self.init(.other, "\(path): \(Self.text(code))")
        }
    }

    /// The fault behind what SQLite said about the database at `path`.
    init(_ error: DatabaseError, path: String) {
        if error.resultCode == .SQLITE_BUSY {
            self.init(.locked, Self.locked(path))
        } else if let code = Self.probe(path) {
            self.init(errno: code, path: path)
        } else if error.resultCode == .SQLITE_FULL {
            self.init(errno: ENOSPC, path: path)
        } else if error.resultCode == .SQLITE_IOERR {
            // A small file can be written, so it is no lack of room: the disk itself.
            self.init(errno: EIO, path: path)
        } else {
            self.init(.other, "\(path): \(error.message ?? "error \(error.extendedResultCode.rawValue)")")
        }
    }

    /// Whether a fault of this `errno` is the machine's, and may go by itself.
    public static func isOutside(_ code: Int32) -> Bool {
        switch code {
        case ENOSPC, EDQUOT, EROFS, EACCES, EPERM, EMFILE, ENFILE, EAGAIN, ENOMEM, ENOBUFS, EIO, ESTALE: true
        default: false
        }
    }

    // MARK: Finding out

    /// Writes a small file beside the database and removes it: `errno` of what failed, nil where all went well.
    private static func probe(_ path: String) -> Int32? {
        for suffix in ["", "-wal", "-shm"] where access(path + suffix, F_OK) == 0 {
            if access(path + suffix, R_OK | W_OK) != 0 { return errno }
        }
        let file = path + "-probe"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return errno }
        defer {
            close(descriptor)
            unlink(file)
        }
        let bytes = [UInt8](repeating: 0x20, count: 65536)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return errno }
            done += count
        }
        return fsync(descriptor) == 0 ? nil : errno
    }

    /// Who holds a lock on the database, from `/proc/locks`; see proc(5).
    private static func locked(_ path: String) -> String {
        var inodes: Set<String> = []
        for suffix in ["", "-shm"] {
            var status = stat()
            if stat(path + suffix, &status) == 0 { inodes.insert(String(status.st_ino)) }
        }
        var holders: [String] = []
        for line in ProcFile.lines("/proc/locks") {
            let fields = line.split(separator: " ")
            guard let lock = fields.first(where: { $0.split(separator: ":").count == 3 }),
                let inode = lock.split(separator: ":").last, inodes.contains(String(inode)),
                let at = fields.firstIndex(of: "WRITE"), at + 1 < fields.count, let pid = pid_t(fields[at + 1]),
                pid != getpid()
            else { continue }
            let name = ProcFile.lines("/proc/\(pid)/comm").first ?? "?"
            let holder = "process \(pid) (\(name))"
            if !holders.contains(holder) { holders.append(holder) }
        }
        let who = holders.isEmpty ? "another program" : holders.joined(separator: " and ")
        return "\(path): \(who) holds the database locked. It goes on when that program lets go; end it if it does not"
    }

    /// The folder that a path is, or the nearest one above it that is there.
    static func existing(_ path: String) -> String {
        var path = path[...]
        while path.count > 1 {
            var status = stat()
            if stat(String(path), &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return String(path) }
            guard let slash = path.lastIndex(of: "/") else { return "." }
            path = path[..<slash]
        }
        return "/"
    }

    private static func makeRoom(_ space: FileSystemSpace, need: Int64) -> String {
        "At least \(FileSystemSpace.bytes(need)) are needed: remove files from \(space.mountPoint), or enlarge it"
    }

    /// Bytes that the database needs to go on: room to fold its log into the file, and some to work in.
    private static func need(_ path: String) -> Int64 {
        var status = stat()
        let log = stat(path + "-wal", &status) == 0 ? Int64(status.st_size) : 0
        return log + (4 << 20)
    }

    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
