import CloudWatch
import Events
import Storage
import Testing

@Suite struct MetricMathTests {
    /// m1 is 1, 2, –, 4 and m2 is 10, –, 30, 0, minute by minute.
    private func results(_ expression: String, returnsAll: Bool = false) async throws -> [[Double?]] {
        let fixture = try Fixture()
        let start = fixture.time.now
        for (first, second) in [(1, 10), (2, nil), (nil, 30), (4, 0)] as [(Double?, Double?)] {
            try await fixture.metrics.put(
                [first.map { fixture.datum($0, "a") }, second.map { fixture.datum($0, "b") }].compactMap { $0 })
            fixture.time.advance(by: .seconds(60))
        }
        let queries = [("m1", "a"), ("m2", "b")].map { id, name in
            MetricDataQuery(
                id: id,
                source: .metric(
                    MetricIdentity(name, namespace: "n", dimensions: ["d": "1"]), statistic: "Sum", period: 60),
                returnData: false)
        }
        let found = try await fixture.store.read {
            try fixture.metrics.data(
                queries + [MetricDataQuery(id: "e1", source: .expression(expression))], from: start,
                to: start + .seconds(240), in: $0)
        }
        return found.map { result in
            (0..<4).map { minute in
                result.series.points.first { $0.timestamp == start + .seconds(minute * 60) }?.value
            }
        }
    }

    @Test("expressions follow the rules of metric math")
    func expressions() async throws {
        #expect(try await results("m1 + m2") == [[11, nil, nil, 4]])
        #expect(try await results("m1" + String(repeating: "+m1", count: 682)) == [[683, 1366, nil, 2732]])
        #expect(try await results("m1 * 2 + 1") == [[3, 5, nil, 9]])
        #expect(try await results("m1 / m2") == [[0.1, nil, nil, nil]])
        #expect(try await results("-m1 ^ 2") == [[-1, -4, nil, -16]])
        #expect(try await results("SUM(METRICS())") == [[11, 2, 30, 4]])
        #expect(try await results("AVG([m1, m2])") == [[5.5, 2, 30, 2]])
        #expect(try await results("MAX(METRICS(\"m1\"))") == [[1, 2, nil, 4]])
        #expect(try await results("FILL(m1, 0)") == [[1, 2, 0, 4]])
        #expect(try await results("FILL(m1, REPEAT)") == [[1, 2, 2, 4]])
        #expect(try await results("FILL(m1, LINEAR)") == [[1, 2, 3, 4]])
        #expect(try await results("RATE(m1) * 60") == [[nil, 1, nil, 1]])
        #expect(try await results("IF(m1 > 1, m1, 0)") == [[0, 2, nil, 4]])
        #expect(try await results("IF(m1 > 1 AND m1 < 3, 7)") == [[nil, 7, nil, nil]])
        #expect(try await results("m1 / SUM(m1) * 7") == [[1, 2, nil, 4]])
        #expect(try await results("TIME_SERIES(PERIOD(m1))") == [[60, 60, 60, 60]])
        #expect(try await results("RUNNING_SUM(m1)") == [[1, 3, nil, 7]])
        #expect(try await results("METRICS() * 2") == [[2, 4, nil, 8], [20, nil, 60, 0]])
    }

    @Test(
        "an expression that can't be evaluated is refused with its reason",
        arguments: [
            "m1 +", "m3 + 1", "SEARCH('x', 'Sum', 60)", "ANOMALY_DETECTION_BAND(m1)", "SUM(m1)", "FILL(m1)", "(m1",
            "e1 + 1", "m1 $ 2", "\"text\"", "1 / 0", "m1" + String(repeating: "+m1", count: 100_000),
        ])
    func faults(expression: String) async throws {
        await #expect(throws: CloudWatchError.self) { try await results(expression) }
    }
}
