import Events
import Glibc

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
    /// Reads rows of a function's queue that are due: its name, how many, which are known.
    var fetch: @Sendable (String, Int, Set<Int64>) -> Void
}

/// Brings invocations and environments together.
///
/// `@unchecked`: every call comes through ``SchedulerBox``, inside its lock.
final class FunctionScheduler: @unchecked Sendable {
    let settings: LambdaSettings
    let time: any TimeSource
    let place: AccountRegion
    let ports: SchedulerPorts
    private(set) var pools: [String: FunctionPool] = [:]
    private var environments: [Int: ExecutionEnvironment] = [:]
    /// Environments that were told to end, until nothing of them is left.
    private(set) var ending: [Int: ExecutionEnvironment] = [:]
    private var nextNumber = 1
    private(set) var isStopping = false
    /// What is done once the lock is open: answers to callers, work for other threads.
    var effects: [() -> Void] = []
    /// Changes when the loop has to watch other descriptors.
    private(set) var interestVersion = 0
    private var paused = false

    init(settings: LambdaSettings, time: any TimeSource, place: AccountRegion, ports: SchedulerPorts) {
        self.settings = settings
        self.time = time
        self.place = place
        self.ports = ports
    }

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

    private func refuse(_ invocation: Invocation, _ error: LambdaError) {
        guard case .synchronous(_, let completion) = invocation.origin else { return }
        effects.append { completion(.failure(error)) }
    }

    /// A row was committed: the event itself where there is room for it, else word that there is more.
    func enqueued(_ event: QueuedEvent, function: String) {
        guard let pool = pools[function] else { return }
        if pool.isComplete, pool.known.count < settings.window {
            add(event, to: pool)
        } else {
            pool.moreInStore()
        }
        pump(pool)
    }

