public import Events
import GRDB
public import Storage
import Synchronization

/// The event buses of the account: events come in, rules match them, targets get them.
///
/// A delivery is part of the transaction that put the event. One that fails is undone alone, kept as a row, tried
/// again by
/// the target's `RetryPolicy` and at last kept as a dead letter.
public final class EventBus: Sendable {
    /// Gives an input to a target inside a transaction. Throws ``DeliveryFailure``; any other error is taken as
    /// retryable.
    public typealias Deliver = @Sendable (Delivery, Connection) throws -> Void
    /// Takes measurements inside a transaction.
    public typealias Metrics = @Sendable ([MetricDatum], Connection) throws -> Void

    private struct Rules {
        var byBus: [String: [Rule]] = [:]
    }

    /// How many firings of a schedule that passed while the host was down are made up for, the newest ones.
    public static let missedFiringLimit = 100
    /// How many events may cause one another within one transaction before the chain counts as a loop.
    public static let chainLimit = 16
    /// Between two tries of a delivery.
    private static let longestDelay = Duration.seconds(2048)

    @TaskLocal private static var chain = 0

    private let store: Store
    private let place: AccountRegion
    private let time: any TimeSource
    private let deliver: Deliver
    private let metrics: Metrics
    private let rules = Mutex(Rules())
    let waker = Waker()

    /// The buses, without rules yet.
    public init(
        store: Store, place: AccountRegion, time: any TimeSource, metrics: @escaping Metrics = { _, _ in },
        deliver: @escaping Deliver
    ) {
        self.store = store
        self.place = place
        self.time = time
        self.metrics = metrics
        self.deliver = deliver
    }

    // MARK: - Rules

    /// Replaces all rules. A schedule that is new or changed counts from now; one that stays goes on where it was.
    public func setRules(_ rules: [Rule], in connection: Connection) throws {
        var names: Set<String> = []
        for rule in rules {
            guard names.insert(arn(rule).description).inserted else {
                throw RuleError("two rules are named '\(rule.name)' on bus '\(rule.eventBusName)'")
            }
        }
        let scheduled = rules.filter { $0.scheduleExpression != nil }
        try EventBridgeStore.forgetSchedules(
            except: Set(scheduled.map { arn($0).description }), in: connection)
        for rule in scheduled { _ = try lastFired(rule, in: connection) }
        connection.afterCommit { [self] in
            self.rules.withLock { $0.byBus = Dictionary(grouping: rules, by: \.eventBusName) }
            waker.wake()
        }
    }

    /// Replaces all rules.
    public func setRules(_ rules: [Rule]) async throws {
        try await store.write { [self] in try setRules(rules, in: $0) }
    }

    /// The rules of all buses, by name.
    public func listRules() -> [Rule] {
        rules.withLock { $0.byBus.values.flatMap(\.self) }.sorted { $0.name < $1.name }
    }

    private func arn(_ rule: Rule) -> ARN { place.rule(rule.name, bus: rule.eventBusName) }

    private func lastFired(_ rule: Rule, in connection: Connection) throws -> Timestamp {
        try EventBridgeStore.lastFired(
            rule: arn(rule).description, expression: rule.scheduleExpression?.description ?? "", else: time.now,
            in: connection)
    }

    // MARK: - Events

    /// Puts an event on a bus: each matching rule's targets get it in this transaction. Returns how many rules matched.
    @discardableResult
    public func put(_ event: EventBridgeEvent, bus: String = "default", in connection: Connection) throws -> Int {
        let json = event.json
        let matching = rules.withLock { $0.byBus[bus] ?? [] }.filter {
            $0.state == .enabled && $0.eventPattern?.matches(json) == true
        }
        guard !matching.isEmpty else {
            try EventBridgeStore.countUnmatched(event, bus: bus, in: connection)
            return 0
        }
        for rule in matching {
            try count([("MatchedEvents", 1), ("TriggeredRules", 1)], rule.name, in: connection)
            try send(event, by: rule, in: connection)
        }
        return matching.count
    }

    /// Puts an event on a bus.
    @discardableResult
    public func put(_ event: EventBridgeEvent, bus: String = "default") async throws -> Int {
        try await store.write { [self] in try put(event, bus: bus, in: $0) }
    }

