public import Events
import GRDB
import Glibc
public import Storage
import Synchronization

/// Lambda: functions, their asynchronous queue, and the environments that they run in.
///
/// An asynchronous invocation is a row first and runs second; its outcome, its log lines, its metrics and the record for its
/// destination are one transaction. A synchronous invocation is answered at once, and written down right after.
public final class LambdaService: Sendable {
    /// The tables of this room.
    public static let schema = LambdaStore.schema

    private let store: Store
    private let queue = LambdaStore()
    private let time: any TimeSource
    private let settings: LambdaSettings
    private let emission: LambdaEmission
    let box: SchedulerBox
    private let writer: OutcomeWriter
    private let alarm: Alarm
    private let loop: RuntimeLoop
    private let memory: MemoryWatch
    let functions = Mutex<[String: FunctionConfiguration]>([:])
    private let toldLoops = Mutex<[String: Timestamp]>([:])
    private let watchdog = Mutex<(pipe: Int32, pid: pid_t)?>(nil)

    /// Makes the room; nothing runs before ``start(functions:)``. Throws `LambdaError.service` where the machine has no
    /// descriptors left.
    public init(store: Store, time: any TimeSource, settings: LambdaSettings, emission: LambdaEmission)
        throws(LambdaError)
    {
        self.store = store
        self.time = time
        self.settings = settings
        self.emission = emission
        let (loop, memory) = (try RuntimeLoop(), try MemoryWatch())
        // The scheduler and what it calls know each other; the box is filled in once both are there.
        let door = Door()
        let alarm = Alarm(time: time) { door.box?.enter { $0.tick() } }
        let queue = queue
        let writer = OutcomeWriter(store: store, queue: queue, emission: emission, now: { time.now }) { settled in
            guard !settled.isEmpty else { return }
            door.box?.enter { scheduler in
                for row in settled { scheduler.committed(event: row.event, function: row.function, due: row.due) }
            }
        }
        let ports = SchedulerPorts(
            start: { specification, number in
                FunctionProcess.start(specification) { event in door.box?.enter { $0.process(number, event) } }
            },
            wake: { loop.wake() }, arm: { alarm.arm($0) }, record: { writer.record($0) },
            isBehind: { writer.isBehind }, watchMemory: { memory.wake() },
            fetch: { function, count, known, longestWait in
                store.submit { connection in
                    try queue.due(
                        function: function, at: time.now, count: count, known: known, longestWait: longestWait,
                        in: connection)
                } completion: { result in
                    door.box?.enter { scheduler in
                        switch result {
                        case .success(let rows):
                            scheduler.fetched(
                                rows.events, isAll: rows.isAll, nextDue: rows.nextDue, function: function)
                        case .failure: scheduler.fetchFailed(function: function)
                        }
                    }
                }
            }, trouble: { emission.trouble($0) })
        let scheduler = FunctionScheduler(settings: settings, time: time, place: emission.place, ports: ports)
        let box = SchedulerBox(scheduler: scheduler, writer: writer)
        door.set(box)
        self.box = box
        self.writer = writer
        self.alarm = alarm
        self.loop = loop
        self.memory = memory
    }

    /// Holds the box weakly: what runs late must not keep a stopped host alive.
    private final class Door: Sendable {
        private struct Weak: Sendable { weak var box: SchedulerBox? }
        private let content = Mutex(Weak())
        var box: SchedulerBox? { content.withLock { $0.box } }
        func set(_ box: SchedulerBox) { content.withLock { $0.box = box } }
    }

    // MARK: - Start and stop

