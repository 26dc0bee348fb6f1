import Synchronization

/// How far the watcher is, for those who wait for it.
final class WatchProgress: Sendable {
    private struct State {
        var hasStarted = false
        var hasStopped = false
        var hasScanned = false
        var waiters: [(milestone: Milestone, wake: CheckedContinuation<Void, Never>)] = []

        func reached(_ milestone: Milestone) -> Bool {
            if hasStopped { return true }
            return switch milestone {
            case .started: hasStarted
            case .scanned: hasScanned
            case .stopped: false
            }
        }
    }

    /// What one can wait for.
    enum Milestone: Sendable {
        case started, scanned, stopped
    }

    private let state = Mutex(State())
    private let eventCount = Atomic<Int>(0)
    private let pendingCount = Atomic<Int>(0)

    var events: Int { eventCount.load(ordering: .relaxed) }
    var pending: Int { pendingCount.load(ordering: .relaxed) }

    func add(events: Int) { eventCount.add(events, ordering: .relaxed) }

    func started() { change { $0.hasStarted = true } }

    func stopped() {
        change {
            $0.hasStarted = true
            $0.hasStopped = true
        }
    }

    func scanned() { change { $0.hasScanned = true } }

    func set(pending: Int) { pendingCount.store(pending, ordering: .relaxed) }

    private func change(_ body: (inout State) -> Void) {
        let due = state.withLock { state in
            body(&state)
            let due = state.waiters.filter { state.reached($0.milestone) }
            let reached = state
            state.waiters.removeAll { reached.reached($0.milestone) }
            return due.map { $0.wake }
        }
        for wake in due { wake.resume() }
    }

    /// Returns once the milestone is reached, or when the watcher has stopped.
    func wait(for milestone: Milestone) async {
        await withCheckedContinuation { wake in
            let isReached = state.withLock { state in
                if state.reached(milestone) { return true }
                state.waiters.append((milestone, wake))
                return false
            }
            if isReached { wake.resume() }
        }
    }
}
