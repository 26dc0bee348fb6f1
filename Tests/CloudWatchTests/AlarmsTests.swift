import CloudWatch
import Events
import Storage
import Synchronization
import Testing

@Suite struct AlarmsTests {
    private final class Recorder: Sendable {
        let said = Mutex<[String]>([])
        func say(_ text: String) { said.withLock { $0.append(text) } }
        var all: [String] { said.withLock { $0 } }
    }

    private func alarms(_ fixture: Fixture, _ recorder: Recorder = Recorder()) -> Alarms {
        Alarms(
            store: fixture.store, metrics: fixture.metrics, time: fixture.time,
            outlets: Alarms.Outlets(
                notify: { arn, subject, message, _ in
                    recorder.say("\(arn.name): \(subject): \(message["NewStateValue"]?.string ?? "?")")
                },
                invoke: { arn, event, _ in
                    recorder.say("\(arn.name) gets \(event["alarmData"]?["state"]?["value"]?.string ?? "?")")
                },
                bus: { event, _ in
                    recorder.say("bus: \(event.detailType) \(event.detail["state"]?["value"]?.string ?? "?")")
                }))
    }

    private func configuration(statistic: String = "Sum", threshold: Double = 1) -> AlarmConfiguration {
        var configuration = AlarmConfiguration(
            name: "errors", metric: MetricIdentity("m", namespace: "n", dimensions: ["d": "1"]), statistic: statistic,
            comparisonOperator: .greaterThanOrEqualToThreshold, threshold: threshold)
        configuration.treatMissingData = .notBreaching
        configuration.alarmActions = [
            "arn:aws:sns:us-east-1:000000000000:ops", "arn:aws:lambda:us-east-1:000000000000:function:pager",
        ]
        return configuration
    }

    private func state(_ alarms: Alarms, _ fixture: Fixture) async throws -> AlarmState? {
        try await fixture.store.read { try alarms.alarms(in: $0).first?.state }
    }

