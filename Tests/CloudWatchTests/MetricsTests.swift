import CloudWatch
import Events
import Storage
import Testing

@Suite struct MetricsTests {
    @Test("statistics of a period come from all its data, whatever transactions they came in")
    func statistics() async throws {
        let fixture = try Fixture()
        for value in [1.0, 2, 3, 4] { try await fixture.metrics.put([fixture.datum(value)]) }
        fixture.time.advance(by: .seconds(60))
        try await fixture.metrics.put([fixture.datum(10), fixture.datum(20)])
        let points = try await fixture.store.read {
            try fixture.metrics.statistics(
                of: fixture.metric, from: fixture.time.now - .seconds(60), to: fixture.time.now + .seconds(60),
                period: 60, statistics: [.sampleCount, .sum, .average, .minimum, .maximum, Statistic("p50") ?? .sum],
                in: $0)
        }
        #expect(
            points.map(\.values) == [
                ["SampleCount": 4, "Sum": 10, "Average": 2.5, "Minimum": 1, "Maximum": 4, "p50": 2],
                ["SampleCount": 2, "Sum": 30, "Average": 15, "Minimum": 10, "Maximum": 20, "p50": 10],
            ])
    }

    @Test("data of other units or dimensions stay apart")
    func apart() async throws {
        let fixture = try Fixture()
        try await fixture.metrics.put([fixture.datum(1), fixture.datum(2, unit: "Bytes")])
        let points = try await fixture.store.read {
            try fixture.metrics.statistics(
                of: fixture.metric, from: fixture.time.now, to: fixture.time.now + .seconds(60), period: 60,
                statistics: [.sum], in: $0)
        }
        #expect(points.map(\.unit) == ["Bytes", "Count"])
        let other = try await fixture.metrics.series(
            of: MetricIdentity("m", namespace: "n"), statistic: .sum, from: fixture.time.now,
            to: fixture.time.now + .seconds(60), period: 60)
        #expect(other.points.isEmpty)
    }

    @Test("high resolution data answer a second's question and a minute's")
    func highResolution() async throws {
        let fixture = try Fixture()
        for _ in 0..<5 {
            try await fixture.metrics.put([fixture.datum(1, resolution: 1)])
            fixture.time.advance(by: .seconds(1))
        }
        let start = fixture.time.now - .seconds(5)
        for (period, expected) in [(1, [1.0, 1, 1, 1, 1]), (5, [5]), (60, [5])] {
            let series = try await fixture.metrics.series(
                of: fixture.metric, statistic: .sum, from: start, to: start + .seconds(60), period: period)
            #expect(series.points.map(\.value) == expected)
        }
    }

    @Test("roll-up keeps count, sum, extremes and percentiles, and drops data past 455 days")
    func rollUp() async throws {
        let fixture = try Fixture()
        let start = fixture.time.now
        for minute in 0..<120 {
            try await fixture.metrics.put([
                fixture.datum(Double(minute), resolution: 1), fixture.datum(Double(minute) + 0.5),
            ])
            fixture.time.advance(by: .seconds(60))
        }
        func look() async throws -> [Double] {
            try await fixture.store.read { connection in
                try fixture.metrics.statistics(
                    of: fixture.metric, from: start, to: start + .seconds(7200), period: 3600,
                    statistics: [.sampleCount, .sum, .minimum, .maximum, Statistic("p90") ?? .sum], in: connection)
            }.flatMap { point in ["SampleCount", "Sum", "Minimum", "Maximum", "p90"].map { point.values[$0] ?? -1 } }
        }
        let before = try await look()
        #expect(before.count == 10)
        for days in [1, 16, 50] {
            fixture.time.advance(by: .seconds(days * 86400))
            #expect(try await fixture.metrics.enforceRetention(limit: 7) > 0)
            #expect(try await look() == before)
        }
        #expect(try await fixture.metrics.enforceRetention() == 0)
        fixture.time.advance(by: .seconds(400 * 86400))
        try await fixture.metrics.enforceRetention()
        #expect(try await look().isEmpty)
        try await fixture.metrics.put([fixture.datum(1)])
        #expect(try await fixture.store.read { try fixture.metrics.list(in: $0).metrics } == [fixture.metric])
    }

    @Test("a put that is rolled back leaves nothing, and the next one counts")
    func rollback() async throws {
        let fixture = try Fixture()
        await #expect(throws: Interruption.self) {
            try await fixture.store.write { connection in
                try fixture.metrics.put([fixture.datum(5)], in: connection)
                throw Interruption()
            }
        }
        try await fixture.metrics.put([fixture.datum(1)])
        let series = try await fixture.metrics.series(
            of: fixture.metric, statistic: .sum, from: fixture.time.now, to: fixture.time.now + .seconds(60),
            period: 60)
        #expect(series.points.map(\.value) == [1])
    }

    @Test("a value that is no number, too many datapoints and odd periods are refused")
    func refusals() async throws {
        let fixture = try Fixture()
        await #expect(throws: CloudWatchError.self) { try await fixture.metrics.put([fixture.datum(.nan)]) }
        await #expect(throws: CloudWatchError.self) { try await fixture.metrics.put([fixture.datum(1e200)]) }
        for (period, span) in [(7, 60), (60, 60 * 1441), (86460, 60), (60, 0)] {
            await #expect(throws: CloudWatchError.self) {
                try await fixture.store.read {
                    try fixture.metrics.statistics(
                        of: fixture.metric, from: fixture.time.now, to: fixture.time.now + .seconds(span),
                        period: period, statistics: [.sum], in: $0)
                }
            }
        }
    }

    @Test("metrics are listed in pages and by dimension")
    func list() async throws {
        let fixture = try Fixture()
        try await fixture.metrics.put((0..<600).map { fixture.datum(1, "m\($0)") })
        let first = try await fixture.store.read { try fixture.metrics.list(namespace: "n", in: $0) }
        #expect(first.metrics.count == 500)
        let second = try await fixture.store.read { try fixture.metrics.list(nextToken: first.nextToken, in: $0) }
        #expect(second.metrics.count == 100)
        #expect(second.nextToken == nil)
        let none = try await fixture.store.read { try fixture.metrics.list(dimensions: [("d", "2")], in: $0) }
        #expect(none.metrics.isEmpty)
    }
}
