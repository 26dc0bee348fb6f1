import CFunctionProcess
import Events
import Glibc
import Storage
import Synchronization

/// The lock around the scheduler. What has to happen outside of it happens right after.
final class SchedulerBox: Sendable {
    private let scheduler: FunctionScheduler
    private let lock = Mutex<Void>(())
    private let writer: OutcomeWriter

    init(scheduler: FunctionScheduler, writer: OutcomeWriter) {
        self.scheduler = scheduler
        self.writer = writer
    }

    /// Runs `body` inside the lock, then what it left to do.
    @discardableResult
    func enter<Value>(_ body: (FunctionScheduler) -> Value) -> Value {
        var value: Value?
        var effects: [() -> Void] = []
        lock.withLock { _ in
            scheduler.followClock()
            value = body(scheduler)
            if scheduler.isStopping { scheduler.checkStopped() }
            effects = scheduler.effects
            scheduler.effects = []
        }
        for effect in effects { effect() }
        writer.kick()
        guard let value else { preconditionFailure("the lock runs its body") }
        return value
    }
}

/// Calls back at a time that can be moved forward.
final class Alarm: Sendable {
    private struct State {
        var armed: Timestamp?
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private let state = Mutex(State())
    private let time: any TimeSource
    private let ring: @Sendable () -> Timestamp?

    /// `ring` returns when it wants to be called again.
    init(time: any TimeSource, ring: @escaping @Sendable () -> Timestamp?) {
        self.time = time
        self.ring = ring
    }

    /// Rings at `deadline`, or earlier.
    func arm(_ deadline: Timestamp) {
        let old: Task<Void, Never>? = state.withLock { state -> Task<Void, Never>? in
            if state.isCancelled { return nil }
            if let armed = state.armed, armed <= deadline { return nil }
            let old = state.task
            state.armed = deadline
            state.task = Task { [self] in
                guard (try? await time.sleep(until: deadline)) != nil else { return }
                self.state.withLock { if $0.armed == deadline { $0.armed = nil } }
                if let next = ring() { arm(next) }
            }
            return old
        }
        old?.cancel()
    }

    func cancel() {
        let old = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        old?.cancel()
    }
}

/// The thread that waits for the environments' sockets and pipes.
final class RuntimeLoop: Sendable {
    private let wakeRead: Int32
    private let wakeWrite: Int32
    private let isClosed = Atomic(false)

    /// Throws `LambdaError.service` where there is no descriptor left.
    init() throws(LambdaError) {
        guard let ends = Descriptor.pipe() else {
            throw .service(detail: "can't make a pipe: \(String(cString: strerror(errno)))")
        }
        (wakeRead, wakeWrite) = ends
        // A full pipe wakes as well as one byte does.
        _ = fcntl(wakeWrite, F_SETFL, O_NONBLOCK)
    }

    deinit {
        // Not earlier: who still wakes a loop that has ended must not write to somebody else's descriptor.
        Glibc.close(wakeRead)
        Glibc.close(wakeWrite)
    }

    func wake() {
        var byte: UInt8 = 1
        _ = write(wakeWrite, &byte, 1)
    }

    func close() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        wake()
    }

    func start(_ box: SchedulerBox) {
        BlockingThread.start(name: "sluice-runtime") { [self] in
            run(box)
        }
    }

    private func run(_ box: SchedulerBox) {
        var version = -1
        var interests: [FunctionScheduler.Interest] = []
        var polls: [pollfd] = []
        var pauses = false
        while !isClosed.load(ordering: .sequentiallyConsistent) {
            box.enter { scheduler in
                for (index, poll) in polls.enumerated() where poll.revents != 0 && index > 0 {
                    scheduler.ready(interests[index - 1])
                }
                if pauses { scheduler.resumeOutputs() }
                guard scheduler.interestVersion != version else { return }
                version = scheduler.interestVersion
                (interests, pauses) = scheduler.interests()
                polls = [pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0)]
                for interest in interests {
                    // A client that has answers to take is not asked for more.
                    let events = Int16(interest.writes ? POLLOUT : POLLIN)
                    polls.append(pollfd(fd: interest.descriptor, events: events, revents: 0))
                }
            }
            for index in polls.indices { polls[index].revents = 0 }
            let count = poll(&polls, nfds_t(polls.count), pauses ? 10 : -1)
            if count < 0 { for index in polls.indices { polls[index].revents = 0 } }
            if polls[0].revents != 0 { drainWakes() }
        }
    }

    private func drainWakes() {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            while read(wakeRead, buffer.baseAddress, 256) == 256 {}
        }
    }
}

/// The thread that looks at what environments use, often while one is at work, and sleeps while there is none.
final class MemoryWatch: Sendable {
    private let wakeRead: Int32
    private let wakeWrite: Int32
    private let isAwake = Atomic(false)
    private let isClosed = Atomic(false)
    /// Microseconds between two looks.
    private static let interval: UInt32 = 20_000

    /// Throws `LambdaError.service` where there is no descriptor left.
    init() throws(LambdaError) {
        var ends: [Int32] = [0, 0]
        let code = sluice_pipe(&ends, 0)
        guard code == 0 else { throw .service(detail: "can't make a pipe: \(String(cString: strerror(code)))") }
        (wakeRead, wakeWrite) = (ends[0], ends[1])
    }

    deinit {
        Glibc.close(wakeRead)
        Glibc.close(wakeWrite)
    }

    func wake() {
        guard !isAwake.load(ordering: .relaxed) else { return }
        guard !isAwake.exchange(true, ordering: .sequentiallyConsistent) else { return }
        var byte: UInt8 = 1
        _ = write(wakeWrite, &byte, 1)
    }

    func close() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        var byte: UInt8 = 1
        _ = write(wakeWrite, &byte, 1)
    }

    func start(_ box: SchedulerBox, maximumProcesses: Int) {
        BlockingThread.start(name: "sluice-memory") { [self] in
            run(box, maximumProcesses)
        }
    }

    private func run(_ box: SchedulerBox, _ maximumProcesses: Int) {
        var quiet = 0
        while !isClosed.load(ordering: .sequentiallyConsistent) {
            if quiet > 50 {
                // A wake-up between these two lines only writes a byte more.
                isAwake.store(false, ordering: .sequentiallyConsistent)
                while true {
                    let watched = look(box, maximumProcesses)
                    if watched.anyAtWork { break }
                    // Of environments that wait for work, one look in a while is enough; without any, none.
                    var wakes = pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0)
                    if poll(&wakes, 1, watched.any ? 500 : -1) != 0 {
                        var byte: UInt8 = 0
                        _ = read(wakeRead, &byte, 1)
                        break
                    }
                }
                isAwake.store(true, ordering: .sequentiallyConsistent)
                quiet = 0
                continue
            }
            usleep(Self.interval)
            quiet = look(box, maximumProcesses).anyAtWork ? 0 : quiet + 1
        }
    }

    private func look(_ box: SchedulerBox, _ maximumProcesses: Int) -> (anyAtWork: Bool, any: Bool) {
        let watched = box.enter { $0.watched() }
        for environment in watched.environments {
            let usage = ProcessTable.usage(of: environment.pid, keeper: environment.keeper, limit: maximumProcesses)
            box.enter { $0.observed(environment.number, usage) }
            guard let folder = environment.folder else { continue }
            let start = ContinuousClock.now
            let bytes = FileTree.size(folder, limit: 20_000)
            let took = ContinuousClock.now - start
            box.enter { $0.measured(environment.number, bytes: bytes, took: took) }
        }
        return (watched.anyAtWork, watched.any)
    }
}
