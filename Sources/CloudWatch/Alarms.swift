public import Events
public import Storage
import Synchronization

/// CloudWatch's alarms: evaluated on time, and as soon as data comes in that settles the matter.
///
/// Each minute (each ten seconds for shorter periods) an alarm looks at the periods that end at that moment. A period that
/// still runs joins in only where what it holds already breaches and can't be undone by more data: a `Maximum`,
/// `SampleCount` or a `Sum` beyond its upper threshold, a `Minimum` below its lower one. So an alarm on errors goes off at
/// the first error, and one on an average waits until the minute is over.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html>
public final class Alarms: Sendable {
    /// Where a change of state goes. All are called inside the transaction that records the change.
    public struct Outlets: Sendable {
        /// A topic's ARN, the subject and the message.
        public var notify: @Sendable (ARN, String, JSON, Connection) throws -> Void
        /// A function's ARN and its event.
        public var invoke: @Sendable (ARN, JSON, Connection) throws -> Void
        /// `CloudWatch Alarm State Change` for the default bus.
        public var bus: @Sendable (EventBridgeEvent, Connection) throws -> Void

        /// Outlets; those not given drop what they get.
        public init(
            notify: @escaping @Sendable (ARN, String, JSON, Connection) throws -> Void = { _, _, _, _ in },
            invoke: @escaping @Sendable (ARN, JSON, Connection) throws -> Void = { _, _, _ in },
            bus: @escaping @Sendable (EventBridgeEvent, Connection) throws -> Void = { _, _ in }
        ) {
            self.notify = notify
            self.invoke = invoke
            self.bus = bus
        }
    }

    private struct State {
        var watched: [MetricIdentity: [String]] = [:]
        var due: Set<String> = []
        var shortest = 60
    }

    private let store: Store
    private let metrics: Metrics
    private let time: any TimeSource
    private let place: AccountRegion
    private let outlets: Outlets
    private let state = Mutex(State())
    private let wake: AsyncStream<Void>
    private let wakeContinuation: AsyncStream<Void>.Continuation

