import Events
import Glibc
import Storage
import Synchronization

/// The lock that makes a project's host the only one, and tells other commands where it listens.
final class HostLock: Sendable {
    /// A host that runs.
    struct Holder: Sendable {
        var processID: Int32
        /// The gateway's port; nil while the host is starting.
        var port: Int?
        var started: Timestamp
    }

    private let descriptor: Int32
    private let path: String
    private let lakeDescriptor = Mutex<Int32?>(nil)

    /// Takes the lock until ``release()`` or the end of the process: the kernel's own, so that none is left behind by a host that was
    /// killed, and no process id is believed. Throws ``CommandError`` where another host has it, `MachineFault` where the file
    /// can't be written.
    init(project: Project, now: Timestamp) throws {
        path = project.lock
        let descriptor = open(project.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw MachineFault(errno: errno, path: project.lock)
        }
        // A command that only looks holds the lock for an instant, so one refusal proves nothing.
        var tries = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            guard code == EWOULDBLOCK || code == EINTR else {
                Glibc.close(descriptor)
                throw CommandError(
                    "\(project.lock): the file system can't lock files (\(String(cString: strerror(code)))), so two hosts could run "
                        + "at once. Put the state folder on a local disk with --state.", status: ExitStatus.unusable)
            }
            tries += 1
            guard tries < 20 else {
                let holder = Self.read(descriptor)
                Glibc.close(descriptor)
                throw CommandError(
                    "another host already runs for \(project.root)\(holder.map { " (process \($0.processID))" } ?? ""). "
                        + "Stop it first: two hosts over one lake would start each file's steps twice.",
                    status: ExitStatus.unusable)
            }
            usleep(10000)
        }
        self.descriptor = descriptor
        do {
            try write(Holder(processID: getpid(), port: nil, started: now))
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Keeps hosts with another state folder away from the lake as long as the lock is held, where its file system can lock folders.
    /// Throws ``CommandError`` where another host watches it.
    func guardLake(_ lake: String) throws {
        guard mkdir(lake, 0o777) == 0 || errno == EEXIST else { return }
        let folder = open(lake, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        for _ in 0..<20 {
            if flock(folder, LOCK_EX | LOCK_NB) == 0 {
                lakeDescriptor.withLock { $0 = folder }
                return
            }
            guard errno == EWOULDBLOCK || errno == EINTR else { break }
            usleep(10000)
        }
        let isHeld = errno == EWOULDBLOCK
        Glibc.close(folder)
        guard isHeld else { return }
        throw CommandError(
            "another host, with another state folder, watches \(lake): two hosts over one lake would start each file's steps twice. "
                + "Stop it first, or give this one another lake with --lake.", status: ExitStatus.unusable)
    }

    /// Gives the lock back.
    func release() {
        lakeDescriptor.withLock { folder in
            if let folder { close(folder) }
            folder = nil
        }
        ftruncate(descriptor, 0)
        close(descriptor)
    }

    /// Says what a client needs to know of this host. Throws `MachineFault`; the second time it can't, the file has its room.
    func write(_ holder: Holder) throws {
        let json: JSON = .compact([
            "pid": JSON(holder.processID), "port": holder.port.map { JSON($0) },
            "started": JSON(holder.started.milliseconds),
        ])
        let bytes = json.serialized() + [0x0A]
        let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count else { throw MachineFault(errno: count < 0 ? errno : ENOSPC, path: path) }
        ftruncate(descriptor, off_t(bytes.count))
    }

    /// The host that runs for a project, if one does.
    static func holder(of project: Project) -> Holder? {
        let descriptor = open(project.lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return nil }
        return read(descriptor)
    }

    /// Whether the file system can lock files at all; nil where that can't be tried, because there is no lock file yet.
    static func works(in project: Project) -> Bool? {
        let descriptor = open(project.lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno == EWOULDBLOCK || errno == EINTR
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
