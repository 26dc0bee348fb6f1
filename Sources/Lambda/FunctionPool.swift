import Events

/// What one function has: its environments, who waits for one, and the part of its queue that is in memory.
///
/// Belongs to ``FunctionScheduler``, and is touched only inside its lock.
final class FunctionPool {
    /// How long an environment that has answered is waited for before another one is started.
    static let returnGrace = Duration.milliseconds(50)

    var configuration: FunctionConfiguration
    var environments: [Int: ExecutionEnvironment] = [:]
    /// Numbers of environments that wait for work, the most recently used last.
    var idle: [Int] = []
    /// Synchronous invocations that wait for an environment.
    var waiting: [Invocation] = []
    /// Asynchronous invocations that were read and are due.
    private(set) var window: [Invocation] = []
    /// Bytes of payload in ``window``.
    private(set) var windowBytes = 0
    /// Set while the database can't follow, or the function is held still: no event is begun.
    var holdsBack = false
    /// Rows that are in memory: in ``window``, running, or with an outcome that is not committed yet.
    var known: Set<Int64> = []
    /// Whether every row that is due is in memory.
    private(set) var isComplete = false
    private(set) var isFetching = false
    /// Whether rows came up since the read under way began, which may not have seen them.
    private var hasMissed = false
    /// The earliest time at which a row that waits for a retry is due.
    var nextDue: Timestamp?
    var running = 0
    var runningAsynchronously = 0
    /// INITs that failed in a row, and until when no new one is started for an asynchronous event.
    var initFailures = 0
    var startsNotBefore: Timestamp?
    private var lastWasSynchronous = false

    init(configuration: FunctionConfiguration) { self.configuration = configuration }

    /// There are rows that are not in memory.
    func moreInStore() {
        isComplete = false
        hasMissed = true
    }

    func beginFetch() {
        isFetching = true
        hasMissed = false
    }

    func endFetch(isAll: Bool) {
        isFetching = false
        isComplete = isAll && !hasMissed
    }

    var isStopped: Bool { configuration.reservedConcurrentExecutions == 0 }

    /// Environments that will ask for work soon.
    func coming(now: Timestamp) -> Int {
        environments.values.count {
            switch $0.state.phase {
            case .initializing: true
            case .returning: now - $0.returningSince < Self.returnGrace
            case .idle, .busy, .ended: false
            }
        }
    }

    func hasReturning() -> Bool {
        environments.values.contains { if case .returning = $0.state.phase { true } else { false } }
    }

    func asynchronousLimit(_ settings: LambdaSettings) -> Int {
        configuration.reservedConcurrentExecutions ?? settings.asynchronousConcurrency
    }

    /// How many environments could be at work now.
    func demand(_ settings: LambdaSettings) -> Int {
        waiting.count + (holdsBack ? 0 : max(0, min(window.count, asynchronousLimit(settings) - runningAsynchronously)))
    }

    /// Who is next: callers and events take turns.
    func takeNext(_ settings: LambdaSettings) -> Invocation? {
        let hasEvent = !holdsBack && !window.isEmpty && runningAsynchronously < asynchronousLimit(settings)
        if !waiting.isEmpty, !(hasEvent && lastWasSynchronous) {
            lastWasSynchronous = true
            return waiting.removeFirst()
        }
        lastWasSynchronous = false
        return hasEvent ? removeFirst() : nil
    }

    /// More than this of payload is not read ahead.
    static let windowLimit = 8 << 20

    func append(_ invocation: Invocation) {
        window.append(invocation)
        windowBytes += invocation.payload.count
    }

    /// Takes the event that is first in line.
    @discardableResult
    func removeFirst() -> Invocation {
        let first = window.removeFirst()
        windowBytes -= first.payload.count
        return first
    }

    /// Marks the event that is first in line; true where it was not marked before.
    func markThrottled() -> Bool {
        guard !window.isEmpty, !window[0].throttleCounted else { return false }
        window[0].throttleCounted = true
        return true
    }

    func putBack(_ invocation: Invocation) {
        guard invocation.isAsynchronous else { return waiting.insert(invocation, at: 0) }
        window.insert(invocation, at: 0)
        windowBytes += invocation.payload.count
    }
}