    /// Ends what an earlier host of the same id has left behind, then takes up the queue where it stands.
    public func start(functions configurations: [FunctionConfiguration]) async throws {
        for folder in [settings.stateFolder, settings.stateFolder + "/environments"] where mkdir(folder, 0o755) != 0 {
            guard errno == EEXIST else {
                throw LambdaError.service(detail: "can't make \(folder): \(String(cString: strerror(errno)))")
            }
        }
        let (marker, folder) = ("SLUICE_HOST_ID=\(settings.hostID)", settings.stateFolder + "/environments")
        await withCheckedContinuation { continuation in
            BlockingThread.start(name: "sluice-sweep") {
                ProcessTable.killAll(marker: marker)
                FileTree.remove(folder)
                _ = mkdir(folder, 0o755)
                continuation.resume()
            }
        }
        try await store.write { [queue] connection in try queue.clearRunning(in: connection) }
        let dog = Watchdog.start(hostID: settings.hostID)
        if dog == nil { emission.trouble("no /bin/sh: functions are not ended at once if the host is killed") }
        watchdog.withLock { $0 = dog }
        loop.start(box)
        memory.start(box, maximumProcesses: settings.maximumProcesses)
        setFunctions(configurations)
    }

    /// Replaces the functions: changed ones get new environments, gone ones end after what they are at.
    public func setFunctions(_ configurations: [FunctionConfiguration]) {
        functions.withLock { $0 = Dictionary(configurations.map { ($0.name, $0) }, uniquingKeysWith: { $1 }) }
        box.enter { $0.setFunctions(configurations) }
    }

    /// The functions as they are configured now, by name.
    public var configurations: [FunctionConfiguration] {
        functions.withLock { $0.values.sorted { $0.name < $1.name } }
    }

    /// Takes no new work, waits for what runs, then ends every environment. What has not ended in time is ended; its
    /// asynchronous events stay queued.
    public func stop(within limit: Duration = .seconds(10)) async {
        box.enter { $0.stop() }
        let (time, box) = (time, box)
        let timeout = Task {
            if (try? await time.sleep(for: limit)) != nil { box.enter { $0.abandon() } }
        }
        await withCheckedContinuation { continuation in
            box.enter { $0.whenQuiet { continuation.resume() } }
        }
        timeout.cancel()
        box.enter { $0.abandon() }
        await withCheckedContinuation { continuation in
            box.enter { $0.whenGone { continuation.resume() } }
        }
        await writer.drain()
        alarm.cancel()
        loop.close()
        memory.close()
        let dog = watchdog.withLock { dog in
            defer { dog = nil }
            return dog
        }
        guard let dog else { return }
        // It may take a moment to look around before it ends.
        close(dog.pipe)
        BlockingThread.start(name: "sluice-watchdog") {
            var status: Int32 = 0
            while waitpid(dog.pid, &status, 0) < 0, errno == EINTR {}
        }
    }

    // MARK: - Invoke