    private func send(_ event: EventBridgeEvent, by rule: Rule, in connection: Connection) throws {
        for target in rule.targets {
            let input = target.input.apply(to: event, rule: arn(rule), received: time.now)
            let pending = EventBridgeStore.Pending(
                id: 0, rule: arn(rule).description, targetID: target.id, targetARN: target.arn.description,
                input: input, event: event.json, attempts: 0, created: time.now, errorCode: "", errorMessage: "")
            guard Self.chain < Self.chainLimit else {
                let failure = DeliveryFailure(
                    code: "RECURSIVE_LOOP",
                    message: "\(Self.chainLimit) events caused one another: the rule matches what its target does",
                    isRetryable: false)
                try fail(pending, failure, target, event, in: connection)
                continue
            }
            if let failure = try attempt(pending, event, in: connection) {
                try fail(pending, failure, target, event, in: connection)
            }
        }
    }

    /// Tries one delivery; what a failed one wrote is undone.
    private func attempt(
        _ pending: EventBridgeStore.Pending, _ event: EventBridgeEvent, in connection: Connection
    ) throws -> DeliveryFailure? {
        guard let target = ARN(pending.targetARN), let rule = ARN(pending.rule) else {
            return DeliveryFailure(
                code: "INVALID_PARAMETER", message: "'\(pending.targetARN)' is no ARN", isRetryable: false)
        }
        try count([("Invocations", 1)], rule.name, in: connection)
        let delivery = Delivery(
            targetARN: target, input: pending.input, ruleARN: rule, event: event, deadLetterAttributes: [:])
        do {
            try Self.$chain.withValue(Self.chain + 1) {
                try connection.database.inSavepoint {
                    try deliver(delivery, connection)
                    return .commit
                }
            }
            return nil
        } catch let failure as DeliveryFailure {
            return failure
        } catch let error as DatabaseError where error.isOutsideCause {
            // The store's trouble is not the target's: the whole transaction is to be tried again.
            throw error
        } catch {
            return DeliveryFailure(code: "INTERNAL_ERROR", message: "\(error)", isRetryable: true)
        }
    }

    /// Writes a failed delivery down for its next try, or as a dead letter.
    private func fail(
        _ pending: EventBridgeStore.Pending, _ failure: DeliveryFailure, _ target: Target?, _ event: EventBridgeEvent,
        in connection: Connection
    ) throws {
        let now = time.now
        let policy = target?.retryPolicy ?? .standard
        var pending = pending
        pending.attempts += 1
        pending.errorCode = failure.code
        pending.errorMessage = failure.message
        let exponent = min(pending.attempts - 1, 11)
        // Double from one second to about half an hour, shortened by up to a quarter so that failures spread out.
        let delay = Duration.milliseconds(Int64(Double(1000 << exponent) * Double.random(in: 0.75...1)))
        let isOld = now + delay - pending.created > .seconds(policy.maximumEventAgeInSeconds)
        let isLast = pending.attempts > policy.maximumRetryAttempts
        let isDead = !failure.isRetryable || isOld || isLast
        if pending.id > 0 { try EventBridgeStore.delete(pending.id, in: connection) }
        try EventBridgeStore.insert(pending, due: isDead ? now : now + delay, isDead: isDead, in: connection)
        guard isDead else {
            connection.afterCommit { [waker] in waker.wake() }
            return
        }
        let rule = ARN(pending.rule)
        try count([("FailedInvocations", 1)], rule?.name ?? pending.rule, in: connection)
        guard let queue = target?.deadLetterARN, let rule else { return }
        let letter = Delivery(
            targetARN: queue, input: event.json, ruleARN: rule, event: event,
            deadLetterAttributes: [
                "RULE_ARN": pending.rule, "TARGET_ARN": pending.targetARN, "ERROR_CODE": failure.code,
                "ERROR_MESSAGE": failure.message, "RETRY_ATTEMPTS": String(pending.attempts - 1),
                "EXHAUSTED_RETRY_CONDITION": isLast ? "MaximumRetryAttempts" : "MaximumEventAgeInSeconds",
            ])
        do {
            try Self.$chain.withValue(Self.chain + 1) {
                try connection.database.inSavepoint {
                    try deliver(letter, connection)
                    return .commit
                }
            }
            try count([("InvocationsSentToDlq", 1)], rule.name, in: connection)
        } catch let error as DatabaseError where error.isOutsideCause {
            throw error
        } catch {
            try count([("InvocationsFailedToBeSentToDlq", 1)], rule.name, in: connection)
        }
    }