    @Test("an alarm starts without data, goes off at the first error and says so once, then calms down")
    func life() async throws {
        let fixture = try Fixture()
        let recorder = Recorder()
        let alarms = alarms(fixture, recorder)
        try await alarms.configure([configuration()])
        #expect(try await state(alarms, fixture) == .insufficientData)
        try await alarms.evaluateDue()
        #expect(try await state(alarms, fixture) == .ok)
        fixture.time.advance(by: .seconds(5))
        for _ in 0..<3 {
            try await fixture.metrics.put([fixture.datum(1)])
            try await alarms.evaluateDue()
        }
        #expect(try await state(alarms, fixture) == .alarm)
        #expect(
            recorder.all == [
                "bus: CloudWatch Alarm State Change OK", "bus: CloudWatch Alarm State Change ALARM",
                "ops: ALARM: \"errors\" in US East (N. Virginia): ALARM", "pager gets ALARM",
            ])
        // The breach stays in the evaluation range for three periods, then gaps decide.
        fixture.time.advance(by: .seconds(55))
        for minute in 1...4 {
            try await alarms.evaluateAll(at: fixture.time.now)
            #expect(try await state(alarms, fixture) == (minute <= 3 ? .alarm : .ok), "minute \(minute)")
            fixture.time.advance(by: .seconds(60))
        }
        let alerts = try await fixture.store.read { try alarms.alerts(in: $0) }
        #expect(alerts.map(\.newState) == [.ok, .alarm, .ok])
        #expect(alerts[1].actions.count == 2)
        #expect(
            alerts[1].reason.hasPrefix("Threshold Crossed: 1 out of the last 1 datapoints [1.0 (01/01/26 00:00:00)]"))
        let later = try await fixture.store.read { try alarms.alerts(after: alerts[1].id, in: $0) }
        #expect(later == [alerts[2]])
        let history = try await fixture.store.read { try alarms.history(of: "errors", in: $0) }
        #expect(history.count == 6)
    }

    @Test("an average is judged only when its minute is over")
    func average() async throws {
        let fixture = try Fixture()
        let alarms = alarms(fixture)
        try await alarms.configure([configuration(statistic: "Average", threshold: 5)])
        try await fixture.metrics.put([fixture.datum(9)])
        try await alarms.evaluateDue()
        #expect(try await state(alarms, fixture) == .ok)
        try await fixture.metrics.put([fixture.datum(0)])
        fixture.time.advance(by: .seconds(60))
        try await alarms.evaluateAll(at: fixture.time.now)
        #expect(try await state(alarms, fixture) == .ok)
        try await fixture.metrics.put([fixture.datum(9)])
        fixture.time.advance(by: .seconds(60))
        try await alarms.evaluateAll(at: fixture.time.now)
        #expect(try await state(alarms, fixture) == .alarm)
    }

    @Test("the loop wakes on time and on data, and ends with its task")
    func loop() async throws {
        let fixture = try Fixture()
        let recorder = Recorder()
        let (changes, continuation) = AsyncStream.makeStream(of: String.self)
        let alarms = Alarms(
            store: fixture.store, metrics: fixture.metrics, time: fixture.time,
            outlets: Alarms.Outlets(bus: { event, _ in
                continuation.yield(event.detail["state"]?["value"]?.string ?? "?")
            }))
        _ = recorder
        try await alarms.configure([configuration()])
        let task = Task { await alarms.run() }
        var seen = changes.makeAsyncIterator()
        #expect(await seen.next() == "OK")
        await fixture.time.sleepers(2)
        try await fixture.metrics.put([fixture.datum(1)])
        fixture.time.advance(by: .milliseconds(200))
        #expect(await seen.next() == "ALARM")
        task.cancel()
        await task.value
    }

    @Test("a new configuration keeps the state of alarms that stay and drops those that go")
    func reconfiguration() async throws {
        let fixture = try Fixture()
        let alarms = alarms(fixture)
        try await alarms.configure([configuration()])
        try await fixture.metrics.put([fixture.datum(1)])
        try await alarms.evaluateDue()
        try await alarms.configure([configuration(threshold: 2)])
        #expect(try await state(alarms, fixture) == .alarm)
        try await alarms.configure([])
        #expect(try await state(alarms, fixture) == nil)
        let history = try await fixture.store.read { try alarms.history(in: $0) }
        #expect(history.first?.summary == "Alarm \"errors\" deleted")
    }

    @Test("an action that fails undoes the change of state, which comes again")
    func failingAction() async throws {
        let fixture = try Fixture()
        let isBroken = Mutex(true)
        let alarms = Alarms(
            store: fixture.store, metrics: fixture.metrics, time: fixture.time,
            outlets: Alarms.Outlets(bus: { _, _ in if isBroken.withLock({ $0 }) { throw Interruption() } }))
        try await alarms.configure([configuration()])
        try await fixture.metrics.put([fixture.datum(1)])
        await #expect(throws: Interruption.self) { try await alarms.evaluateDue() }
        #expect(try await state(alarms, fixture) == .insufficientData)
        isBroken.withLock { $0 = false }
        try await alarms.evaluateDue()
        #expect(try await state(alarms, fixture) == .alarm)
    }

    @Test("faulty alarms are refused")
    func refusals() async throws {
        let fixture = try Fixture()
        let alarms = alarms(fixture)
        let faults: [@Sendable (inout AlarmConfiguration) -> Void] = [
            { $0.period = 45 }, { $0.statistic = "Mean" }, { $0.datapointsToAlarm = 2 },
            { $0.evaluationPeriods = 1441 },
            { $0.threshold = .infinity }, { $0.name = "" },
        ]
        for fault in faults {
            var faulty = configuration()
            fault(&faulty)
            let refused = faulty
            await #expect(throws: CloudWatchError.self) { try await alarms.configure([refused]) }
        }
    }
}