    /// Lambda's `Invoke`. Throws ``LambdaError``.
    public func invoke(_ request: InvokeRequest) async throws(LambdaError) -> InvokeResult {
        let result = await withCheckedContinuation { continuation in
            invoke(request) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Lambda's `Invoke` for callers that do not wait in a task: `completion` runs on one of this room's threads, and
    /// must return at once.
    public func invoke(
        _ request: InvokeRequest, completion: @escaping @Sendable (Result<InvokeResult, LambdaError>) -> Void
    ) {
        let payload = request.payload.isEmpty ? Array("{}".utf8) : request.payload
        let trace: TraceHeader
        let context: String?
        do {
            try check(request, payload)
            if request.type == .dryRun {
                return completion(.success(InvokeResult(statusCode: 204, requestID: Identifier.uuid())))
            }
            context = try Self.clientContext(request.clientContext)
            trace = try self.trace(request)
        } catch {
            return completion(.failure(error))
        }
        let requestID = Identifier.uuid()
        if request.type == .event {
            store.submit { [self] connection in
                try enqueue(
                    requestID: requestID, function: request.functionName, payload: payload, source: nil, trace: trace,
                    in: connection)
            } completion: { result in
                completion(
                    result.map { InvokeResult(statusCode: 202, requestID: requestID) }
                        .mapError { .service(detail: "The event could not be queued: \($0)") })
            }
            return
        }
        let invocation = Invocation(
            requestID: requestID, payload: payload, traceHeader: trace.description, clientContext: context,
            origin: .synchronous(wantsLogTail: request.wantsLogTail, completion: completion), received: time.now)
        box.enter { $0.invoke(invocation, function: request.functionName) }
    }

    private func check(_ request: InvokeRequest, _ payload: [UInt8]) throws(LambdaError) {
        guard functions.withLock({ $0[request.functionName] != nil }) else {
            throw .resourceNotFound(arn: emission.place.function(request.functionName).description)
        }
        let limit = request.type == .event ? settings.maximumAsynchronousRequest : settings.maximumRequest
        guard payload.count <= limit else {
            throw .requestTooLarge(bytes: payload.count, limit: limit, type: request.type.rawValue)
        }
        do {
            _ = try JSON(parsing: payload)
        } catch {
            throw .invalidRequestContent(detail: "\(error)")
        }
    }

    /// The JSON in a client context; it travels in a header, so it must be one line.
    private static func clientContext(_ base64: String?) throws(LambdaError) -> String? {
        guard let base64 else { return nil }
        guard let bytes = [UInt8](base64: base64), let json = try? JSON(parsing: bytes), json.object != nil else {
            throw .invalidRequestContent(detail: "ClientContext is not the base64 of a JSON object")
        }
        return json.description
    }

    private func trace(_ request: InvokeRequest) throws(LambdaError) -> TraceHeader {
        let chain = request.traceHeader.flatMap { TraceHeader($0) } ?? TraceHeader(at: time.now)
        let arn = emission.place.function(request.functionName).description
        if let next = chain.entering(arn) { return next }
        if functions.withLock({ $0[request.functionName]?.recursiveLoop }) == .allow {
            return TraceHeader(at: time.now)
        }
        // An event is taken and then given up, so that it can be seen and sent again.
        if request.type == .event { return chain.exhausted }
        let (now, name) = (time.now, request.functionName)
        var metrics = LambdaMetrics()
        metrics.add("RecursiveInvocationsDropped", 1, "Count", function: name, at: now)
        let data = metrics.data
        store.submit { [emission] connection in try emission.metrics(data, connection) }
        throw .recursiveInvocation
    }

    /// Queues an event within the caller's transaction: it runs once that is committed, and not otherwise.
    ///
    /// `traceHeader` is that of the call which caused it, where there was one; a chain that has come by this function too
    /// often ends here. So does one of uploads without trace headers that are shown to be the function's own, for which
    /// `written` says when the object was written. Returns the request id. Throws ``LambdaError/resourceNotFound(arn:)``.
    @discardableResult
    public func invokeAsync(
        function: String, payload: [UInt8], source: ObjectVersion? = nil, traceHeader: String? = nil,
        written: Timestamp? = nil, in connection: Connection
    ) throws -> String {
        guard functions.withLock({ $0[function] != nil }) else {
            throw LambdaError.resourceNotFound(arn: emission.place.function(function).description)
        }
        let chain = traceHeader.flatMap { TraceHeader($0) } ?? TraceHeader(at: time.now)
        var trace = chain.entering(emission.place.function(function).description) ?? chain.exhausted
        let requestID = Identifier.uuid()
        if traceHeader == nil, let written, functions.withLock({ $0[function]?.recursiveLoop }) == .terminate {
            let now = time.now
            let isLoop = box.enter {
                $0.loops.arrived(requestID: requestID, function: function, written: written, now: now)
            }
            if isLoop { trace = trace.exhausted }
        }
        try enqueue(
            requestID: requestID, function: function, payload: payload, source: source, trace: trace, in: connection)
        return requestID
    }

    /// Queues an event. Returns the request id once it is committed.
    @discardableResult
    public func invokeAsync(
        function: String, payload: [UInt8], source: ObjectVersion? = nil, traceHeader: String? = nil
    ) async throws -> String {
        try await store.write { [self] connection in
            try invokeAsync(
                function: function, payload: payload, source: source, traceHeader: traceHeader, in: connection)
        }
    }

    private func enqueue(
        requestID: String, function: String, payload: [UInt8], source: ObjectVersion?, trace: TraceHeader,
        in connection: Connection
    ) throws {
        let now = time.now
        let event = try queue.insert(
            requestID: requestID, function: function, payload: payload, source: source,
            traceHeader: trace.description, at: now, in: connection)
        var metrics = LambdaMetrics()
        metrics.add("AsyncEventsReceived", 1, "Count", function: function, at: now)
        let configuration = functions.withLock { $0[function] }
        let isRecursive = trace.isExhausted && configuration?.recursiveLoop == .terminate
        if isRecursive, let configuration {
            try writer.drop(event, configuration, .recursive, at: now, &metrics, connection)
            connection.afterCommit { [self] in tellLoop(function, at: now) }
        }
        try emission.metrics(metrics.data, connection)
        if !isRecursive {
            connection.afterCommit { [box] in box.enter { $0.enqueued(event, function: function) } }
        }
    }

    /// Says that a loop was stopped, once a minute for each function.
    private func tellLoop(_ function: String, at now: Timestamp) {
        let isNew = toldLoops.withLock { told in
            if let last = told[function], now - last < .seconds(60) { return false }
            told[function] = now
            return true
        }
        guard isNew else { return }
        emission.trouble(
            "\(function) causes its own events, directly or by way of others: the chain was stopped after "
                + "\(TraceHeader.maximumDepth) rounds, and its last event is a dead letter (sluice queue). Have it write "
                + "where it is not triggered, or, if it is meant to, set RecursiveLoop: Allow")
    }

    /// Whether this machine grants each function processes and mounts of its own. Starts a program to find out.
    public static func grantsNamespaces() -> Bool { Isolation.probe() }

    // MARK: - Redrive

    /// What has become of a dead letter that was to be sent again.
    public enum Redriven: Sendable, Hashable {
        /// A new invocation, with its request id.
        case queued(String)
        /// The destination was told.
        case told
        /// There is no such dead letter, or not any more.
        case gone
        /// It stays a dead letter, and why.
        case failed(String)
    }

    /// Sends dead letters again in one transaction, each as a new invocation; or answers to the destinations that could not
    /// be told. One that fails leaves the others alone.
    public func redrive(_ ids: [Int64]) async throws -> [Redriven] {
        try await store.write { [self] connection in
            try ids.map { id in
                var outcome = Redriven.gone
                do {
                    try connection.database.inSavepoint {
                        outcome = try redrive(id, in: connection)
                        return .commit
                    }
                    return outcome
                } catch let error as DatabaseError where error.isOutsideCause {
                    throw error
                } catch {
                    return .failed("\(error)")
                }
            }
        }
    }

    private func redrive(_ id: Int64, in connection: Connection) throws -> Redriven {
        guard let row = try queue.deadRow(id, in: connection) else { return .gone }
        if row.invocation.state == .failed {
            try queue.markRedriven(id, in: connection)
            return .queued(
                try invokeAsync(
                    function: row.invocation.functionName, payload: row.payload, source: row.invocation.source,
                    in: connection))
        }
        guard let target = row.invocation.deliveryTarget.flatMap({ ARN($0) }) else { return .gone }
        let record = InvocationRecord(
            timestamp: row.invocation.ended ?? time.now, requestID: row.invocation.requestID,
            functionARN: emission.place.function(row.invocation.functionName).description + ":$LATEST",
            condition: row.invocation.condition ?? .success, approximateInvokeCount: row.invocation.tries,
            requestPayload: .payload(row.payload), responseContext: .init(),
            responsePayload: row.invocation.response.map(JSON.payload))
        try emission.deliver(record, target, connection)
        try queue.markDelivered(id, in: connection)
        return .told
    }
}
