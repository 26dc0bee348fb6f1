import Glibc
import Synchronization

/// Where a service gets its time from, so that a test can hold the clock.
public protocol TimeSource: Sendable {
    /// The current time.
    var now: Timestamp { get }

    /// How long time has gone on, from any start; unlike ``now`` it does not change when somebody sets the clock.
    var uptime: Duration { get }

    /// How far the clock is ahead of ``uptime``: it changes when somebody sets the clock.
    var skew: Duration { get }

    /// Returns at `deadline`, or at once where that has passed; also, where the clock is set back meanwhile, once as much time
    /// has gone by as there was to the deadline: the caller looks at the clock again. Throws `CancellationError` when the task
    /// is cancelled.
    func sleep(until deadline: Timestamp) async throws
}

extension TimeSource {
    /// Returns after `duration`.
    public func sleep(for duration: Duration) async throws { try await sleep(until: now + duration) }
}

/// The system's clock.
public struct SystemTime: TimeSource {
    public init() {}

    public var now: Timestamp { .now }

    public var uptime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    public var skew: Duration { (now - Timestamp(milliseconds: 0)) - uptime }

    public func sleep(until deadline: Timestamp) async throws {
        // The clock may be set forward while we wait, so a long sleep looks at it again each minute.
        let end = uptime + (deadline - now)
        while true {
            let remaining = min(deadline - now, end - uptime)
            guard remaining > .zero else { return try Task.checkCancellation() }
            try await Task.sleep(for: min(remaining, .seconds(60)))
        }
    }
}

/// A clock that moves only when it is told to: `advance(by:)` wakes every sleeper whose time has come.
public final class ManualTime: TimeSource {
    private struct State {
        var now: Timestamp
        var uptime = Duration.zero
        var nextID = 0
        var sleepers: [Int: (deadline: Timestamp, end: Duration, wake: CheckedContinuation<Void, any Error>)] = [:]
        var watchers: [(count: Int, wake: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    /// A clock that stands at `start`.
    public init(start: Timestamp = Timestamp(year: 2026, month: 1, day: 1)) {
        state = Mutex(State(now: start))
    }

    public var now: Timestamp { state.withLock { $0.now } }
    public var uptime: Duration { state.withLock { $0.uptime } }
    public var skew: Duration { state.withLock { ($0.now - Timestamp(milliseconds: 0)) - $0.uptime } }

    /// Sets the clock, as a person does or a machine that has found out the time: nothing else goes on.
    public func set(by duration: Duration) { state.withLock { $0.now = $0.now + duration } }

    /// Moves the clock forward and wakes those whose deadline is reached, earliest first.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now + duration
            state.uptime += duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now || $0.value.end <= state.uptime }.sorted {
                $0.value.deadline < $1.value.deadline
            }
            for (id, _) in due { state.sleepers[id] = nil }
            return due.map(\.value.wake)
        }
        for wake in due { wake.resume() }
    }

    /// Waits until at least `count` callers sleep: the moment at which advancing the clock is safe.
    public func sleepers(_ count: Int = 1) async {
        await withCheckedContinuation { wake in
            let ready = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append((count, wake))
                return false
            }
            if ready { wake.resume() }
        }
    }

    public func sleep(until deadline: Timestamp) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (wake: CheckedContinuation<Void, any Error>) in
                let (outcome, ready): (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) = state.withLock {
                    state in
                    if Task.isCancelled { return (.failure(CancellationError()), []) }
                    if deadline <= state.now { return (.success(()), []) }
                    state.sleepers[id] = (deadline, state.uptime + (deadline - state.now), wake)
                    let count = state.sleepers.count
                    let ready = state.watchers.filter { $0.count <= count }.map(\.wake)
                    state.watchers.removeAll { $0.count <= count }
                    return (nil, ready)
                }
                if let outcome { wake.resume(with: outcome) }
                for watcher in ready { watcher.resume() }
            }
        } onCancel: {
            let wake = state.withLock { $0.sleepers.removeValue(forKey: id)?.wake }
            wake?.resume(throwing: CancellationError())
        }
    }
}