    /// Alarms over `metrics`, which tells them of new data.
    public init(
        store: Store, metrics: Metrics, time: any TimeSource = SystemTime(), place: AccountRegion = AccountRegion(),
        outlets: Outlets = Outlets()
    ) {
        self.store = store
        self.metrics = metrics
        self.time = time
        self.place = place
        self.outlets = outlets
        (wake, wakeContinuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        metrics.observe { [weak self] in self?.heard($0) }
    }

    private func heard(_ changed: Set<MetricIdentity>) {
        let isDue = state.withLock { state in
            let names = changed.flatMap { state.watched[$0] ?? [] }
            state.due.formUnion(names)
            return !names.isEmpty
        }
        if isDue { wakeContinuation.yield() }
    }

    // MARK: - Configuration

    /// Makes these alarms, and only these, the ones there are. New ones start in `INSUFFICIENT_DATA`; one that was there
    /// keeps its state, also when its properties change; those not named go. Throws ``CloudWatchError``.
    public func configure(_ configurations: [AlarmConfiguration], in connection: Connection) throws {
        let now = time.now
        var names: Set<String> = []
        for configuration in configurations {
            _ = try configuration.check()
            guard names.insert(configuration.name).inserted else {
                throw CloudWatchError.invalidParameterValue(
                    "There are two alarms with the name '\(configuration.name)'.")
            }
            let old = try AlarmStore.alarm(configuration.name, in: connection)
            if var alarm = old {
                guard alarm.configuration != configuration else { continue }
                alarm.configuration = configuration
                try AlarmStore.save(alarm, in: connection)
            } else {
                try AlarmStore.save(
                    Alarm(
                        configuration: configuration, state: .insufficientData,
                        stateReason: "Unchecked: Initial alarm creation", stateReasonData: nil,
                        stateUpdatedTimestamp: now, stateTransitionedTimestamp: now), in: connection)
            }
            try record(
                configuration.name, .configurationUpdate,
                "Alarm \"\(configuration.name)\" \(old == nil ? "created" : "updated")",
                ["version": "1.0", "type": .string(old == nil ? "Create" : "Update")], in: connection)
        }
        for name in try AlarmStore.names(in: connection) where !names.contains(name) {
            try AlarmStore.delete(name, in: connection)
            try record(
                name, .configurationUpdate, "Alarm \"\(name)\" deleted", ["version": "1.0", "type": "Delete"],
                in: connection)
        }
        var watched: [MetricIdentity: [String]] = [:]
        for configuration in configurations { watched[configuration.metric, default: []].append(configuration.name) }
        let shortest = configurations.map(\.cadence).min() ?? 60
        connection.afterCommit { [self, watched, names] in
            state.withLock {
                $0.watched = watched
                $0.shortest = shortest
                $0.due = names
            }
            wakeContinuation.yield()
        }
    }

    /// The same in a transaction of its own.
    public func configure(_ configurations: [AlarmConfiguration]) async throws {
        try await store.write { try self.configure(configurations, in: $0) }
    }

    private func record(
        _ alarm: String, _ type: AlarmHistoryItem.Kind, _ summary: String, _ data: JSON, in connection: Connection
    ) throws {
        try AlarmStore.record(
            AlarmHistoryItem(
                alarmName: alarm, timestamp: time.now, type: type, summary: summary, data: data.description),
            in: connection)
    }

    // MARK: - Evaluation

    /// Evaluates until the task is cancelled: on time, and when data comes in. An error of one evaluation goes to
    /// `trouble`, and the next one is made in its time.
    public func run(trouble: @escaping @Sendable (any Error) -> Void = { _ in }) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                while !Task.isCancelled {
                    let step = Int64(state.withLock { $0.shortest }) * 1000
                    let next = Timestamp(milliseconds: time.now.milliseconds.aligned(to: step) + step)
                    guard (try? await time.sleep(until: next)) != nil else { return }
                    do { try await evaluateAll(at: next) } catch { trouble(error) }
                }
            }
            group.addTask { [self] in
                for await _ in wake {
                    do { try await evaluateDue() } catch { trouble(error) }
                    // Under a flood of data a look five times a second is prompt enough.
                    guard (try? await time.sleep(for: .milliseconds(200))) != nil else { return }
                }
            }
            await group.waitForAll()
        }
    }

    /// Evaluates the alarms whose metrics have new data.
    public func evaluateDue() async throws {
        let names = state.withLock { state in
            defer { state.due = [] }
            return state.due
        }
        do {
            try await evaluate(names)
        } catch {
            state.withLock { $0.due.formUnion(names) }
            throw error
        }
    }

    /// Evaluates the alarms whose turn it is at an aligned moment: all at a full minute, else those of short periods.
    public func evaluateAll(at moment: Timestamp) async throws {
        let alarms = try await store.read { try AlarmStore.alarms(prefix: "", after: "", limit: .max, in: $0) }
        try await evaluate(
            Set(
                alarms.map(\.configuration).filter {
                    moment.milliseconds.aligned(to: 1000) / 1000 % Int64($0.cadence) == 0
                }.map(\.name)))
    }

    private func evaluate(_ names: Set<String>) async throws {
        guard !names.isEmpty else { return }
        // A look costs no transaction; only a change does, and it looks again.
        let changed = try await store.read { connection in
            try names.filter { name in
                guard let alarm = try AlarmStore.alarm(name, in: connection),
                    let verdict = try self.verdict(of: alarm.configuration, in: connection)
                else { return false }
                return verdict.state != alarm.state || alarm.stateReasonData == nil
            }
        }
        guard !changed.isEmpty else { return }
        try await store.write { connection in
            for name in changed.sorted() { try self.evaluate(name, in: connection) }
        }
    }

    private func verdict(of configuration: AlarmConfiguration, in connection: Connection) throws
        -> AlarmEvaluation.Verdict?
    {
        let statistic = try configuration.check()
        let now = time.now
        let period = Int64(configuration.period)
        let end = (now.milliseconds / 1000).aligned(to: Int64(configuration.cadence))
        let count = Int64(AlarmEvaluation.range(configuration.evaluationPeriods))
        // Periods end at the moment of the evaluation, as CloudWatch's do: they need not be aligned to the hour.
        let start = end - count * period
        let found = try metrics.series(
            of: configuration.metric, statistic: statistic, from: Timestamp(milliseconds: start * 1000),
            to: Timestamp(milliseconds: (end + period) * 1000), period: configuration.period,
            unit: configuration.unit, origin: Timestamp(milliseconds: end * 1000), in: connection)
        let points = Dictionary(found.points.map { ($0.timestamp, $0) }, uniquingKeysWith: { $1 })
        var slots = (0..<count).map { index in
            let time = Timestamp(milliseconds: (start + index * period) * 1000)
            let point = points[time]
            return AlarmEvaluation.Slot(start: time, value: point?.value, sampleCount: point?.sampleCount ?? 0)
        }
        let running = Timestamp(milliseconds: end * 1000)
        if let point = points[running], configuration.isSettled(point.value, statistic) {
            slots.append(.init(start: running, value: point.value, sampleCount: point.sampleCount))
            slots.removeFirst()
        }
        return AlarmEvaluation(configuration: configuration, now: now).verdict(slots)
    }

    private func evaluate(_ name: String, in connection: Connection) throws {
        guard let alarm = try AlarmStore.alarm(name, in: connection),
            let verdict = try verdict(of: alarm.configuration, in: connection)
        else { return }
        try change(
            alarm, to: verdict.state, reason: verdict.reason, reasonData: verdict.reasonData.description, in: connection
        )
    }

    private func change(
        _ old: Alarm, to state: AlarmState, reason: String, reasonData: String?, in connection: Connection
    ) throws {
        let now = time.now
        var alarm = old
        alarm.state = state
        alarm.stateReason = reason
        alarm.stateReasonData = reasonData
        alarm.stateUpdatedTimestamp = now
        guard state != old.state else { return try AlarmStore.save(alarm, in: connection) }
        alarm.stateTransitionedTimestamp = now
        try AlarmStore.save(alarm, in: connection)
        let name = alarm.configuration.name
        func details(_ alarm: Alarm) -> JSON {
            .compact([
                "stateValue": .string(alarm.state.rawValue), "stateReason": .string(alarm.stateReason),
                "stateReasonData": alarm.stateReasonData.flatMap { try? JSON(parsing: $0) },
            ])
        }
        try record(
            name, .stateUpdate, "Alarm updated from \(old.state.rawValue) to \(state.rawValue)",
            ["version": "1.0", "oldState": details(old), "newState": details(alarm)], in: connection)
        let actions = alarm.configuration.actionsEnabled ? alarm.configuration.actions(for: state) : []
        if state != .insufficientData {
            try AlarmStore.insert(
                Alert(
                    id: 0, alarmName: name, timestamp: now, oldState: old.state, newState: state, reason: reason,
                    reasonData: reasonData ?? "{}", actions: actions), in: connection)
        }
        let message = AlarmMessage(alarm: alarm, previous: old, place: place)
        try outlets.bus(message.event(id: Identifier.uuid()), connection)
        for action in actions {
            guard let arn = ARN(action) else { continue }
            if arn.service == "lambda" {
                try outlets.invoke(arn, message.functionEvent, connection)
            } else {
                try outlets.notify(arn, message.subject, message.topicMessage, connection)
            }
            try record(
                name, .action, "Successfully executed action \(action)",
                ["version": "1.0", "actionState": "Succeeded", "notificationResource": .string(action)],
                in: connection)
        }
    }

    /// `SetAlarmState`: for a test of the actions; the next evaluation sets it right. Throws
    /// ``CloudWatchError/resourceNotFound(_:)``.
    public func setState(_ name: String, to state: AlarmState, reason: String, reasonData: String? = nil) async throws {
        try await store.write { connection in
            guard let alarm = try AlarmStore.alarm(name, in: connection) else {
                throw CloudWatchError.resourceNotFound("There is no alarm with the name '\(name)'.")
            }
            try self.change(alarm, to: state, reason: reason, reasonData: reasonData, in: connection)
        }
    }

    // MARK: - Reading

    /// Alarms by name, behind `after`, at most `limit`.
    public func alarms(prefix: String = "", after: String = "", limit: Int = 100, in connection: Connection) throws
        -> [Alarm]
    {
        try AlarmStore.alarms(prefix: prefix, after: after, limit: limit, in: connection)
    }

    /// The history of one alarm or of all, newest first, older than the entry `before`.
    public func history(of alarm: String? = nil, before: Int64 = .max, limit: Int = 100, in connection: Connection)
        throws -> [AlarmHistoryItem]
    {
        try AlarmStore.history(alarm, before: before, limit: limit, in: connection)
    }

    /// Alerts behind `cursor` in the order in which they came; `newestFirst` gives the last ones instead.
    public func alerts(
        after cursor: Int64 = 0, limit: Int = 100, newestFirst: Bool = false, in connection: Connection
    ) throws -> [Alert] {
        try AlarmStore.alerts(after: cursor, limit: limit, newestFirst: newestFirst, in: connection)
    }

    /// Forgets history older than 30 days, as CloudWatch does. Alerts stay.
    public func enforceRetention() async throws {
        let before = time.now.milliseconds - 30 * 86_400_000
        try await store.write { try AlarmStore.deleteHistory(before: before, in: $0) }
    }
}

extension AlarmConfiguration {
    /// Whether a period that still runs breaches already, for good.
    fileprivate func isSettled(_ value: Double, _ statistic: Statistic) -> Bool {
        guard comparisonOperator.holds(value, threshold) else { return false }
        switch (comparisonOperator, statistic) {
        case (.greaterThanThreshold, .maximum), (.greaterThanOrEqualToThreshold, .maximum),
            (.greaterThanThreshold, .sampleCount), (.greaterThanOrEqualToThreshold, .sampleCount),
            (.greaterThanThreshold, .sum), (.greaterThanOrEqualToThreshold, .sum), (.lessThanThreshold, .minimum),
            (.lessThanOrEqualToThreshold, .minimum):
            return true
        default: return false
        }
    }
}
