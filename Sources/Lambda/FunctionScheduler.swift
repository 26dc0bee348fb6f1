import Events
import Glibc
import Storage

/// What the scheduler needs of the outside. All of it may be called inside its lock, and returns at once.
struct SchedulerPorts: Sendable {
    /// Starts a process; events come back through ``SchedulerBox``.
    var start: @Sendable (ProcessSpecification, Int) -> Void
    /// Wakes the loop, which then reads the interests anew.
    var wake: @Sendable () -> Void
    /// Calls ``FunctionScheduler/tick()`` at that time, or earlier.
    var arm: @Sendable (Timestamp) -> Void
    /// Writes an entry down.
    var record: @Sendable (OutcomeWriter.Entry) -> Void
    /// Whether more waits to be written down than should.
    var isBehind: @Sendable () -> Bool
    /// Sees to it that the memory of environments at work is watched.
    var watchMemory: @Sendable () -> Void
    /// Reads rows of a function's queue that are due: its name, how many, which are known, and the longest that an event
    /// waits for its next try.
    var fetch: @Sendable (String, Int, Set<Int64>, Duration) -> Void
    /// Tells a person something about the host.
    var trouble: @Sendable (String) -> Void
}

/// Brings invocations and environments together.
///
/// `@unchecked`: every call comes through ``SchedulerBox``, inside its lock.
final class FunctionScheduler: @unchecked Sendable {
    let settings: LambdaSettings
    let time: any TimeSource
    let place: AccountRegion
    let ports: SchedulerPorts
    var pools: [String: FunctionPool] = [:]
    var environments: [Int: ExecutionEnvironment] = [:]
    /// Environments that were told to end, until nothing of them is left.
    var ending: [Int: ExecutionEnvironment] = [:]
    var nextNumber = 1
    var isStopping = false
    /// What is done once the lock is open: answers to callers, work for other threads.
    var effects: [() -> Void] = []
    /// Changes when the loop has to watch other descriptors.
    var interestVersion = 0
    var paused = false
    var loops = LoopWatch()
    /// How far the clock is ahead of the time that goes on whatever it says.
    var clockSkew: Duration
    /// What keeps functions from being started, as it was told.
    var hostFault: MachineFault.Kind?
    /// Whether it was told that the limit of open files is what functions wait for.
    var hasToldLimit = false

    private let hostStarted: Timestamp

    init(settings: LambdaSettings, time: any TimeSource, place: AccountRegion, ports: SchedulerPorts) {
        self.settings = settings
        self.time = time
        clockSkew = time.skew
        hostStarted = time.now
        self.place = place
        self.ports = ports
    }
    /// Who waits for the last invocation, and for the last environment, to end.
    var quietWaiters: [() -> Void] = []
    var goneWaiters: [() -> Void] = []

    // MARK: - Functions

    func setFunctions(_ configurations: [FunctionConfiguration]) {
        let names = Set(configurations.map(\.name))
        for configuration in configurations {
            guard let pool = pools[configuration.name] else {
                pools[configuration.name] = FunctionPool(configuration: configuration)
                continue
            }
            if pool.configuration == configuration { continue }
            pool.configuration = configuration
            for number in pool.idle { if let environment = environments[number] { retire(environment) } }
        }
        for (name, pool) in pools where !names.contains(name) {
            for environment in Array(pool.environments.values) {
                if environment.invocation == nil { retire(environment) }
            }
            let waiting = pool.waiting
            pool.waiting = []
            for invocation in waiting { refuse(invocation, .resourceNotFound(arn: arn(name))) }
            pools[name] = nil
        }
        for pool in pools.values {
            pool.moreInStore()
            pump(pool)
        }
    }

    func arn(_ function: String) -> String { place.function(function).description }

    // MARK: - Invocations

    /// Runs a synchronous invocation now, or when an environment is free.
    func invoke(_ invocation: Invocation, function: String) {
        guard !isStopping else { return refuse(invocation, .service(detail: "The host is shutting down.")) }
        guard let pool = pools[function] else {
            return refuse(invocation, .resourceNotFound(arn: arn(function)))
        }
        let active = pool.running + pool.waiting.count
        if let reserved = pool.configuration.reservedConcurrentExecutions, active >= reserved {
            ports.record(.throttle(pool.configuration, at: invocation.received))
            return refuse(invocation, .tooManyRequests(reason: .reserved))
        }
        if active >= settings.accountConcurrency / 2,
            pools.values.reduce(0, { $0 + $1.running + $1.waiting.count }) >= settings.accountConcurrency
        {
            ports.record(.throttle(pool.configuration, at: invocation.received))
            return refuse(invocation, .tooManyRequests(reason: .account))
        }
        pool.waiting.append(invocation)
        pump(pool)
    }

    func refuse(_ invocation: Invocation, _ error: LambdaError) {
        guard case .synchronous(_, let completion) = invocation.origin else { return }
        effects.append { completion(.failure(error)) }
    }

    /// A row was committed: the event itself where there is room for it, else word that there is more.
    func enqueued(_ event: QueuedEvent, function: String) {
        guard let pool = pools[function] else { return }
        if pool.isComplete, pool.known.count < settings.window, pool.windowBytes < FunctionPool.windowLimit {
            add(event, to: pool)
        } else {
            pool.moreInStore()
        }
        pump(pool)
    }

