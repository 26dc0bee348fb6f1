public import Events
public import Storage

/// Where the room's news goes. Each closure gets the transaction in which the change itself is written, so that both happen
/// or neither does.
public struct EMROutputs: Sendable {
    /// "EMR Step Status Change" and "EMR Cluster State Change", for the default bus.
    public var publish: @Sendable (EventBridgeEvent, Connection) throws -> Void
    /// Measurements in the namespace `AWS/ElasticMapReduce`, dimension `JobFlowId`.
    public var record: @Sendable ([MetricDatum], Connection) throws -> Void
    /// A step has reached a final state.
    public var stepEnded: @Sendable (Step, Connection) throws -> Void
    /// Takes a message for the host's own log; outside of any transaction.
    public var trouble: @Sendable (String) -> Void

    /// Closures for what is wanted; the others do nothing.
    public init(
        publish: @escaping @Sendable (EventBridgeEvent, Connection) throws -> Void = { _, _ in },
        record: @escaping @Sendable ([MetricDatum], Connection) throws -> Void = { _, _ in },
        stepEnded: @escaping @Sendable (Step, Connection) throws -> Void = { _, _ in },
        trouble: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.publish = publish
        self.record = record
        self.stepEnded = stepEnded
        self.trouble = trouble
    }
}

/// Writes changes of state together with the events and measurements that tell of them.
///
/// <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-manage-cloudwatch-events.html>
struct StepAnnouncer: Sendable {
    var outputs: EMROutputs
    var place: AccountRegion

    func added(_ step: Step, to cluster: Cluster, _ connection: Connection) throws {
        try EMRStore.insertStep(step, connection)
        try tell(step, cluster, at: step.created, connection)
    }

    /// Moves a step on. False where it is no longer in one of `states`: somebody else was first.
    func change(
        _ step: Step, from states: [StepState], cluster: Cluster, at time: Timestamp, _ connection: Connection
    ) throws -> Bool {
        guard try EMRStore.setState(of: step, from: states, connection) else { return false }
        try tell(step, cluster, at: time, connection)
        if step.state.isFinal { try outputs.stepEnded(step, connection) }
        return true
    }

    func change(_ cluster: Cluster, at time: Timestamp, _ connection: Connection) throws {
        try EMRStore.setState(of: cluster, connection)
        try tell(cluster, at: time, connection)
    }

    // MARK: - Events

    private func tell(_ step: Step, _ cluster: Cluster, at time: Timestamp, _ connection: Connection) throws {
        let minute = time.iso8601(milliseconds: false).dropLast(4).replacing("T", with: " ") + " UTC"
        let place = "Amazon EMR cluster \(cluster.id) (\(cluster.name))"
        let name = "Step \(step.id) (\(step.name))"
        let minutes = step.started.map { max(0, (time - $0).milliseconds / 60000) } ?? 0
        let message =
            switch step.state {
            case .pending: "\(name) was added to \(place) at \(minute) and is pending execution."
            case .running: "\(name) in \(place) started running at \(minute)."
            case .completed:
                "\(name) in \(place) completed execution at \(minute). The step started running at "
                    + "\((step.started ?? time).iso8601(milliseconds: false).dropLast(4).replacing("T", with: " ")) UTC "
                    + "and took \(minutes) minutes to complete."
            case .cancelPending: "Cancellation of \(name) in \(place) was requested at \(minute)."
            case .cancelled: "\(name) in \(place) was cancelled at \(minute)."
            case .interrupted: "\(name) in \(place) was interrupted at \(minute): the cluster is terminating."
            case .failed: "\(name) in \(place) failed at \(minute)."
            }
        try outputs.publish(
            event(
                "EMR Step Status Change",
                [
                    "severity": .string(step.state.severity), "actionOnFailure": .string(step.actionOnFailure.rawValue),
                    "stepId": .string(step.id), "name": .string(step.name), "clusterId": .string(cluster.id),
                    "state": .string(step.state.rawValue), "message": .string(message),
                ], at: time), connection)
        try outputs.record(try measurements(step, cluster, at: time, connection), connection)
    }

    private func tell(_ cluster: Cluster, at time: Timestamp, _ connection: Connection) throws {
        let reason: JSON = .compact(["code": cluster.reasonCode.map(JSON.string)])
        try outputs.publish(
            event(
                "EMR Cluster State Change",
                [
                    "severity": cluster.state == .terminatedWithErrors ? "CRITICAL" : "INFO",
                    "stateChangeReason": .string(reason.description), "name": .string(cluster.name),
                    "clusterId": .string(cluster.id), "state": .string(cluster.state.rawValue),
                    "message": .string(
                        "Amazon EMR cluster \(cluster.id) (\(cluster.name)) is now in state \(cluster.state.rawValue)."),
                ], at: time), connection)
    }

    private func event(_ type: String, _ detail: JSON, at time: Timestamp) -> EventBridgeEvent {
        EventBridgeEvent(
            id: Identifier.uuid(), detailType: type, source: "aws.emr", account: place.account, time: time,
            region: place.region, detail: detail)
    }

    // MARK: - Metrics

    private func measurements(
        _ step: Step, _ cluster: Cluster, at time: Timestamp, _ connection: Connection
    ) throws -> [MetricDatum] {
        var data = try gauges(cluster, at: time, connection)
        func count(_ name: String, _ value: Double = 1, unit: String = "Count") {
            data.append(datum(name, value, unit: unit, cluster, at: time))
        }
        switch step.state {
        case .pending: count("AppsSubmitted")
        case .completed: count("AppsCompleted")
        case .failed: count("AppsFailed")
        case .cancelled, .interrupted: count("AppsKilled")
        case .running, .cancelPending: break
        }
        if step.state.isFinal, let progress = step.progress {
            count("S3BytesRead", Double(progress.bytesRead), unit: "Bytes")
            count("S3BytesWritten", Double(progress.bytesWritten), unit: "Bytes")
        }
        return data
    }

    /// How busy a cluster is now.
    func gauges(_ cluster: Cluster, at time: Timestamp, _ connection: Connection) throws -> [MetricDatum] {
        let active = try EMRStore.activeSteps(of: cluster.id, connection)
        let pending = active.count { $0.state == .pending }
        let running = active.count - pending
        return [
            datum("AppsPending", Double(pending), cluster, at: time),
            datum("AppsRunning", Double(running), cluster, at: time),
            datum("IsIdle", active.isEmpty ? 1 : 0, unit: "None", cluster, at: time),
        ]
    }

    private func datum(
        _ name: String, _ value: Double, unit: String = "Count", _ cluster: Cluster, at time: Timestamp
    ) -> MetricDatum {
        MetricDatum(
            name, namespace: "AWS/ElasticMapReduce", dimensions: ["JobFlowId": cluster.id], value: value, unit: unit,
            timestamp: time)
    }
}
