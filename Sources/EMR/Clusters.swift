public import Events
import Glibc
public import Storage

/// The clusters of a pipeline and the steps they run.
///
/// A step goes from row to process and back: it is marked as running in a committed row, then, in another commit, as one whose
/// program may begin, then started under a supervisor that outlives this process (``StepSupervisor``), and what the supervisor
/// wrote down becomes its outcome, in one transaction with the events, the measurements and whatever else follows from it.
public actor Clusters {
    let store: Store
    let configurations: [String: ClusterConfiguration]
    let settings: EMRSettings
    let announcer: StepAnnouncer
    let time: any TimeSource
    /// Wakes ``run()``; carries nothing.
    nonisolated let bell: AsyncStream<Void>.Continuation
    private let rings: AsyncStream<Void>
    /// The runs that this host watches.
    var watched: [String: [Task<Void, Never>]] = [:]
    /// Those of them that took longer than their limit.
    var expired: Set<String> = []
    private let refusals = RefusalNotices()
    private(set) var stopping = false
    /// What keeps steps from being started, as it was told.
    var fault: MachineFault.Kind?
    /// Clusters that the template no longer has, and that are being ended.
    private var removed: Set<String> = []
    /// The clusters to look after.
    private var clusterIDs: [String] { removed.union(configurations.keys).sorted() }

    /// Clusters over `store`, which has ``EMRStore/schema``. Nothing happens before ``start()``.
    public init(
        store: Store, configurations: [ClusterConfiguration], settings: EMRSettings, outputs: EMROutputs = EMROutputs(),
        time: any TimeSource = SystemTime()
    ) {
        self.store = store
        self.configurations = Dictionary(configurations.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        self.settings = settings
        self.announcer = StepAnnouncer(outputs: outputs, place: settings.place)
        self.time = time
        (rings, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: - Life

    /// Brings the clusters up as the template says, and finds again what ran when the last host ended: a step that still
    /// runs is watched, one that has ended meanwhile gets its true outcome, and none is run a second time.
    public func start() async throws {
        try await register()
        try await endRemoved()
        for id in clusterIDs {
            let steps = try await store.read { try EMRStore.activeSteps(of: id, $0) }
            for step in steps where step.state != .pending { try await resume(step) }
        }
        removeOldRuns()
        bell.yield()
    }

    /// Starts what waits, whenever there is room, until the task is cancelled.
    public func run() async {
        let heart = Task { await beat() }
        defer { heart.cancel() }
        for await _ in rings {
            if Task.isCancelled || stopping { break }
            await schedule()
        }
    }

    /// What becomes of running steps when the host stops.
    public enum StopMode: Sendable, Hashable {
        /// They go on, and the next host finds them.
        case leaveRunning
        /// They are cancelled, and killed where they don't end.
        case cancelRunning
    }

    /// Starts nothing more. With ``StopMode/cancelRunning`` it returns when the last step has ended and is written down.
    public func stop(_ mode: StopMode = .leaveRunning) async throws {
        stopping = true
        bell.finish()
        if mode == .cancelRunning {
            for id in clusterIDs {
                let running = try await store.read { try EMRStore.activeSteps(of: id, $0) }
                    .filter { $0.state != .pending }.map(\.id)
                if !running.isEmpty { _ = try await cancelSteps(running, of: id) }
            }
            while let tasks = watched.values.first { for task in tasks { await task.value } }
        }
        for tasks in watched.values { for task in tasks { task.cancel() } }
    }

    /// CloudWatch gets EMR's gauges every five minutes, also when nothing changes.
    private func beat() async {
        while (try? await time.sleep(for: .seconds(300))) != nil {
            let (announcer, now, ids) = (announcer, time.now, configurations.keys.sorted())
            store.submit { connection in
                for id in ids {
                    guard let cluster = try EMRStore.cluster(id, connection), cluster.state.acceptsSteps else {
                        continue
                    }
                    try announcer.outputs.record(
                        try announcer.gauges(cluster, at: now, connection), connection)
                }
            }
        }
    }

    private func register() async throws {
        let (announcer, time, settings) = (announcer, time, settings)
        for configuration in configurations.values.sorted(by: { $0.id < $1.id }) {
            try await store.write { connection in
                let now = time.now
                let old = try EMRStore.cluster(configuration.id, connection)
                var cluster = Cluster(
                    id: configuration.id, name: configuration.name, state: .starting,
                    stepConcurrencyLevel: configuration.stepConcurrencyLevel,
                    keepJobFlowAliveWhenNoSteps: configuration.keepJobFlowAliveWhenNoSteps,
                    logURI: configuration.logURI, releaseLabel: configuration.releaseLabel, created: now)
                if let old {
                    // A cluster that has ended stands up again with its host, as a new deployment would make it.
                    cluster.state = old.state.acceptsSteps ? old.state : .starting
                    cluster.created = old.state.acceptsSteps ? old.created : now
                    try EMRStore.updateCluster(cluster, connection)
                } else {
                    try EMRStore.insertCluster(cluster, connection)
                }
                if old == nil {
                    for config in configuration.steps {
                        try config.validate()
                        try announcer.added(
                            Self.step(config, of: cluster.id, settings: settings, at: now), to: cluster, connection)
                    }
                }
            }
        }
    }

    /// Ends clusters that the template no longer has, so that no step of theirs waits for ever.
    private func endRemoved() async throws {
        let (announcer, time, known) = (announcer, time, Set(configurations.keys))
        removed = try await store.write { connection in
            let now = time.now
            let gone = try EMRStore.clusters(connection).filter { !known.contains($0.id) && $0.ended == nil }
            for cluster in gone where cluster.state.acceptsSteps {
                try Self.terminate(
                    cluster, code: "USER_REQUEST", reason: "Removed from the template", announcer, at: now, connection)
            }
            return Set(gone.map(\.id))
        }
    }

    /// Removes the folders of runs whose outcome is committed: a host was killed just before it could.
    private func removeOldRuns() {
        for id in TextFile.names(in: settings.runs) {
            let step = try? store.read { try EMRStore.step(id, $0) }
            if step?.state.isFinal ?? true { TextFile.removeFolder("\(settings.runs)/\(id)") }
        }
    }

    // MARK: - Adding

    /// Adds a step inside a caller's transaction and returns its id. It starts after the commit. Throws ``EMRError``; that a cluster
    /// has ended or is full is told once by ``EMROutputs/trouble`` too, where the caller commits all the same.
    public nonisolated func addStep(
        _ config: StepConfig, to clusterID: String, in connection: Connection
    ) throws -> String {
        try config.validate()
        guard let cluster = try EMRStore.cluster(clusterID, connection) else { throw EMRError.noCluster(clusterID) }
        guard cluster.state.acceptsSteps, configurations[clusterID] != nil else {
            tell(refusals.ended(cluster, isInTemplate: configurations[clusterID] != nil), connection)
            throw EMRError.clusterHasEnded
        }
        guard cluster.stepConcurrencyLevel == 1 || config.actionOnFailure == .continue else {
            throw EMRError.onlyContinue
        }
        let active = try EMRStore.activeCount(of: clusterID, connection)
        tell(refusals.active(active, cluster), connection)
        guard active < EMRStore.activeLimit else { throw EMRError.tooManySteps }
        let step = Self.step(config, of: clusterID, settings: settings, at: time.now)
        try announcer.added(step, to: cluster, connection)
        connection.afterCommit { [bell] in bell.yield() }
        return step.id
    }

    /// Adds steps, all or none, and returns their ids in order. Throws ``EMRError``.
    ///
    /// <https://docs.aws.amazon.com/emr/latest/APIReference/API_AddJobFlowSteps.html>
    public nonisolated func addSteps(_ configs: [StepConfig], to clusterID: String) async throws -> [String] {
        try await store.write { connection in
            try configs.map { try self.addStep($0, to: clusterID, in: connection) }
        }
    }

    nonisolated private func tell(_ notice: String?, _ connection: Connection) {
        guard let notice else { return }
        connection.afterCommit { [announcer] in announcer.outputs.trouble(notice) }
    }

    private static func step(
        _ config: StepConfig, of cluster: String, settings: EMRSettings, at time: Timestamp
    ) -> Step {
        let id = "s-" + Identifier.alphanumeric(13)
        return Step(
            id: id, clusterID: cluster, name: config.name, actionOnFailure: config.actionOnFailure,
            hadoopJarStep: config.hadoopJarStep, state: .pending, created: time,
            logFolder: settings.logFolder(cluster: cluster, step: id))
    }

    // MARK: - Running

    func schedule() async {
        for id in clusterIDs {
            do {
                while case .some(let steps) = try await nextSteps(of: id) {
                    for step in steps { await begin(step) }
                }
            } catch {
                // Writes fail only when the store is closed: the host is going down, and the rows stand as they are.
                return
            }
        }
    }

    /// Applies what the schedule says, in one transaction; returns the steps to launch, or nil when nothing is left to do.
    private func nextSteps(of id: String) async throws -> [Step]? {
        let (announcer, time) = (announcer, time)
        return try await store.write { connection -> [Step]? in
            // Not before the transaction: a step that was added meanwhile would begin before it was made.
            let now = time.now
            guard var cluster = try EMRStore.cluster(id, connection) else { return nil }
            let active = try EMRStore.activeSteps(of: id, connection)
            let pending = active.filter { $0.state == .pending }
            let schedule = StepSchedule(
                level: cluster.stepConcurrencyLevel, state: cluster.state,
                keepsAlive: cluster.keepJobFlowAliveWhenNoSteps, running: active.count - pending.count,
                pending: pending.map(\.id))
            switch schedule.next() {
            case .nothing: return nil
            case .become(let state):
                cluster.state = state
                if state == .terminated {
                    cluster.ended = now
                    if cluster.reasonCode == "STEP_FAILURE" { cluster.state = .terminatedWithErrors }
                    cluster.reasonCode = cluster.reasonCode ?? "ALL_STEPS_COMPLETED"
                    cluster.reason = cluster.reason ?? "Steps completed"
                }
                try announcer.change(cluster, at: now, connection)
                return []
            case .start(let ids):
                var started: [Step] = []
                for var step in pending where ids.contains(step.id) {
                    step.state = .running
                    step.started = max(now, step.created)
                    if try announcer.change(step, from: [.pending], cluster: cluster, at: now, connection) {
                        started.append(step)
                    }
                }
                return started
            }
        }
    }
}
