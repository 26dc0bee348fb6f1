import CloudWatch
import EMR
import EventBridge
import Events
import Lambda
import S3
import StepFunctions
import Storage
import Synchronization
import Template

/// The only place that joins the rooms: what one service needs of another is handed to it here as a closure.
///
/// Each closure runs inside the transaction of the service that calls it, so that a stage's outcome and the next stage's input
/// are committed together.
final class Pipeline: Sendable {
    let configuration: PipelineConfiguration
    let store: Store
    let logs: Logs
    let metrics: Metrics
    let alarms: Alarms
    let bus: EventBus
    let lambda: LambdaService
    let clusters: Clusters
    let stateMachines: StateMachines
    let s3: S3Service

    private let time: any TimeSource
    private let feed: Feed
    private let tasks: TaskIntegrations
    private let loops = Mutex<[Task<Void, Never>]>([])

    /// Makes the rooms; nothing runs before ``start()``.
    init(
        _ configuration: PipelineConfiguration, project: Project, port: Int, store: Store, time: any TimeSource,
        feed: Feed
    )
        throws
    {
        self.configuration = configuration
        self.store = store
        self.time = time
        self.feed = feed
        let place = configuration.place
        let metrics = Metrics(store: store, time: time)
        let logs = Logs(store: store, time: time) { try metrics.put($0, in: $1) }
        (self.metrics, self.logs) = (metrics, logs)

        // The rooms know each other in a circle, so each reaches the next through the junction, which is filled at the end.
        let junction = Junction()
        let bus = EventBus(store: store, place: place, time: time, metrics: { try metrics.put($0, in: $1) }) {
            delivery, connection in
            try junction.targets.deliver(delivery, connection)
        }
        let publish: @Sendable (EventBridgeEvent, Connection) throws -> Void = { event, connection in
            try bus.put(event, in: connection)
            connection.afterCommit { feed.tell(event) }
        }
        self.bus = bus
        alarms = Alarms(
            store: store, metrics: metrics, time: time, place: place,
            outlets: Alarms.Outlets(
                notify: { topic, subject, message, connection in
                    try junction.targets.publish(message, subject: subject, to: topic, connection)
                },
                invoke: { function, event, connection in try junction.targets.invoke(function, event, connection) },
                bus: publish))
        lambda = try LambdaService(
            store: store, time: time,
            settings: LambdaSettings(
                stateFolder: project.state, hostID: HostIdentity.make(project),
                environment: Self.functionEnvironment(project, port: port),
                asynchronousConcurrency: configuration.concurrency),
            emission: LambdaEmission(
                place: place, logs: { try logs.append($0, in: $1) }, metrics: { try metrics.put($0, in: $1) },
                deliver: { record, target, connection in try junction.targets.deliver(record, to: target, connection) },
                deadLetter: { letter, target, connection in
                    try junction.targets.deliver(letter, to: target, connection)
                },
                superseded: { version, connection in
                    switch try S3Store.currency(of: version, lake: project.lake, in: connection) {
                    case .current: return false
                    case .superseded: return true
                    case .changed:
                        connection.afterCommit { junction.look(at: version) }
                        return true
                    }
                },
                trouble: { feed.notice($0) }))
        clusters = Clusters(
            store: store, configurations: configuration.clusters,
            settings: EMRSettings(
                lake: project.lake, stateFolder: project.state, place: place,
                environment: ["AWS_ENDPOINT_URL": "http://127.0.0.1:\(port)"], processors: HostIdentity.processors,
                engine: { try SparkInstallation.find(environment: HostIdentity.environment) }),
            outputs: EMROutputs(
                publish: publish, record: { try metrics.put($0, in: $1) },
                stepEnded: { step, connection in try junction.tasks.stepEnded(step, connection) },
                trouble: { feed.notice($0) }), time: time)
        stateMachines = StateMachines(
            store: store, place: place, time: time,
            cancelTask: { resource, token, connection in try junction.tasks.cancel(resource, token, connection) },
            bus: { event, connection in
                try publish(event, connection)
                try junction.tasks.executionChanged(event, connection)
            }, metrics: { try metrics.put($0, in: $1) },
            startTask: { task, connection in try junction.tasks.start(task, connection) })
        s3 = try S3Service(
            lake: project.lake, store: store, time: time, place: place, buckets: configuration.buckets,
            deliver: { record, origin, function, connection in
                try junction.targets.deliver(record, origin, to: function, connection)
                connection.afterCommit { feed.tell(record) }
            }, bus: publish, notice: { feed.notice($0) })
        let targets = DeliveryTargets(
            place: place, project: project, topics: configuration.template.topics, time: time, lambda: lambda, bus: bus,
            stateMachines: stateMachines, logs: logs, feed: feed)
        tasks = TaskIntegrations(
            place: place, store: store, lambda: lambda, clusters: clusters, stateMachines: stateMachines, bus: bus,
            targets: targets, time: time)
        junction.fill(targets: targets, tasks: tasks, s3: s3)
    }

