import Glibc

/// Small files and moves that survive a loss of power: written, synced, moved, and the folder synced too.
public enum DurableFile {
    /// Puts bytes in a file's place, whole or not at all. Throws ``MachineFault``.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw MachineFault(errno: errno, path: temporary) }
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failed(descriptor, temporary) }
            done += count
        }
        guard fsync(descriptor) == 0 else { throw failed(descriptor, temporary) }
        close(descriptor)
        try move(temporary, to: path)
    }

    /// Moves a file over another and makes the move durable. Throws ``MachineFault``.
    public static func move(_ path: String, to target: String) throws {
        guard rename(path, target) == 0 else { throw MachineFault(errno: errno, path: target) }
        try syncFolder(of: target)
    }

    /// Makes what a file holds durable. Throws ``MachineFault``.
    public static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw MachineFault(errno: errno, path: path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw MachineFault(errno: errno, path: path) }
    }

    /// Makes the names in a file's folder durable. Throws ``MachineFault``.
    public static func syncFolder(of path: String) throws {
        try sync(path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".")
    }

    private static func failed(_ descriptor: Int32, _ path: String) -> MachineFault {
        let fault = MachineFault(errno: errno, path: path)
        close(descriptor)
        unlink(path)
        return fault
    }
}
