import Events
import Foundation
import GRDB
import Storage
import Synchronization
import Testing

@testable import EventBridge

/// What a bus delivered, and what it is to fail with.
private final class Recorder: Sendable {
    let deliveries = Mutex<[Delivery]>([])
    let failure = Mutex<DeliveryFailure?>(nil)
    let counts = Mutex<[String: Double]>([:])

    var inputs: [JSON] { deliveries.withLock { $0.map(\.input) } }
    func deliver(_ delivery: Delivery) throws {
        if let failure = failure.withLock({ $0 }), delivery.deadLetterAttributes.isEmpty { throw failure }
        deliveries.withLock { $0.append(delivery) }
    }
    func count(_ data: [MetricDatum]) {
        counts.withLock { counts in
            for datum in data { counts[datum.metricName, default: 0] += datum.values[0].value }
        }
    }
}

/// A store in a folder of its own that goes with it.
private final class TestDatabase: Sendable {
    let store: Store
    private let folder = NSTemporaryDirectory() + "bus-" + Identifier.uuid()

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        store = try Store(path: folder + "/test.db", schemas: [EventBridgeStore.schema])
    }

    deinit {
        store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }
}

@Suite("The event bus")
struct EventBusTests {
    private let database: TestDatabase
    var store: Store { database.store }
    let time = ManualTime()
    private let recorder = Recorder()

    init() throws { database = try TestDatabase() }

    private func bus() -> EventBus {
        EventBus(
            store: store, place: AccountRegion(), time: time, metrics: { [recorder] data, _ in recorder.count(data) }
        ) { [recorder] delivery, _ in try recorder.deliver(delivery) }
    }

    private func event(_ detail: JSON = [:]) -> EventBridgeEvent {
        EventBridgeEvent(
            id: "e1", detailType: "Test", source: "me", account: "000000000000", time: time.now, region: "us-east-1",
            resources: ["r1"], detail: detail)
    }

    private func rule(
        _ input: Target.Input = .event, retries: Int = 185, deadLetter: ARN? = nil, schedule: String? = nil
    ) throws -> Rule {
        try Rule(
            name: "r", eventPattern: try EventPattern(parsing: #"{"source": ["me"]}"#),
            scheduleExpression: try schedule.map { text throws(ScheduleError) in try ScheduleExpression(text) },
            targets: [
                Target(
                    id: "t", arn: AccountRegion().function("f"), input: input,
                    retryPolicy: try .init(maximumRetryAttempts: retries), deadLetterARN: deadLetter)
            ])
    }

    @Test("an event that matches reaches the target; one that does not leaves only a count")
    func put() async throws {
        let bus = bus()
        try await bus.setRules([rule()])
        #expect(try await bus.put(event(["a": 1])) == 1)
        var other = event()
        other.source = "somebody"
        #expect(try await bus.put(other) == 0)
        #expect(recorder.inputs == [event(["a": 1]).json])
        #expect(try await store.read { try EventBridgeStore.unmatchedCount(in: $0) } == 1)
        #expect(recorder.counts.withLock { $0["Invocations"] } == 1)
        #expect(recorder.counts.withLock { $0["MatchedEvents"] } == 1)
    }

    @Test("a target gets a constant, a part of the event, or a text made of its parts")
    func inputs() async throws {
        let transformer = try InputTransformer(
            inputPathsMap: ["instance": "$.detail.instance-id", "all": "$.detail", "none": "$.detail.none"],
            inputTemplate: """
                {"id": <instance>, "text": "<instance> of \\"<aws.events.rule-name>\\"", "detail": <all>, "x": "<none>",
                 "event": <aws.events.event.json>}
                """)
        let bus = bus()
        let detail: JSON = ["instance-id": "i-1", "n": 1.50]
        let cases: [(Target.Input, JSON)] = [
            (.constant(["k": "v"]), ["k": "v"]), (try .path("$.detail.instance-id"), "i-1"),
            (try .path("$.resources[0]"), "r1"), (try .path("$.resources[*]"), ["r1"]),
            (
                .transformer(transformer),
                [
                    "id": "i-1", "text": "i-1 of \"r\"", "detail": detail, "x": "",
                    "event": event(detail).json,
                ]
            ),
            (
                .transformer(
                    try InputTransformer(inputPathsMap: ["i": "$.detail.instance-id"], inputTemplate: "\"<i> is up\"")),
                "i-1 is up"
            ),
        ]
        for (input, expected) in cases {
            try await bus.setRules([rule(input)])
            try await bus.put(event(detail))
            #expect(recorder.inputs.last == expected)
        }
        #expect(throws: RuleError.self) { try InputTransformer(inputTemplate: "{\"a\": <b>}") }
    }

    @Test("a failed delivery is tried again until it succeeds, across a restart")
    func retry() async throws {
        let first = bus()
        try await first.setRules([rule()])
        recorder.failure.withLock { $0 = .init(code: "THROTTLING", message: "later", isRetryable: true) }
        try await first.put(event())
        #expect(recorder.inputs.isEmpty)
        recorder.failure.withLock { $0 = nil }
        let second = bus()
        try await second.setRules([rule()])
        _ = try await store.write { try second.fireDue(in: $0) }
        #expect(recorder.inputs.isEmpty)
        time.advance(by: .seconds(2))
        _ = try await store.write { try second.fireDue(in: $0) }
        _ = try await store.write { try second.fireDue(in: $0) }
        #expect(recorder.inputs.count == 1)
    }

    @Test("a delivery that can't succeed is kept, goes to the dead-letter queue, and can be sent again")
    func deadLetter() async throws {
        let bus = bus()
        let queue = AccountRegion().queue("dlq")
        try await bus.setRules([rule(deadLetter: queue)])
        recorder.failure.withLock { $0 = .init(code: "NO_RESOURCE", message: "gone", isRetryable: false) }
        try await bus.put(event())
        let letters = try await store.read { try EventBridgeStore.deadLetters(in: $0) }
        #expect(letters.map(\.errorCode) == ["NO_RESOURCE"])
        #expect(recorder.deliveries.withLock { $0.map(\.targetARN) } == [queue])
        #expect(recorder.deliveries.withLock { $0[0].deadLetterAttributes["ERROR_CODE"] } == "NO_RESOURCE")
        #expect(recorder.counts.withLock { $0["FailedInvocations"] } == 1)
        recorder.failure.withLock { $0 = nil }
        let id = letters[0].id
        #expect(try await store.write { try bus.redrive(id, in: $0) })
        _ = try await store.write { try bus.fireDue(in: $0) }
        #expect(recorder.deliveries.withLock { $0.count } == 2)
        #expect(try await store.read { try EventBridgeStore.deadLetters(in: $0) }.isEmpty)
    }

    @Test("retries end after MaximumRetryAttempts")
    func exhausted() async throws {
        let bus = bus()
        try await bus.setRules([rule(retries: 2)])
        recorder.failure.withLock { $0 = .init(code: "X", message: "x", isRetryable: true) }
        try await bus.put(event())
        for _ in 0..<5 {
            time.advance(by: .seconds(10))
            _ = try await store.write { try bus.fireDue(in: $0) }
        }
        #expect(try await store.read { try EventBridgeStore.deadLetters(in: $0) }.map(\.retryAttempts) == [2])
        #expect(recorder.counts.withLock { $0["Invocations"] } == 3)
    }

    @Test("a target whose work puts the event that it matches is stopped as a loop")
    func loop() async throws {
        let holder = Holder()
        let bus = EventBus(store: store, place: AccountRegion(), time: time) { delivery, connection in
            try holder.bus.withLock { $0 }?.put(delivery.event, in: connection)
        }
        holder.bus.withLock { $0 = bus }
        try await bus.setRules([rule()])
        try await bus.put(event())
        #expect(
            try await store.read { try EventBridgeStore.deadLetters(in: $0) }.map(\.errorCode) == ["RECURSIVE_LOOP"])
        holder.bus.withLock { $0 = nil }
    }

