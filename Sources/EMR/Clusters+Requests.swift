public import Events
import Storage

/// EMR's own requests, as a gateway serves them.
extension Clusters {
    /// What became of one step of a `CancelSteps` request.
    public struct CancelStepsInfo: Sendable, Hashable {
        /// The step that was named.
        public var stepID: String
        /// `SUBMITTED` or `FAILED`.
        public var status: String
        /// Why it could not be cancelled; nil where it could.
        public var reason: String?

        /// The element of `CancelStepsInfoList`.
        public var json: JSON {
            .compact([
                "StepId": .string(stepID), "Status": .string(status), "Reason": reason.map(JSON.string),
            ])
        }
    }

    /// Cancels steps: one that waits at once, one that runs by a signal. Throws ``EMRError`` where there is no such cluster.
    ///
    /// <https://docs.aws.amazon.com/emr/latest/APIReference/API_CancelSteps.html>
    public func cancelSteps(
        _ ids: [String], of clusterID: String, option: StepCancellationOption = .sendInterrupt
    ) async throws -> [CancelStepsInfo] {
        let (announcer, time) = (announcer, time)
        let (infos, running) = try await store.write { connection -> ([CancelStepsInfo], [String]) in
            let now = time.now
            guard let cluster = try EMRStore.cluster(clusterID, connection) else { throw EMRError.noCluster(clusterID) }
            var infos: [CancelStepsInfo] = []
            var running: [String] = []
            for id in ids {
                guard var step = try EMRStore.step(id, connection), step.clusterID == clusterID else {
                    infos.append(CancelStepsInfo(stepID: id, status: "FAILED", reason: "Step id '\(id)' is not valid."))
                    continue
                }
                switch step.state {
                case .pending:
                    try Self.cancelPending(step, cluster, announcer, at: now, connection)
                case .running:
                    step.state = .cancelPending
                    _ = try announcer.change(step, from: [.running], cluster: cluster, at: now, connection)
                    try EMRStore.setCancellation(option, of: id, connection)
                    running.append(id)
                case .cancelPending:
                    try EMRStore.setCancellation(option, of: id, connection)
                    running.append(id)
                case .completed, .cancelled, .failed, .interrupted:
                    infos.append(
                        CancelStepsInfo(
                            stepID: id, status: "FAILED",
                            reason: "Step is in state \(step.state.rawValue) and cannot be cancelled."))
                    continue
                }
                infos.append(CancelStepsInfo(stepID: id, status: "SUBMITTED"))
            }
            return (infos, running)
        }
        for id in running { deliverCancellation(of: id) }
        return infos
    }

    /// Ends clusters: steps that wait are cancelled, those that run are killed. Throws ``EMRError`` for an unknown one.
    ///
    /// <https://docs.aws.amazon.com/emr/latest/APIReference/API_TerminateJobFlows.html>
    public func terminate(_ clusterIDs: [String]) async throws {
        let (announcer, time) = (announcer, time)
        try await store.write { connection in
            let now = time.now
            for id in clusterIDs {
                guard let cluster = try EMRStore.cluster(id, connection) else { throw EMRError.noCluster(id) }
                guard cluster.state.acceptsSteps else { continue }
                try Self.terminate(
                    cluster, code: "USER_REQUEST", reason: "Terminated by user request", announcer, at: now,
                    connection)
            }
        }
        for id in clusterIDs { interruptRest(of: id) }
        await schedule()
    }

    /// Changes how many steps may run at a time; running steps go on. Throws ``EMRError``.
    ///
    /// <https://docs.aws.amazon.com/emr/latest/APIReference/API_ModifyCluster.html>
    public func setStepConcurrencyLevel(_ level: Int, of clusterID: String) async throws {
        guard (1...256).contains(level) else {
            throw EMRError(.validation, "StepConcurrencyLevel must be between 1 and 256.")
        }
        let (announcer, time) = (announcer, time)
        try await store.write { connection in
            let now = time.now
            guard var cluster = try EMRStore.cluster(clusterID, connection) else { throw EMRError.noCluster(clusterID) }
            guard cluster.state.acceptsSteps else { throw EMRError.clusterHasEnded }
            let pending = try EMRStore.activeSteps(of: clusterID, connection).filter { $0.state == .pending }
            guard level == 1 || pending.allSatisfy({ $0.actionOnFailure == .continue }) else {
                throw EMRError.onlyContinue
            }
            cluster.stepConcurrencyLevel = level
            try announcer.change(cluster, at: now, connection)
        }
        await schedule()
    }

    /// The answer of `DescribeStep`. Throws ``EMRError``.
    public nonisolated func describeStep(_ id: String, of clusterID: String) throws -> JSON {
        try store.read { connection in
            guard try EMRStore.cluster(clusterID, connection) != nil else { throw EMRError.noCluster(clusterID) }
            guard let step = try EMRStore.step(id, connection), step.clusterID == clusterID else {
                throw EMRError.noStep(id)
            }
            return ["Step": step.json]
        }
    }

    /// The answer of `ListSteps`: newest first, 50 a page, or just the steps named (at most 10). Throws ``EMRError``.
    ///
    /// <https://docs.aws.amazon.com/emr/latest/APIReference/API_ListSteps.html>
    public nonisolated func listSteps(
        of clusterID: String, ids: [String]? = nil, states: [StepState]? = nil, marker: String? = nil
    ) throws -> JSON {
        guard (ids?.count ?? 0) <= 10 else { throw EMRError(.invalidRequest, "At most 10 step ids may be specified.") }
        return try store.read { connection in
            guard try EMRStore.cluster(clusterID, connection) != nil else { throw EMRError.noCluster(clusterID) }
            if let ids, !ids.isEmpty {
                let steps = try ids.map { id in
                    guard let step = try EMRStore.step(id, connection), step.clusterID == clusterID else {
                        throw EMRError.noStep(id)
                    }
                    return step
                }.filter { states?.contains($0.state) ?? true }
                return ["Steps": .array(steps.map(\.json))]
            }
            if let marker, try EMRStore.step(marker, connection)?.clusterID != clusterID {
                throw EMRError(.invalidRequest, "Marker '\(marker)' is not valid.")
            }
            var steps = try EMRStore.steps(of: clusterID, states: states, after: marker, limit: 51, connection)
            let more = steps.count > 50
            if more { steps.removeLast() }
            return .compact([
                "Steps": .array(steps.map(\.json)), "Marker": more ? steps.last.map { .string($0.id) } : nil,
            ])
        }
    }

    /// The answer of `DescribeCluster`. Throws ``EMRError``.
    public nonisolated func describeCluster(_ id: String) throws -> JSON {
        try store.read { connection in
            guard let cluster = try EMRStore.cluster(id, connection) else { throw EMRError.noCluster(id) }
            return ["Cluster": cluster.json(announcer.place)]
        }
    }

    /// The answer of `ListClusters`, newest first.
    public nonisolated func listClusters(states: [ClusterState]? = nil) throws -> JSON {
        try store.read { connection in
            let clusters = try EMRStore.clusters(connection).filter { states?.contains($0.state) ?? true }
            return ["Clusters": .array(clusters.map { $0.summary(announcer.place) })]
        }
    }
}