    private func add(_ event: QueuedEvent, to pool: FunctionPool) {
        guard pool.known.insert(event.id).inserted else { return }
        pool.window.append(
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
        due(at: time.now + .seconds(1), pool)
    }

    private func due(at time: Timestamp, _ pool: FunctionPool) {
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
        while pool.demand(settings) > 0, let environment = takeIdle(pool) {
            guard let invocation = pool.takeNext(settings) else {
                pool.idle.append(environment.number)
                break
            }
            dispatch(invocation, to: environment, pool)
        }
        startEnvironments(pool)
        if !pool.isComplete, !pool.isFetching, pool.known.count <= settings.window / 2 {
            pool.beginFetch()
            let (name, count, known) = (pool.configuration.name, settings.window - pool.known.count, pool.known)
            effects.append { [ports] in ports.fetch(name, count, known) }
        }
    }

    /// Events that Lambda gives up without a try.
    private func dropUnrunnable(_ pool: FunctionPool) {
        guard !pool.window.isEmpty else { return }
        let (now, configuration) = (time.now, pool.configuration)
        while case .asynchronous(let event)? = pool.window.first?.origin {
            if pool.isStopped {
                ports.record(.drop(event, configuration, .throttled, at: now))
            } else if RetryPolicy.isAged(received: event.received, now: now, config: configuration.eventInvokeConfig) {
                ports.record(.drop(event, configuration, .aged, at: now))
            } else {
                break
            }
            pool.window.removeFirst()
        }
        if let reserved = configuration.reservedConcurrentExecutions, pool.running >= reserved,
            let first = pool.window.first, !first.throttleCounted
        {
            pool.window[0].throttleCounted = true
            ports.record(.throttle(configuration, at: now))
        }
    }

    /// An idle environment that runs today's code; the others are told to end.
    private func takeIdle(_ pool: FunctionPool) -> ExecutionEnvironment? {
        guard !pool.idle.isEmpty else { return nil }
        let code = CodeFingerprint(of: pool.configuration.codeFile)
        while let number = pool.idle.popLast() {
            guard let environment = environments[number] else { continue }
            if environment.code == code, environment.configuration == pool.configuration { return environment }
            retire(environment)
        }
        return nil
    }

    private func startEnvironments(_ pool: FunctionPool) {
        let demand = pool.demand(settings)
        guard demand > 0 else { return }
        let now = time.now
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

    private func retireOneIdle(besides pool: FunctionPool) -> Bool {
        for other in pools.values where other !== pool {
            if let number = other.idle.first, let environment = environments[number] {
                retire(environment)
                return true
            }
        }
        return false
    }

    // MARK: - The life of an environment

    private func start(_ pool: FunctionPool, phase: ExecutionEnvironment.InitPhase) {
        let configuration = pool.configuration
        let now = time.now
        guard let output = Descriptor.pipe() else { return hostFailed(pool, errno) }
        guard let listener = RuntimeListener() else {
            let code = errno
            close(output.read)
            close(output.write)
            return hostFailed(pool, code)
        }
        let limit = phase == .invoke ? configuration.timeoutDuration : settings.initTimeout
        let environment = ExecutionEnvironment(
            number: nextNumber, id: Identifier.hexadecimal(digits: 32), configuration: configuration,
            listener: listener, output: output.read, code: CodeFingerprint(of: configuration.codeFile),
            initPhase: phase, deadline: now + limit, now: now, rate: settings.outputRate)
        nextNumber += 1
        environments[environment.number] = environment
        pool.environments[environment.number] = environment
        environment.capture.note(
            ReportLine.initStart(runtime: configuration.runtime, region: place.region), at: now)
        ports.arm(environment.deadline)
        let temporary = "\(settings.stateFolder)/environments/\(environment.id)"
        let specification = ProcessSpecification(
            command: configuration.command,
            environment: FunctionVariables.make(
                environment, configuration, settings: settings, place: place, temporaryFolder: temporary),
            workingFolder: configuration.codeFolder, temporaryFolder: temporary, output: output.write,
            dataLimit: UInt64(configuration.memorySize) * 2_097_152 + (1 << 30),
            marker: "SLUICE_ENVIRONMENT_ID=\(environment.id)")
        let number = environment.number
        effects.append { [ports] in ports.start(specification, number) }
    }

    /// The host has no descriptors, processes or memory left: not the function's fault.
    private func hostFailed(_ pool: FunctionPool, _ code: Int32) {
        let reason = String(cString: strerror(code))
        guard let invocation = pool.takeNext(settings) else { return }
        switch invocation.origin {
        case .synchronous:
            refuse(invocation, .service(detail: "The host could not start \(pool.configuration.name): \(reason)."))
        case .asynchronous(let event):
            ports.record(
                .delay(event, pool.configuration, until: time.now + RetryPolicy.backoff(delays: event.delays)))
        }
        pool.startsNotBefore = time.now + .seconds(1)
    }

    func process(_ number: Int, _ event: FunctionProcess.Event) {
        if case .cleaned = event {
            ending[number] = nil
            if let environment = environments[number] { retire(environment) }
            ending[number] = nil
            return
        }
        guard let environment = environments[number] else {
            // Told to end before it had begun.
            guard let gone = ending[number] else { return }
            switch event {
            case .spawned(let pid):
                gone.pid = pid
                gone.killProcess()
            case .exited: gone.pid = nil
            case .failed, .cleaned: break
            }
            return
        }
        switch event {
        case .spawned(let pid):
            environment.pid = pid
            changeInterests()
            ports.watchMemory()
        case .failed(let code): failedToStart(environment, code)
        case .exited(let status):
            environment.pid = nil
            exited(environment, status)
        case .cleaned: break
        }
    }

    private func failedToStart(_ environment: ExecutionEnvironment, _ code: Int32) {
        guard let pool = pools[environment.function] else { return retire(environment) }
        switch code {
        case ENOENT, EACCES, ENOEXEC, ENOTDIR, ELOOP, ENAMETOOLONG, EISDIR, EPERM, EINVAL, E2BIG:
            let reason = String(cString: strerror(code)).lowercased()
            initFailed(
                environment, type: "Runtime.InvalidEntrypoint",
                message: "fork/exec \(environment.configuration.command[0]): \(reason)")
        default:
            retire(environment)
            hostFailed(pool, code)
            pump(pool)
        }
    }

    private func exited(_ environment: ExecutionEnvironment, _ status: ExitStatus) {
        _ = environment.readOutput(limit: 1 << 20, at: time.now)
        let message = environment.isOutOfMemory ? ExitStatus.signalled(SIGKILL).message : status.message
        switch environment.state.phase {
        case .initializing:
            initFailed(environment, type: "Runtime.ExitError", message: message)
        case .busy:
            let type = environment.isOutOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError"
            fail(environment, type: "Runtime.ExitError", message: message, reported: .crash(type: type))
        case .idle, .returning, .ended:
            break
        }
        retire(environment)
        if let pool = pools[environment.function] { pump(pool) }
    }

    /// INIT did not get as far as the first event. The invocation that waited gets a second INIT, within its own time;
    /// if that fails too, it is the invocation that fails.
    private func initFailed(
        _ environment: ExecutionEnvironment, type: String, message: String, payload: [UInt8]? = nil,
        status: String = "error", duration: Double? = nil
    ) {
        let now = time.now
        let took = duration ?? (ContinuousClock.now - environment.startedAt).fractionalMilliseconds
        _ = environment.readOutput(limit: 1 << 20, at: now)
        environment.sampleMemory()
        environment.capture.note(
            ReportLine.initReport(
                duration: took, phase: environment.initPhase.rawValue, status: status,
                errorType: status == "error" ? type : nil), at: now)
        guard let pool = pools[environment.function] else { return retire(environment) }
        pool.initFailures += 1
        if pool.initFailures >= 4 {
            let wait = Duration.milliseconds(100 << min(pool.initFailures - 4, 9))
            pool.startsNotBefore = now + min(wait, .seconds(30))
        }
        if var invocation = pool.takeNext(settings) {
            if invocation.initFailed {
                count(invocation, pool, +1)
                environment.invocation = invocation
                environment.invocationStarted = environment.startedAt
                environment.invocationStartedAt = now
                environment.capture.note(ReportLine.start(invocation.requestID), at: now)
                let id = invocation.requestID
                let isTimeout = status == "timeout"
                let seconds = environment.configuration.timeout
                fail(
                    environment, type: isTimeout ? "Sandbox.Timedout" : type,
                    message: isTimeout ? "Task timed out after \(seconds).00 seconds" : message, payload: payload,
                    reported: isTimeout ? .timeout : .crash(type: type), id: id)
            } else {
                invocation.initFailed = true
                pool.putBack(invocation)
            }
        }
        retire(environment)
        pump(pool)
    }

    /// Ends an environment: kills what runs, closes what is open, writes down what is left of its output.
    func retire(_ environment: ExecutionEnvironment) {
        guard environments.removeValue(forKey: environment.number) != nil else { return }
        if let pool = pools[environment.function] {
            pool.environments[environment.number] = nil
            pool.idle.removeAll { $0 == environment.number }
        }
        environment.state.end()
        ending[environment.number] = environment
        environment.killProcess()
        environment.capture.finish(at: time.now)
        flush(environment)
        environment.closeDescriptors()
        changeInterests()
    }

    // MARK: - An invocation in an environment

    private func count(_ invocation: Invocation, _ pool: FunctionPool, _ change: Int) {
        pool.running += change
        if invocation.isAsynchronous { pool.runningAsynchronously += change }
    }

    private func dispatch(_ invocation: Invocation, to environment: ExecutionEnvironment, _ pool: FunctionPool) {
        guard let connection = environment.parked else {
            pool.putBack(invocation)
            return
        }
        let now = time.now
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

    private func fail(
        _ environment: ExecutionEnvironment, type: String, message: String, payload: [UInt8]? = nil,
        reported status: ReportLine.Figures.Status, id: String? = nil
    ) {
        guard let invocation = environment.invocation else { return }
        let now = time.now
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

    private func finish(
        _ environment: ExecutionEnvironment, _ result: Outcome.Result, _ status: ReportLine.Figures.Status
    ) {
        guard let invocation = environment.invocation else { return }
        environment.invocation = nil
        let now = time.now
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
        var outcome = Outcome(
            function: configuration, requestID: invocation.requestID, event: event,
            traceHeader: invocation.traceHeader, started: environment.invocationStartedAt, ended: now,
            figures: figures, result: result, logStream: environment.logStream, logs: logs,
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
    private static func tail(of logs: [LogEvent], after earlier: String) -> String {
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

    // MARK: - Runtime API

    private func answer(
        _ request: RuntimeRequest, on connection: RuntimeConnection, of environment: ExecutionEnvironment
    ) {
        let action = environment.state.receive(
            request.call, bodyBytes: request.bodyBytes, maximumBody: settings.maximumResponse)
        let now = time.now
        switch action {
        case .park(let first):
            connection.isParked = true
            if first {
                environment.initDuration = (ContinuousClock.now - environment.startedAt).fractionalMilliseconds
                environment.sampleMemory()
                pools[environment.function]?.initFailures = 0
                pools[environment.function]?.startsNotBefore = nil
            }
            environment.deadline = now + settings.idleTimeout
            ports.arm(environment.deadline)
            becomeIdle(environment)
        case .parkAgain:
            for other in environment.connections { other.isParked = false }
            connection.isParked = true
            becomeIdle(environment)
        case .complete:
            environment.returningSince = now
            reply(connection, RuntimeResponse.accepted, to: request, environment)
            _ = environment.readOutput(limit: 1 << 20, at: now)
            if let type = request.errorType {
                // A streamed answer that broke off says so behind its body.
                finish(
                    environment,
                    .failure(
                        payload: .errorPayload(type: type, message: ""), errorType: type, errorMessage: ""), .error)
            } else {
                finish(environment, .success(payload: request.body), .success)
            }
        case .completeTooLarge:
            environment.returningSince = now
            reply(connection, RuntimeResponse.tooLarge(limit: settings.maximumResponse), to: request, environment)
            _ = environment.readOutput(limit: 1 << 20, at: now)
            let message =
                "Response payload size exceeded maximum allowed payload size (\(settings.maximumResponse) bytes)."
            finish(
                environment,
                .failure(
                    payload: .errorPayload(type: "Function.ResponseSizeTooLarge", message: message),
                    errorType: "Function.ResponseSizeTooLarge", errorMessage: message), .error)
        case .fail:
            environment.returningSince = now
            reply(connection, RuntimeResponse.accepted, to: request, environment)
            _ = environment.readOutput(limit: 1 << 20, at: now)
            let error = ReportedError(request)
            finish(
                environment,
                .failure(payload: error.payload, errorType: error.type, errorMessage: error.message), .error)
        case .failInit:
            reply(connection, RuntimeResponse.accepted, to: request, environment)
            let error = ReportedError(request)
            initFailed(environment, type: error.type, message: error.message, payload: error.payload)
        case .refuse(let from, let to):
            reply(connection, RuntimeResponse.refused(from: from, to: to), to: request, environment)
        case .refuseRequestID:
            reply(connection, RuntimeResponse.wrongRequestID, to: request, environment)
        case .unknownCall:
            reply(connection, RuntimeResponse.notFound, to: request, environment)
        }
    }

    private func becomeIdle(_ environment: ExecutionEnvironment) {
        guard let pool = pools[environment.function], environment.configuration == pool.configuration else {
            return retire(environment)
        }
        pool.idle.removeAll { $0 == environment.number }
        pool.idle.append(environment.number)
        pump(pool)
    }

    private func reply(
        _ connection: RuntimeConnection, _ bytes: [UInt8], to request: RuntimeRequest,
        _ environment: ExecutionEnvironment
    ) {
        if request.closes { connection.closesAfterSending = true }
        if !connection.send(bytes) || (connection.closesAfterSending && connection.pending.isEmpty) {
            drop(connection, of: environment)
        } else if !connection.pending.isEmpty {
            changeInterests()
        }
    }

    private func drop(_ connection: RuntimeConnection, of environment: ExecutionEnvironment) {
        guard let index = environment.connections.firstIndex(where: { $0 === connection }) else { return }
        environment.connections.remove(at: index)
        close(connection.descriptor)
        if connection.isParked, let pool = pools[environment.function] {
            // Until it asks again, it can't be given work.
            pool.idle.removeAll { $0 == environment.number }
        }
        changeInterests()
    }

    // MARK: - The loop's side

    /// A descriptor that the loop watches, and whose it is.
    struct Interest {
        enum Kind { case listener, output, connection(Int32) }
        let environment: Int
        let kind: Kind
        let descriptor: Int32
        let writes: Bool
    }

    func interests() -> (interests: [Interest], pauses: Bool) {
        var found: [Interest] = []
        for environment in environments.values where environment.pid != nil {
            let number = environment.number
            found.append(
                Interest(
                    environment: number, kind: .listener, descriptor: environment.listener.descriptor, writes: false))
            if !environment.outputClosed, !environment.outputPaused {
                found.append(
                    Interest(environment: number, kind: .output, descriptor: environment.output, writes: false))
            }
            for connection in environment.connections {
                found.append(
                    Interest(
                        environment: number, kind: .connection(connection.descriptor),
                        descriptor: connection.descriptor, writes: !connection.pending.isEmpty))
            }
        }
        return (found, paused)
    }

    private func changeInterests() {
        interestVersion += 1
        ports.wake()
    }

    /// Functions that write faster than is kept are read again.
    func resumeOutputs() {
        guard paused else { return }
        paused = false
        for environment in environments.values { environment.outputPaused = false }
        interestVersion += 1
    }

    func ready(_ interest: Interest) {
        guard let environment = environments[interest.environment] else { return }
        switch interest.kind {
        case .listener: accept(environment)
        case .output: readOutput(environment)
        case .connection(let descriptor):
            guard let connection = environment.connections.first(where: { $0.descriptor == descriptor }) else { return }
            if !connection.pending.isEmpty {
                if !connection.flush() || (connection.pending.isEmpty && connection.closesAfterSending) {
                    return drop(connection, of: environment)
                }
                if connection.pending.isEmpty { changeInterests() }
            }
            receive(connection, of: environment)
        }
    }

    private func accept(_ environment: ExecutionEnvironment) {
        guard let pid = environment.pid else { return }
        while let client = environment.listener.accept() {
            guard environment.connections.count < 32,
                ProcessTable.isOwner(ofClient: client.port, server: environment.listener.port, pid: pid)
            else {
                close(client.descriptor)
                continue
            }
            environment.connections.append(
                RuntimeConnection(descriptor: client.descriptor, maximumBody: settings.maximumResponse))
            interestVersion += 1
        }
    }

    private func readOutput(_ environment: ExecutionEnvironment) {
        let now = time.now
        let count = environment.readOutput(limit: 65536, at: now)
        if environment.outputClosed { changeInterests() }
        if count == 65536 {
            environment.outputPaused = true
            paused = true
            interestVersion += 1
        }
        if environment.capture.bytes > 1 << 20 {
            flush(environment)
        } else if environment.flushAt == nil, !environment.capture.isEmpty {
            let at = now + .seconds(1)
            environment.flushAt = at
            ports.arm(at)
        }
    }

    private func receive(_ connection: RuntimeConnection, of environment: ExecutionEnvironment) {
        // More than one read a turn would let one function keep the loop for itself.
        let count = withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { buffer in
            let count = recv(connection.descriptor, buffer.baseAddress, 65536, 0)
            if count > 0 { connection.parser.push(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            return count
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0 else { return drop(connection, of: environment) }
        while environments[environment.number] != nil,
            environment.connections.contains(where: { $0 === connection })
        {
            switch connection.parser.next() {
            case .needMore: return
            case .expectsContinue: if !connection.send(RuntimeResponse.goOn) { drop(connection, of: environment) }
            case .request(let request): answer(request, on: connection, of: environment)
            case .malformed(let message):
                connection.closesAfterSending = true
                reply(
                    connection, RuntimeResponse.malformed(message), to: RuntimeRequest(closes: true), environment)
            }
        }
    }

    // MARK: - Time

    /// Does what is due; returns when it wants to be called again.
    func tick() -> Timestamp? {
        let now = time.now
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

    private func expire(_ environment: ExecutionEnvironment) {
        let seconds = environment.configuration.timeout
        switch environment.state.phase {
        case .initializing:
            environment.killProcess()
            let limit =
                environment.initPhase == .invoke ? Double(seconds) * 1000 : settings.initTimeout.fractionalMilliseconds
            initFailed(environment, type: "Sandbox.Timedout", message: "", status: "timeout", duration: limit)
        case .busy:
            _ = environment.readOutput(limit: 1 << 20, at: time.now)
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
    private func flush(_ environment: ExecutionEnvironment) {
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

    // MARK: - Memory

    /// Environments that have been at work for a while, whose memory is watched, and whether any is at work at all.
    func watched() -> (environments: [(number: Int, pid: pid_t)], anyAtWork: Bool) {
        var found: [(number: Int, pid: pid_t)] = []
        var any = false
        let before = ContinuousClock.now - .milliseconds(15)
        for environment in environments.values {
            let since: ContinuousClock.Instant
            switch environment.state.phase {
            case .initializing: since = environment.startedAt
            case .busy: since = environment.invocationStarted
            case .returning: since = environment.invocationStarted
            case .idle, .ended: continue
            }
            any = true
            if since <= before, let pid = environment.pid { found.append((environment.number, pid)) }
        }
        return (found, any)
    }

    func observed(_ number: Int, _ usage: ProcessTable.Usage) {
        guard let environment = environments[number] else { return }
        environment.peakMemory = max(environment.peakMemory, usage.memory)
        let limit = environment.configuration.memorySize << 20
        guard usage.memory > limit || usage.processes >= settings.maximumProcesses else { return }
        if usage.memory > limit {
            // The figure that Lambda reports never exceeds the limit.
            environment.peakMemory = limit
            environment.isOutOfMemory = true
        }
        environment.killProcess()
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

    private var quietWaiters: [() -> Void] = []
    private var goneWaiters: [() -> Void] = []

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

extension FunctionPool {
    /// Whether the next in line has seen an INIT fail.
    fileprivate var nextInitFailed: Bool { waiting.first?.initFailed ?? window.first?.initFailed ?? false }
}