    private func count(_ names: [(String, Double)], _ rule: String, in connection: Connection) throws {
        let now = time.now
        try metrics(
            names.map {
                MetricDatum(
                    $0.0, namespace: "AWS/Events", dimensions: ["RuleName": rule], value: $0.1, unit: "Count",
                    timestamp: now)
            }, connection)
    }

    /// Sends a dead letter again; false where there is none with this id.
    public func redrive(_ id: Int64, in connection: Connection) throws -> Bool {
        connection.afterCommit { [waker] in waker.wake() }
        return try EventBridgeStore.revive(id, now: time.now, in: connection)
    }

    /// Another process has written rows: deliveries may be due.
    public func lookAgain() { waker.wake() }

    // MARK: - Time

    /// Fires the schedules and tries the deliveries whose time has come. Returns when the next one is due.
    @discardableResult
    public func fireDue(in connection: Connection) throws -> Timestamp? {
        let now = time.now
        var next: Timestamp?
        for rule in rules.withLock({ $0.byBus["default"] ?? [] }) {
            guard let schedule = rule.scheduleExpression else { continue }
            var last = try lastFired(rule, in: connection)
            if last > now {
                // The clock was set back since: what has fired in the time to come fires anew.
                last = now
                try EventBridgeStore.setLastFired(
                    rule: arn(rule).description, expression: schedule.description, now, in: connection)
            }
            var due: [Timestamp] = []
            var at = last
            while let time = schedule.next(after: at), time <= now {
                at = time
                due.append(time)
                if due.count > Self.missedFiringLimit { due.removeFirst() }
            }
            if at != last {
                try EventBridgeStore.setLastFired(
                    rule: arn(rule).description, expression: schedule.description, at, in: connection)
            }
            guard rule.state == .enabled else { continue }
            for time in due {
                let event = EventBridgeEvent(
                    id: Identifier.uuid(), detailType: "Scheduled Event", source: "aws.events", account: place.account,
                    time: time, region: place.region, resources: [arn(rule).description], detail: [:])
                try count([("TriggeredRules", 1)], rule.name, in: connection)
                try send(event, by: rule, in: connection)
            }
            if let time = schedule.next(after: at) { next = min(next ?? time, time) }
        }
        try EventBridgeStore.hasten(to: now, after: now + Self.longestDelay, in: connection)
        for pending in try EventBridgeStore.due(at: now, limit: 100, in: connection) {
            let rule = rules.withLock { $0.byBus.values.flatMap(\.self).first { arn($0).description == pending.rule } }
            let target = rule?.targets.first { $0.id == pending.targetID }
            let event = EventBridgeEvent(json: pending.event)
            if let failure = try attempt(pending, event, in: connection) {
                try fail(pending, failure, target, event, in: connection)
            } else {
                try EventBridgeStore.delete(pending.id, in: connection)
            }
        }
        if let due = try EventBridgeStore.nextDue(in: connection) { next = min(next ?? due, due) }
        return next
    }

    /// Fires what is due, as its time comes, until the task is cancelled.
    public func run() async throws {
        while true {
            let next = try await store.write { [self] in try fireDue(in: $0) }
            try await waker.wait(until: next, time)
        }
    }
}

extension EventBridgeEvent {
    /// An event as this room wrote it down.
    init(json: JSON) {
        self.init(
            id: json["id"]?.string ?? "", detailType: json["detail-type"]?.string ?? "",
            source: json["source"]?.string ?? "", account: json["account"]?.string ?? "",
            time: Timestamp(iso8601: json["time"]?.string ?? "") ?? Timestamp(milliseconds: 0),
            region: json["region"]?.string ?? "", resources: json["resources"]?.array?.compactMap(\.string) ?? [],
            detail: json["detail"] ?? [:])
    }
}
