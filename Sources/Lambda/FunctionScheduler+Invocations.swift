import Events
import Glibc

/// An invocation in an environment: from the event that is handed over to the outcome.
extension FunctionScheduler {
    // MARK: - An invocation in an environment

    func count(_ invocation: Invocation, _ pool: FunctionPool, _ change: Int) {
        pool.running += change
        if invocation.isAsynchronous { pool.runningAsynchronously += change }
        if change > 0 {
            loops.began(requestID: invocation.requestID, at: now)
        } else {
            loops.ended(requestID: invocation.requestID, at: now)
        }
    }

    func dispatch(_ invocation: Invocation, to environment: ExecutionEnvironment, _ pool: FunctionPool) {
        guard let connection = environment.parked else {
            pool.putBack(invocation)
            return
        }
        let now = self.now
        environment.deadline = now + environment.configuration.timeoutDuration
        let head = RuntimeResponse.invocation(
            invocation, deadline: environment.deadline, functionARN: arn(environment.function))
        connection.isParked = false
        environment.state.begin(invocation.requestID)
        environment.invocation = invocation
        environment.invocationStarted = ContinuousClock.now
        environment.invocationStartedAt = now
        environment.flushedTail = ""
        count(invocation, pool, +1)
        environment.concurrency = pool.running
        environment.capture.note(ReportLine.start(invocation.requestID), at: now)
        if environment.flushAt == nil { environment.flushAt = now + .seconds(1) }
        ports.arm(min(environment.deadline, environment.flushAt ?? environment.deadline))
        ports.watchMemory()
        if !connection.send(head) {
            // Its process is ending; nothing has seen the event.
            environment.invocation = nil
            count(invocation, pool, -1)
            pool.putBack(invocation)
            retire(environment)
        } else if !connection.pending.isEmpty {
            changeInterests()
        }
    }

    func fail(
        _ environment: ExecutionEnvironment, type: String, message: String, payload: [UInt8]? = nil,
        reported status: ReportLine.Figures.Status, id: String? = nil
    ) {
        guard let invocation = environment.invocation else { return }
        let now = self.now
        let full = "RequestId: \(invocation.requestID) Error: \(message)"
        if status == .timeout {
            environment.capture.note(
                ReportLine.timedOut(invocation.requestID, after: environment.configuration.timeout, at: now), at: now)
        } else if payload == nil {
            environment.capture.note(full, at: now)
            environment.capture.note(type, at: now)
        }
        finish(
            environment,
            .failure(
                payload: payload ?? .errorPayload(type: type, message: full), errorType: type, errorMessage: full),
            status)
    }

    func finish(
        _ environment: ExecutionEnvironment, _ result: Outcome.Result, _ status: ReportLine.Figures.Status
    ) {
        guard let invocation = environment.invocation else { return }
        environment.invocation = nil
        let now = self.now
        let configuration = environment.configuration
        var duration = (ContinuousClock.now - environment.invocationStarted).fractionalMilliseconds
        if status == .timeout { duration = Double(configuration.timeout) * 1000 }
        environment.sampleMemory()
        let cold = environment.initDuration
        environment.initDuration = nil
        let billed = duration + (configuration.isPython ? 0 : cold ?? 0)
        let figures = ReportLine.Figures(
            duration: duration, billed: Int(billed.rounded(.up)), maximumMemory: environment.maximumMemory,
            initDuration: cold, status: status)
        environment.capture.note(ReportLine.end(invocation.requestID), at: now)
        environment.capture.note(
            ReportLine.report(figures, requestID: invocation.requestID, memorySize: configuration.memorySize), at: now)
        environment.flushAt = nil
        let logs = environment.capture.take()
        var event: QueuedEvent?
        if case .asynchronous(let queued) = invocation.origin { event = queued }
        var kept = result
        // Nobody reads a caller's answer again; held until it is written down, it would only fill the memory.
        if event == nil, case .success = result { kept = .success(payload: []) }
        var outcome = Outcome(
            function: configuration, requestID: invocation.requestID, event: event,
            traceHeader: invocation.traceHeader, started: environment.invocationStartedAt, ended: now,
            figures: figures, result: kept, logStream: environment.logStream, logs: logs,
            concurrency: environment.concurrency)
        if let pool = pools[environment.function] { count(invocation, pool, -1) }
        guard case .synchronous(let wantsTail, let completion) = invocation.origin else {
            return ports.record(.outcome(outcome))
        }
        var answer = InvokeResult(statusCode: 200, requestID: invocation.requestID)
        switch result {
        case .success(let payload): answer.payload = payload
        case .failure(let payload, _, _):
            answer.payload = payload
            answer.functionError = "Unhandled"
        }
        if wantsTail {
            answer.logResult = Array(Self.tail(of: logs, after: environment.flushedTail).utf8.suffix(4096)).base64
        }
        let final = answer
        if ports.isBehind() {
            // The database can't follow: callers then go at its speed, so that what waits for it stays small.
            outcome.afterCommit = { completion(.success(final)) }
        } else {
            effects.append { completion(.success(final)) }
        }
        ports.record(.outcome(outcome))
    }

    /// The last lines, at least 4 KB of them where there are so many.
    static func tail(of logs: [LogEvent], after earlier: String) -> String {
        var lines: [String] = []
        var bytes = 0
        for event in logs.reversed() {
            lines.append(event.message + "\n")
            bytes += event.message.utf8.count + 1
            if bytes > 4096 || event.message.hasPrefix("START RequestId: ") { break }
        }
        let late = lines.reversed().joined()
        return bytes < 4096 ? earlier + late : late
    }
}
