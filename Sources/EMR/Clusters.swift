public import Events
import Glibc
public import Storage

/// The clusters of a pipeline and the steps they run.
///
/// A step goes from row to process and back: it is marked as running in a committed row, then started under a supervisor
/// that outlives this process (``StepSupervisor``), and what the supervisor wrote down becomes its outcome, in one
/// transaction with the events, the measurements and whatever else follows from it.
public actor Clusters {
    let store: Store
    let configurations: [String: ClusterConfiguration]
    let settings: EMRSettings
    let announcer: StepAnnouncer
    let time: any TimeSource
    /// Wakes ``run()``; carries nothing.
    nonisolated private let bell: AsyncStream<Void>.Continuation
    private let rings: AsyncStream<Void>
    /// The runs that this host watches.
    private var watched: [String: [Task<Void, Never>]] = [:]
    private var stopping = false
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
            for step in steps where step.state != .pending { await resume(step) }
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
        let (announcer, now, settings) = (announcer, time.now, settings)
        for configuration in configurations.values.sorted(by: { $0.id < $1.id }) {
            try await store.write { connection in
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
        let (announcer, now, known) = (announcer, time.now, Set(configurations.keys))
        removed = try await store.write { connection in
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

    /// Adds a step inside a caller's transaction and returns its id. It starts after the commit. Throws ``EMRError``.
    public nonisolated func addStep(
        _ config: StepConfig, to clusterID: String, in connection: Connection
    ) throws -> String {
        try config.validate()
        guard let cluster = try EMRStore.cluster(clusterID, connection) else { throw EMRError.noCluster(clusterID) }
        guard cluster.state.acceptsSteps, configurations[clusterID] != nil else { throw EMRError.clusterHasEnded }
        guard cluster.stepConcurrencyLevel == 1 || config.actionOnFailure == .continue else {
            throw EMRError.onlyContinue
        }
        guard try EMRStore.activeCount(of: clusterID, connection) < 256 else { throw EMRError.tooManySteps }
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
                    for step in steps { await launch(step) }
                }
            } catch {
                // Writes fail only when the store is closed: the host is going down, and the rows stand as they are.
                return
            }
        }
    }

    /// Applies what the schedule says, in one transaction; returns the steps to launch, or nil when nothing is left to do.
    private func nextSteps(of id: String) async throws -> [Step]? {
        let (announcer, now) = (announcer, time.now)
        return try await store.write { connection -> [Step]? in
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
                    step.started = now
                    if try announcer.change(step, from: [.pending], cluster: cluster, at: now, connection) {
                        started.append(step)
                    }
                }
                return started
            }
        }
    }

    /// Starts the program of a step that its row says is running, and that nobody has started yet.
    private func launch(_ step: Step) async {
        let folders = settings.folders(of: step)
        do {
            let supervisor = try StepLaunch(settings: settings, master: master(of: step)).start(step, in: folders)
            watch(step, folders, supervisor: supervisor)
            if fault != nil {
                fault = nil
                announcer.outputs.trouble("steps can be started again; going on")
            }
        } catch let error as StepProgramError where error.outside != nil {
            launchLater(step, MachineFault(errno: error.outside ?? 0, path: folders.run))
        } catch {
            TextFile.append("\(time.now.iso8601) ERROR \(error)", to: folders.controller)
            await finish(step, .neverStarted("\(error)"))
        }
    }

    /// The machine has no process or no room for a step now. Nothing of it runs, so its row stays as it is until it can be started;
    /// a host that ends meanwhile leaves it to the next one.
    private func launchLater(_ step: Step, _ cause: MachineFault) {
        if fault != cause.kind {
            fault = cause.kind
            announcer.outputs.trouble("steps can't be started: \(cause). They wait and are tried again every second")
        }
        watched[step.id] = [
            Task {
                guard (try? await time.sleep(for: .seconds(1))) != nil, !stopping else { return }
                let state = try? await store.read { try EMRStore.step(step.id, $0)?.state }
                if state == .cancelPending {
                    await finish(step, .neverStarted("Cancelled before it began"))
                } else {
                    await launch(step)
                }
            }
        ]
    }

    /// What keeps steps from being started, as it was told.
    private var fault: MachineFault.Kind?

    private func master(of step: Step) -> String { configurations[step.clusterID]?.master ?? "local[*]" }

    /// Takes up a step that another host has started, or was about to.
    private func resume(_ step: Step) async {
        let folders = settings.folders(of: step)
        switch StepSupervisor.status(folders.run) {
        case .exited(let code): await finish(step, .exited(code))
        case .lost: await finish(step, .lost)
        case .running:
            TextFile.append("\(time.now.iso8601) INFO Found again by a new host, still running", to: folders.controller)
            watch(step, folders, supervisor: nil)
            if step.state == .cancelPending { deliverCancellation(of: step.id) }
        case .neverStarted:
            if step.state == .cancelPending {
                await finish(step, .neverStarted("Cancelled before it began"))
            } else if let ending = Self.recorded(folders) {
                await finish(step, ending)
            } else {
                await launch(step)
            }
        }
    }

    // MARK: - Watching

    /// Watches a run: one thread waits for its end, one task reads its progress, one keeps its time limit.
    private func watch(_ step: Step, _ folders: StepFolders, supervisor: pid_t?) {
        let progress = Task { await self.followProgress(of: step.id, folders.progress) }
        let timeout = configurations[step.clusterID]?.stepTimeout
        let limit = timeout.map { limit in
            let deadline = (step.started ?? time.now) + limit
            return Task {
                guard (try? await time.sleep(until: deadline)) != nil else { return }
                self.expire(step.id)
            }
        }
        let end = Task {
            let status = await withCheckedContinuation { (done: CheckedContinuation<StepSupervisor.Status, Never>) in
                BlockingThread.start(name: "step-\(step.id.suffix(10))") {
                    let status = StepSupervisor.wait(folders.run)
                    if let supervisor { Spawn.wait(supervisor) }
                    done.resume(returning: status)
                }
            }
            progress.cancel()
            limit?.cancel()
            let expired = self.expired.remove(step.id) != nil
            switch status {
            case _ where expired: await self.finish(step, .timedOut(seconds: (timeout ?? .zero).milliseconds / 1000))
            case .exited(let code): await self.finish(step, .exited(code))
            case .lost, .running: await self.finish(step, .lost)
            case .neverStarted:
                if let code = TextFile.fault(in: folders.run) {
                    self.launchLater(step, MachineFault(errno: code, path: folders.run))
                } else if access("\(folders.run)/unforked", F_OK) == 0 {
                    self.launchLater(step, MachineFault(errno: EAGAIN, path: folders.run))
                } else {
                    await self.finish(
                        step, .neverStarted("The supervisor could not write its records into \(folders.run)"))
                }
            }
        }
        watched[step.id] = [end]
    }

    private var expired: Set<String> = []

    private func expire(_ id: String) {
        expired.insert(id)
        interrupt(id)
    }

    private func followProgress(of id: String, _ path: String) async {
        var last: StepProgress?
        while (try? await time.sleep(for: .seconds(1))) != nil {
            guard let progress = StepProgress(file: path), progress != last else { continue }
            last = progress
            store.submit { try EMRStore.setProgress(progress, of: id, $0) }
        }
    }

    // MARK: - Ending

    /// Writes the outcome of a step and all that follows from it, then cleans up.
    private func finish(_ ended: Step, _ ending: StepSchedule.Ending) async {
        let folders = settings.folders(of: ended)
        StepSupervisor.sweep(run: folders.run, step: ended.id)
        let failure = Self.failure(ending, folders: folders)
        let progress = StepProgress(file: folders.progress)
        let (announcer, now) = (announcer, time.now)
        do {
            let written = try await store.write { connection -> Step? in
                guard var step = try EMRStore.step(ended.id, connection),
                    let cluster = try EMRStore.cluster(step.clusterID, connection)
                else { return nil }
                if let progress {
                    try EMRStore.setProgress(progress, of: step.id, connection)
                    step.progress = progress
                }
                step.state = StepSchedule.outcome(of: ending, whileIn: step.state)
                if step.state == .cancelled, cluster.state == .terminating { step.state = .interrupted }
                step.ended = now
                if case .exited(let code) = ending { step.exitCode = code }
                if step.state == .failed { step.failure = failure }
                let changed = try announcer.change(
                    step, from: [.running, .cancelPending], cluster: cluster, at: now, connection)
                guard changed else { return nil }
                if step.state == .failed {
                    try Self.applyFailure(of: step, cluster, announcer, at: now, connection)
                }
                return step
            }
            if let written {
                TextFile.append(Self.summary(written, at: now), to: folders.controller)
                await LogUpload(lake: settings.lake).run(written, logURI: configurations[written.clusterID]?.logURI)
            }
            TextFile.removeFolder(folders.run)
            interruptRest(of: ended.clusterID)
        } catch {
            // The store is closed: the next host reads the exit status from the folder, which therefore stays.
        }
        watched[ended.id] = nil
        bell.yield()
    }

    private static func applyFailure(
        of step: Step, _ cluster: Cluster, _ announcer: StepAnnouncer, at now: Timestamp, _ connection: Connection
    ) throws {
        let active = try EMRStore.activeSteps(of: cluster.id, connection)
        let running = active.filter { $0.state != .pending }
        let consequence = StepSchedule.consequence(
            of: step.actionOnFailure, level: cluster.stepConcurrencyLevel, othersRunning: running.count)
        switch consequence {
        case .goOn: return
        case .cancelPending: break
        case .terminate:
            try terminate(
                cluster, code: "STEP_FAILURE", reason: "Shut down as step failed", announcer, at: now, connection)
            return
        }
        for step in active where step.state == .pending {
            try cancelPending(step, cluster, announcer, at: now, connection)
        }
    }

    static func cancelPending(
        _ step: Step, _ cluster: Cluster, _ announcer: StepAnnouncer, at now: Timestamp, _ connection: Connection
    ) throws {
        var step = step
        step.state = .cancelled
        step.ended = now
        _ = try announcer.change(step, from: [.pending], cluster: cluster, at: now, connection)
    }

    /// Cancels what waits, marks what runs for its end, and lets the cluster end when the last step has.
    static func terminate(
        _ cluster: Cluster, code: String, reason: String, _ announcer: StepAnnouncer, at now: Timestamp,
        _ connection: Connection
    ) throws {
        var cluster = cluster
        cluster.state = .terminating
        cluster.reasonCode = code
        cluster.reason = reason
        try announcer.change(cluster, at: now, connection)
        for var step in try EMRStore.activeSteps(of: cluster.id, connection) {
            if step.state == .pending {
                try cancelPending(step, cluster, announcer, at: now, connection)
            } else {
                step.state = .cancelPending
                _ = try announcer.change(step, from: [.running], cluster: cluster, at: now, connection)
                try EMRStore.setCancellation(.terminateProcess, of: step.id, connection)
            }
        }
    }

    /// Ends what still runs on a cluster that is terminating.
    func interruptRest(of id: String) {
        let state = try? store.read { try EMRStore.cluster(id, $0)?.state }
        guard state == .terminating else { return }
        let rest = (try? store.read { try EMRStore.activeSteps(of: id, $0) }) ?? []
        for step in rest where step.state == .cancelPending { deliverCancellation(of: step.id) }
        bell.yield()
    }

    // MARK: - Cancelling

    /// Sends the signal that the row asks for.
    func deliverCancellation(of id: String) {
        let option = try? store.read { try EMRStore.cancellation(of: id, $0) }
        switch option ?? .sendInterrupt {
        case .sendInterrupt: interrupt(id)
        case .terminateProcess: StepSupervisor.signal(SIGKILL, run: "\(settings.runs)/\(id)", step: id)
        }
    }

    /// SIGTERM now, SIGKILL for what is left after the grace.
    private func interrupt(_ id: String) {
        let run = "\(settings.runs)/\(id)"
        StepSupervisor.signal(SIGTERM, run: run, step: id)
        let (time, grace) = (time, settings.interruptGrace)
        Task {
            guard (try? await time.sleep(for: grace)) != nil else { return }
            if StepSupervisor.status(run) == .running { StepSupervisor.signal(SIGKILL, run: run, step: id) }
        }
    }
}
