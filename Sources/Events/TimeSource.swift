import Synchronization

/// Where a service gets its time from, so that a test can hold the clock.
public protocol TimeSource: Sendable {
    /// The current time.
    var now: Timestamp { get }

    /// Returns at `deadline`, or at once where that has passed. Throws `CancellationError` when the task is cancelled.
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

    public func sleep(until deadline: Timestamp) async throws {
        // The wall clock may be set while we wait, so a long sleep looks at it again each minute.
        while true {
            let remaining = deadline - now
            guard remaining > .zero else { return try Task.checkCancellation() }
            try await Task.sleep(for: min(remaining, .seconds(60)))
        }
    }
}

/// A clock that moves only when it is told to: `advance(by:)` wakes every sleeper whose time has come.
public final class ManualTime: TimeSource {
    private struct State {
        var now: Timestamp
        var nextID = 0
        var sleepers: [Int: (deadline: Timestamp, wake: CheckedContinuation<Void, any Error>)] = [:]
        var watchers: [(count: Int, wake: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    /// A clock that stands at `start`.
    public init(start: Timestamp = Timestamp(year: 2026, month: 1, day: 1)) {
        state = Mutex(State(now: start))
    }

    public var now: Timestamp { state.withLock { $0.now } }

    /// Moves the clock forward and wakes those whose deadline is reached, earliest first.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }.sorted {
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
                    state.sleepers[id] = (deadline, wake)
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
