import Events
import Glibc

/// The lock that makes a project's host the only one, and tells other commands where it listens.
struct HostLock: Sendable {
    /// A host that runs.
    struct Holder: Sendable {
        var processID: Int32
        /// The gateway's port; nil while the host is starting.
        var port: Int?
        var started: Timestamp
    }

    private let descriptor: Int32
    private let path: String

    /// Takes the lock until ``release()`` or the end of the process. Throws ``CommandError`` where another host has it.
    init(project: Project, now: Timestamp) throws {
        path = project.lock
        let descriptor = open(project.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CommandError("\(project.lock): \(String(cString: strerror(errno)))", status: ExitStatus.unusable)
        }
        // A command that only looks holds the lock for an instant, so one refusal proves nothing.
        var tries = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            tries += 1
            guard tries < 20 else {
                let holder = Self.read(descriptor)
                Glibc.close(descriptor)
                throw CommandError(
                    "another host already runs for \(project.root)\(holder.map { " (process \($0.processID))" } ?? ""). "
                        + "Stop it, or use another state folder with --state.", status: ExitStatus.unusable)
            }
            usleep(10000)
        }
        self.descriptor = descriptor
        write(Holder(processID: getpid(), port: nil, started: now))
    }

    /// Gives the lock back.
    func release() {
        ftruncate(descriptor, 0)
        close(descriptor)
    }

    /// Says what a client needs to know of this host.
    func write(_ holder: Holder) {
        let json: JSON = .compact([
            "pid": JSON(holder.processID), "port": holder.port.map { JSON($0) },
            "started": JSON(holder.started.milliseconds),
        ])
        let bytes = json.serialized() + [0x0A]
        ftruncate(descriptor, 0)
        _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// The host that runs for a project, if one does.
    static func holder(of project: Project) -> Holder? {
        let descriptor = open(project.lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return nil }
        return read(descriptor)
    }

    private static func read(_ descriptor: Int32) -> Holder? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0, let json = try? JSON(parsing: Array(bytes[..<count])), let pid = json["pid"]?.int,
            let started = json["started"]?.int
        else { return nil }
        return Holder(processID: Int32(pid), port: json["port"]?.int, started: Timestamp(milliseconds: Int64(started)))
    }
}
