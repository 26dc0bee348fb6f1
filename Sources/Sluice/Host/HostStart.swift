import Events
import Glibc
import Storage

/// What a host can't do without, had in this order: threads and descriptors, the state folder, the lock, the database.
///
/// What the machine lacks now and may have again (room, a lock that somebody holds, a file system that is read-only) is waited for
/// here, and said once: a supervisor that starts the host again and again would help nobody. What a person has to mend (a damaged
/// database, another host) ends the command with ``ExitStatus/unusable``.
struct HostStart {
    /// Descriptors without which nothing works; each function that runs takes a few more.
    private static let fewestDescriptors: UInt64 = 128
    private static let wantedDescriptors: UInt64 = 65536
    private static let threads = 16
    private static let descriptors = 48

    let project: Project
    /// False for a command that is to end by itself: it gives up instead of waiting.
    let waits: Bool

    // MARK: - Limits

    /// Raises the limit of descriptors, and waits until the system has threads and descriptors to give. It blocks: without threads
    /// nothing else would work.
    func ensureLimits() throws {
        let limit = ProcessLimits.raiseDescriptors(to: Self.wantedDescriptors)
        guard limit >= Self.fewestDescriptors else {
            throw CommandError(
                "the limit of open files is \(limit); the host needs at least \(Self.fewestDescriptors), and about 8 more for each "
                    + "function that runs at once. Raise it: 'ulimit -n 65536', or LimitNOFILE=65536 in the systemd unit",
                status: ExitStatus.unusable)
        }
        var told: MachineFault.Kind?
        while let code = Self.shortage() {
            let fault = MachineFault(errno: code, path: project.state)
            guard waits else { throw CommandError("\(fault)", status: ExitStatus.unusable) }
            if told != fault.kind { SluiceCommand.say("can't start yet: \(fault). It is tried again every second.") }
            told = fault.kind
            sleep(1)
        }
        if told != nil { SluiceCommand.say("the system has threads and descriptors again; going on") }
    }

    /// `errno` of what can't be had now.
    private static func shortage() -> Int32? {
        let code = BlockingThread.rehearse(threads)
        if code != 0 { return code }
        var opened: [Int32] = []
        defer { for one in opened { close(one) } }
        for _ in 0..<descriptors {
            let one = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard one >= 0 else { return errno }
            opened.append(one)
        }
        return nil
    }

    // MARK: - State

    /// Takes the lock and opens the database.
    func open(
        time: some TimeSource, feed: Feed, news: @escaping @Sendable (StoreNews) -> Void
    ) async throws -> (lock: HostLock, store: Store) {
        let lock = try await attempt(time, feed) {
            try makeFolder(project.state)
            return try HostLock(project: project, now: time.now)
        }
        do {
            try lock.guardLake(project.lake)
            let store = try await attempt(time, feed) {
                try makeFolder(project.state + "/environments")
                return try Store(path: project.database, schemas: Records.schemas, mode: .owner, news: news)
            }
            return (lock, store)
        } catch {
            lock.release()
            throw error
        }
    }

    private func attempt<Value>(
        _ time: some TimeSource, _ feed: Feed, _ body: () throws -> Value
    ) async throws -> Value {
        var told: MachineFault.Kind?
        while true {
            let fault: MachineFault
            do {
                let value = try body()
                if told != nil { feed.notice("the state folder can be used again; going on", .green) }
                return value
            } catch let error as MachineFault {
                fault = error
            } catch StoreError.machine(let error) {
                fault = error
            }
            guard waits else { throw CommandError("\(fault)", status: ExitStatus.unusable) }
            if told != fault.kind {
                feed.notice(
                    "can't start yet: \(fault). It is tried again every second; nothing is lost, files in \(project.lake) wait",
                    .red)
            }
            told = fault.kind
            try await time.sleep(for: .seconds(1))
        }
    }

    private func makeFolder(_ path: String) throws {
        if mkdir(path, 0o755) == 0 { return }
        let code = errno
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw CommandError(
                    "\(path) is a file where the host needs a folder: move it away, or name another state folder with --state",
                    status: ExitStatus.unusable)
            }
            // The kernel says "exists" also where the folder could not be written.
            if access(path, W_OK | X_OK) == 0 { return }
            throw MachineFault(errno: errno, path: path)
        }
        if code == ENOENT || code == ENOTDIR {
            throw CommandError(
                "\(path): \(String(cString: strerror(code))). Make the folder above it, or name another with --state",
                status: ExitStatus.unusable)
        }
        throw MachineFault(errno: code, path: path)
    }
}

/// Why a host ends by itself.
final class HostFault: Sendable {
    private let continuation: AsyncStream<StoreError>.Continuation
    private let stream: AsyncStream<StoreError>

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1)) }

    func report(_ error: StoreError) { continuation.yield(error) }

    /// Returns when there is a reason, or nil when the task is cancelled.
    func wait() async -> StoreError? {
        for await error in stream { return error }
        return nil
    }
}

extension Feed {
    /// Tells how the database fares.
    func tell(_ news: StoreNews) {
        switch news {
        case .opening(let what): notice(what, .grey)
        case .waiting(let fault):
            notice(
                "the database can't be written: \(fault). Everything waits and nothing is lost; it goes on by itself when that is "
                    + "mended", .red)
        case .resumed: notice("the database can be written again; going on", .green)
        case .broken(let error): notice("\(error) The host stops; what was committed before is kept as it is.", .red)
        }
    }
}