    /// What every function gets besides Lambda's own variables.
    static func functionEnvironment(_ project: Project, port: Int?) -> [String: String] {
        var environment = ["SLUICE_LAKE": project.lake]
        if let port { environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:\(port)" }
        return environment
    }

    /// Starts the rooms from the last one to the first, so that whoever is woken finds the next one ready.
    func start() async throws {
        try await logs.configure(
            groups: configuration.template.logGroups.map { ($0.name, $0.retentionInDays) },
            filters: configuration.metricFilters)
        try await alarms.configure(configuration.alarms)
        try await clusters.start()
        try await stateMachines.setStateMachines(
            configuration.stateMachines.sorted { $0.key < $1.key }.map { .init(name: $0.key, definition: $0.value) })
        try await bus.setRules(configuration.rules)
        try await lambda.start(functions: configuration.functions)
        let names = Set(configuration.functions.map(\.name))
        for depth in try await store.read({ try LambdaStore.depths(at: .now, in: $0) })
        where depth.queued > 0 && !names.contains(depth.functionName) {
            feed.notice(
                "\(depth.queued) event\(depth.queued == 1 ? "" : "s") wait\(depth.queued == 1 ? "s" : "") for the function \(depth.functionName), which is not in the template; they stay in the queue until it is"
            )
        }
        try await tasks.resume()
        run { [self] in await clusters.run() }
        run { [self] in await watch("state machines") { try await self.stateMachines.run() } }
        run { [self] in await watch("event bus") { try await self.bus.run() } }
        run { [self, feed] in await alarms.run { feed.notice("alarms: \($0)") } }
        run { [self] in await watch("retention") { try await self.enforceRetention() } }
        await s3.start()
    }

    /// Makes the rooms able to write rows for a host that is another process, or comes later; nothing runs here.
    func prepareForWriting() async throws {
        lambda.know(configuration.functions)
        try await bus.setRules(configuration.rules)
        try await stateMachines.setStateMachines(
            configuration.stateMachines.sorted { $0.key < $1.key }.map { .init(name: $0.key, definition: $0.value) })
    }

    /// Another process has written rows: the rooms look at theirs again.
    func lookAgain() {
        lambda.lookAgain()
        bus.lookAgain()
        stateMachines.lookAgain()
    }

    /// Stops taking in, lets what runs end within the limit, and ends the rooms.
    func stop(within limit: Duration, steps: Clusters.StopMode) async {
        await s3.stop()
        await lambda.stop(within: limit)
        do {
            try await clusters.stop(steps)
        } catch {
            feed.notice("steps: \(error)")
        }
        let tasks = loops.withLock { loops in
            defer { loops = [] }
            return loops
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// Whether nothing waits, runs or is looked at.
    func isIdle() async throws -> Bool {
        guard s3.pendingCount == 0 else { return false }
        // What waits for a function that the template does not have waits for the template.
        let names = configuration.functions.map(\.name)
        return try await store.read { connection in
            try !LambdaStore.hasQueued(functions: names, in: connection)
                && EMRStore.steps(states: [.pending, .running, .cancelPending], limit: 1, connection).isEmpty
                && StepFunctionsStore.runningCount(in: connection) == 0
        }
    }

    private func run(_ body: @escaping @Sendable () async -> Void) {
        loops.withLock { $0.append(Task(operation: body)) }
    }

    /// A loop that should only end by being cancelled; anything else is said and it is begun again.
    private func watch(_ name: String, _ body: () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                try await body()
                return
            } catch is CancellationError {
                return
            } catch StoreError.closed {
                return
            } catch {
                feed.notice("\(name): \(error)")
                guard (try? await time.sleep(for: .seconds(1))) != nil else { return }
            }
        }
    }

    private func enforceRetention() async throws {
        while true {
            try await logs.enforceRetention()
            _ = try await metrics.enforceRetention()
            try await alarms.enforceRetention()
            try await time.sleep(for: .seconds(3600))
        }
    }
}

/// Where the rooms find each other, once all are made.
private final class Junction: Sendable {
    private let rooms = Mutex<(targets: DeliveryTargets, tasks: TaskIntegrations, s3: S3Service)?>(nil)

    func fill(targets: DeliveryTargets, tasks: TaskIntegrations, s3: S3Service) {
        rooms.withLock { $0 = (targets, tasks, s3) }
    }

    func look(at version: ObjectVersion) { rooms.withLock { $0?.s3 }?.look(at: version) }

    /// Nothing calls before ``Pipeline/start()``, and by then the junction is filled.
    var targets: DeliveryTargets {
        get throws {
            guard let targets = rooms.withLock({ $0?.targets }) else { throw StoreError.closed }
            return targets
        }
    }

    var tasks: TaskIntegrations {
        get throws {
            guard let tasks = rooms.withLock({ $0?.tasks }) else { throw StoreError.closed }
            return tasks
        }
    }
}