    func add(_ event: QueuedEvent, to pool: FunctionPool) {
        guard pool.known.insert(event.id).inserted else { return }
        pool.append(
            Invocation(
                requestID: event.requestID, payload: event.payload, traceHeader: event.traceHeader, clientContext: nil,
                origin: .asynchronous(event), received: event.received))
    }

    /// Rows came from the database: all that are due where `isAll`.
    func fetched(_ events: [QueuedEvent], isAll: Bool, nextDue: Timestamp?, function: String) {
        guard let pool = pools[function] else { return }
        pool.endFetch(isAll: isAll)
        for event in events { add(event, to: pool) }
        if let nextDue { due(at: nextDue, pool) }
        pump(pool)
    }

    func fetchFailed(function: String) {
        guard let pool = pools[function] else { return }
        pool.endFetch(isAll: false)
        due(at: now + .seconds(1), pool)
    }

    func due(at time: Timestamp, _ pool: FunctionPool) {
        pool.nextDue = min(pool.nextDue ?? time, time)
        ports.arm(time)
    }

    /// An entry about an event was committed, or could not be; `due` is when the row comes up again.
    func committed(event: Int64, function: String, due next: Timestamp?) {
        guard let pool = pools[function] else { return }
        pool.known.remove(event)
        if let next { due(at: next, pool) }
        pump(pool)
    }

    // MARK: - Who runs where

    /// Gives work to idle environments, starts new ones where that is allowed, and reads on in the queue.
    func pump(_ pool: FunctionPool) {
        guard !isStopping else { return }
        dropUnrunnable(pool)
        pool.holdsBack = ports.isBehind() || loops.isHeld(pool.configuration.name, now: now)
        if pool.holdsBack { ports.arm(now + .milliseconds(100)) }
        while pool.demand(settings) > 0, let environment = takeIdle(pool) {
            guard let invocation = pool.takeNext(settings) else {
                pool.idle.append(environment.number)
                break
            }
            dispatch(invocation, to: environment, pool)
        }
        startEnvironments(pool)
        if !pool.isComplete, !pool.isFetching, pool.known.count <= settings.window / 2,
            pool.windowBytes < FunctionPool.windowLimit
        {
            pool.beginFetch()
            let (name, count, known) = (pool.configuration.name, settings.window - pool.known.count, pool.known)
            let longest = (pool.configuration.eventInvokeConfig.retryDelays.max() ?? .zero) + .seconds(5)
            effects.append { [ports] in ports.fetch(name, count, known, longest) }
        }
    }

    /// Events that Lambda gives up without a try.
    func dropUnrunnable(_ pool: FunctionPool) {
        guard !pool.window.isEmpty else { return }
        let (now, configuration) = (now, pool.configuration)
        while case .asynchronous(let event)? = pool.window.first?.origin {
            if pool.isStopped {
                ports.record(.drop(event, configuration, .throttled, at: now))
            } else if RetryPolicy.isAged(
                since: RetryPolicy.ageBegins(received: event.received, hostStarted: hostStarted), now: now,
                config: configuration.eventInvokeConfig)
            {
                ports.record(.drop(event, configuration, .aged, at: now))
            } else {
                break
            }
            pool.removeFirst()
        }
        if let reserved = configuration.reservedConcurrentExecutions, pool.running >= reserved,
            pool.markThrottled()
        {
            ports.record(.throttle(configuration, at: now))
        }
    }

    /// An idle environment that runs today's code; the others are told to end.
    func takeIdle(_ pool: FunctionPool) -> ExecutionEnvironment? {
        guard !pool.idle.isEmpty else { return nil }
        let code = CodeFingerprint(of: pool.configuration.codeFile)
        while let number = pool.idle.popLast() {
            guard let environment = environments[number] else { continue }
            if environment.code == code, environment.configuration == pool.configuration { return environment }
            retire(environment)
        }
        return nil
    }

    func startEnvironments(_ pool: FunctionPool) {
        let demand = pool.demand(settings)
        guard demand > 0 else { return }
        let now = self.now
        var needed = demand - pool.coming(now: now)
        if needed < demand, pool.hasReturning() { ports.arm(now + FunctionPool.returnGrace) }
        if pool.waiting.isEmpty, let gate = pool.startsNotBefore, now < gate {
            ports.arm(gate)
            return
        }
        let reserved = pool.configuration.reservedConcurrentExecutions
        while needed > 0 {
            let limit = reserved ?? settings.burstConcurrency
            if pool.environments.count >= limit {
                // A burst waits a moment before it gets more processes than the machine can run well.
                guard reserved == nil, let oldest = pool.waiting.first else { return }
                let patience = oldest.received + .milliseconds(100)
                guard now >= patience else { return ports.arm(patience) }
            }
            if environments.count >= settings.accountConcurrency, !retireOneIdle(besides: pool) { return }
            start(pool, phase: pool.environments.isEmpty && pool.nextInitFailed ? .invoke : .initial)
            needed -= 1
        }
    }

    func retireOneIdle(besides pool: FunctionPool) -> Bool {
        for other in pools.values where other !== pool {
            if let number = other.idle.first, let environment = environments[number] {
                retire(environment)
                return true
            }
        }
        return false
    }
}

extension FunctionPool {
    /// Whether the next in line has seen an INIT fail.
    var nextInitFailed: Bool { waiting.first?.initFailed ?? window.first?.initFailed ?? false }
}