    @Test("a schedule goes on over a restart: no firing is lost, none comes twice")
    func schedule() async throws {
        let first = bus()
        try await first.setRules([rule(schedule: "rate(5 minutes)")])
        time.advance(by: .seconds(301))
        let next = try await store.write { try first.fireDue(in: $0) }
        #expect(next == Timestamp(year: 2026, month: 1, day: 1, minute: 10))
        #expect(recorder.inputs.map { $0["time"] } == ["2026-01-01T00:05:00Z"])
        time.advance(by: .seconds(600))
        let second = bus()
        try await second.setRules([rule(schedule: "rate(5 minutes)")])
        _ = try await store.write { try second.fireDue(in: $0) }
        _ = try await store.write { try second.fireDue(in: $0) }
        #expect(
            recorder.inputs.map { $0["time"] } == [
                "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:15:00Z",
            ])
        #expect(recorder.inputs.allSatisfy { $0["detail-type"] == "Scheduled Event" && $0["source"] == "aws.events" })
    }

    @Test("a clock that is set back by a day stops neither a schedule nor a retry")
    func setBack() async throws {
        let bus = bus()
        try await bus.setRules([rule(schedule: "rate(5 minutes)")])
        time.advance(by: .seconds(300))
        _ = try await store.write { try bus.fireDue(in: $0) }
        #expect(recorder.inputs.count == 1)
        recorder.failure.withLock { $0 = .init(code: "THROTTLING", message: "later", isRetryable: true) }
        try await bus.put(event())
        recorder.failure.withLock { $0 = nil }
        time.set(by: .seconds(-86_400))
        _ = try await store.write { try bus.fireDue(in: $0) }
        #expect(recorder.inputs.count == 2, "the retry")
        time.advance(by: .seconds(300))
        _ = try await store.write { try bus.fireDue(in: $0) }
        #expect(recorder.inputs.count == 3, "the schedule")
    }

    @Test("the loop sleeps until a schedule is due, and fires it then")
    func run() async throws {
        let bus = bus()
        try await bus.setRules([rule(schedule: "rate(1 minute)")])
        let loop = Task { try await bus.run() }
        await time.sleepers()
        time.advance(by: .seconds(60))
        await time.sleepers()
        #expect(recorder.inputs.count == 1)
        loop.cancel()
        _ = await loop.result
    }

    @Test("rules out of AWS's limits are refused")
    func limits() throws {
        #expect(throws: RuleError.self) {
            try Rule(name: "a b", scheduleExpression: try ScheduleExpression("rate(1 day)"), targets: [])
        }
        #expect(throws: RuleError.self) { try Rule(name: "a", targets: []) }
        #expect(throws: RuleError.self) { try Target.RetryPolicy(maximumRetryAttempts: 186) }
        #expect(throws: RuleError.self) { try Target.Input.path("detail") }
    }
}

/// Lets a closure reach the bus that it belongs to.
private final class Holder: Sendable {
    let bus = Mutex<EventBus?>(nil)
}
