import Events
import Glibc

/// What comes with time: deadlines, and the end of the host.
extension FunctionScheduler {
    // MARK: - Time

    /// Does what is due; returns when it wants to be called again.
    func tick() -> Timestamp? {
        let now = self.now
        var next: Timestamp?
        func want(_ time: Timestamp) { next = min(next ?? time, time) }
        for environment in Array(environments.values) {
            if environment.deadline <= now { expire(environment) }
            guard environments[environment.number] != nil else { continue }
            if let flushAt = environment.flushAt, flushAt <= now { flush(environment) }
            want(environment.deadline)
            if let flushAt = environment.flushAt { want(flushAt) }
        }
        for pool in pools.values {
            if let due = pool.nextDue, due <= now {
                pool.nextDue = nil
                pool.moreInStore()
            }
            if let gate = pool.startsNotBefore, gate <= now { pool.startsNotBefore = nil }
            pump(pool)
            if let due = pool.nextDue { want(due) }
            if let gate = pool.startsNotBefore { want(gate) }
            if let oldest = pool.waiting.first { want(max(now, oldest.received) + .milliseconds(100)) }
            if pool.demand(settings) > 0, pool.hasReturning() { want(now + FunctionPool.returnGrace) }
        }
        return next
    }

    /// The time by the clock as it was at ``followClock()``: one that is set meanwhile does not mix two times.
    var now: Timestamp { Timestamp(milliseconds: 0) + (time.uptime + clockSkew) }

    /// Where somebody has set the clock, what was to end after a while ends after that while nevertheless.
    func followClock() {
        let step = time.skew - clockSkew
        clockSkew += step
        guard step >= .seconds(1) || step <= .seconds(-1) else { return }
        for environment in environments.values {
            environment.deadline = environment.deadline + step
            environment.flushAt = environment.flushAt.map { $0 + step }
        }
        for pool in pools.values {
            pool.startsNotBefore = pool.startsNotBefore.map { $0 + step }
            pool.nextDue = nil
            pool.moreInStore()
        }
        let seconds = abs(step.components.seconds)
        ports.trouble(
            "the clock was set \(step < .zero ? "back" : "forward") by \(seconds) s; functions keep the time that they had left"
        )
    }

    func expire(_ environment: ExecutionEnvironment) {
        let seconds = environment.configuration.timeout
        switch environment.state.phase {
        case .initializing:
            environment.killProcess()
            let limit =
                environment.initPhase == .invoke ? Double(seconds) * 1000 : settings.initTimeout.fractionalMilliseconds
            initFailed(environment, type: "Sandbox.Timedout", message: "", status: "timeout", duration: limit)
        case .busy:
            _ = environment.readOutput(limit: 1 << 20, at: now)
            environment.sampleMemory()
            environment.killProcess()
            fail(
                environment, type: "Sandbox.Timedout", message: "Task timed out after \(seconds).00 seconds",
                reported: .timeout)
            retire(environment)
        case .idle, .returning, .ended:
            retire(environment)
        }
        if let pool = pools[environment.function] { pump(pool) }
    }

    /// Writes buffered lines down before the invocation has ended, and that it runs.
    func flush(_ environment: ExecutionEnvironment) {
        environment.flushAt = nil
        var running: Int64?
        if case .asynchronous(let event)? = environment.invocation?.origin { running = event.id }
        guard !environment.capture.isEmpty || running != nil else { return }
        let lines = environment.capture.take()
        if case .synchronous(true, _)? = environment.invocation?.origin {
            let tail = Self.tail(of: lines, after: environment.flushedTail)
            environment.flushedTail = String(decoding: tail.utf8.suffix(4096), as: UTF8.self)
        }
        let batch = LogBatch(
            logGroup: environment.configuration.logGroup, logStream: environment.logStream, events: lines)
        ports.record(.lines(batch, running: running, since: environment.invocationStartedAt))
    }

    // MARK: - The end

    /// No new work; what runs may go on.
    func stop() {
        isStopping = true
        for pool in pools.values {
            let waiting = pool.waiting
            pool.waiting = []
            for invocation in waiting { refuse(invocation, .service(detail: "The host is shutting down.")) }
            for number in pool.idle { if let environment = environments[number] { retire(environment) } }
            for environment in Array(pool.environments.values) where environment.invocation == nil {
                retire(environment)
            }
        }
    }

    /// Calls `body` once no invocation runs.
    func whenQuiet(_ body: @escaping () -> Void) { quietWaiters.append(body) }
    /// Calls `body` once no environment is left.
    func whenGone(_ body: @escaping () -> Void) { goneWaiters.append(body) }

    /// After each change while the host stops.
    func checkStopped() {
        if !quietWaiters.isEmpty, !environments.values.contains(where: { $0.invocation != nil }) {
            effects += quietWaiters
            quietWaiters = []
        }
        if !goneWaiters.isEmpty, environments.isEmpty, ending.isEmpty {
            effects += goneWaiters
            goneWaiters = []
        }
    }

    /// Ends everything. Asynchronous events stay in the queue and run again after the next start.
    func abandon() {
        for environment in Array(environments.values) {
            if let invocation = environment.invocation {
                refuse(invocation, .service(detail: "The host is shutting down."))
            }
            environment.invocation = nil
            retire(environment)
        }
    }
}
