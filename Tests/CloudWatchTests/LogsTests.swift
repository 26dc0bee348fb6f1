import CloudWatch
import Events
import Storage
import Testing

@Suite struct LogsTests {
    @Test("events are read back in pages, forward and backward, without a gap or a repeat")
    func pages() async throws {
        let fixture = try Fixture()
        for index in 0..<25 {
            try await fixture.logs.append(fixture.batch(["line \(index)"]))
            if index % 3 == 0 { fixture.time.advance(by: .seconds(1)) }
        }
        var query = Logs.Query(logGroup: "g")
        query.limit = 10
        var messages: [String] = []
        while true {
            let page = try await fixture.logs.events(query)
            messages += page.events.map(\.message)
            if page.events.isEmpty {
                #expect(page.nextForwardToken == query.nextToken)
                query.nextToken = page.nextBackwardToken
                break
            }
            query.nextToken = page.nextForwardToken
        }
        #expect(messages == (0..<25).map { "line \($0)" })
        let back = try await fixture.logs.events(query)
        #expect(back.events.map(\.message) == (15..<25).map { "line \($0)" })
        query.nextToken = back.nextBackwardToken
        #expect(try await fixture.logs.events(query).events.map(\.message) == (5..<15).map { "line \($0)" })
    }

    @Test("a stream prefix, a time range and a pattern narrow what is read")
    func narrow() async throws {
        let fixture = try Fixture()
        try await fixture.logs.append(fixture.batch(["ERROR one", "INFO two"], stream: "2026/a"))
        fixture.time.advance(by: .seconds(60))
        try await fixture.logs.append(fixture.batch(["ERROR three"], stream: "2026/b"))
        try await fixture.logs.append(fixture.batch(["ERROR four"], stream: "other"))
        var query = Logs.Query(logGroup: "g")
        query.filterPattern = try FilterPattern("ERROR")
        query.logStreamPrefix = "2026/"
        #expect(try await fixture.logs.events(query).events.map(\.message) == ["ERROR one", "ERROR three"])
        query.startTime = fixture.time.now
        #expect(try await fixture.logs.events(query).events.map(\.message) == ["ERROR three"])
        query.endTime = fixture.time.now
        #expect(try await fixture.logs.events(query).events.isEmpty)
        query.logStream = "nowhere"
        await #expect(throws: CloudWatchError.self) { try await fixture.logs.events(query) }
    }

    @Test("a stream whose first write was rolled back is made again by the next")
    func rollback() async throws {
        let fixture = try Fixture()
        await #expect(throws: Interruption.self) {
            try await fixture.store.write { connection in
                try fixture.logs.append(fixture.batch(["lost"]), in: connection)
                throw Interruption()
            }
        }
        try await fixture.logs.append(fixture.batch(["kept"]))
        #expect(try await fixture.logs.events(Logs.Query(logGroup: "g")).events.map(\.message) == ["kept"])
    }

    @Test("a group that is deleted and written again in one transaction keeps the later events")
    func deletion() async throws {
        let fixture = try Fixture()
        try await fixture.logs.append(fixture.batch(["old"]))
        try await fixture.store.write { connection in
            try fixture.logs.deleteGroup("g", in: connection)
            try fixture.logs.append(fixture.batch(["new"]), in: connection)
        }
        try await fixture.logs.append(fixture.batch(["newer"]))
        #expect(try await fixture.logs.events(Logs.Query(logGroup: "g")).events.map(\.message) == ["new", "newer"])
    }

    @Test("a follower sees each new event once, also when retention has emptied the group in between")
    func follow() async throws {
        let fixture = try Fixture()
        try await fixture.logs.configure(groups: [("g", 1)])
        try await fixture.logs.append(fixture.batch(["old"]))
        var cursor = try await fixture.store.read { try fixture.logs.lastEventID(in: $0) }
        fixture.time.advance(by: .seconds(2 * 86400))
        // The event and its stream.
        #expect(try await fixture.logs.enforceRetention(limit: 1) == 2)
        try await fixture.logs.append(fixture.batch(["one", "two"]))
        try await fixture.logs.append(fixture.batch(["elsewhere"], group: "h"))
        let tail = try await fixture.logs.tail(after: cursor, groupPrefix: "g")
        #expect(tail.events.map(\.message) == ["one", "two"])
        cursor = tail.cursor
        #expect(try await fixture.logs.tail(after: cursor).events.isEmpty)
    }

    @Test("retention deletes what is past its days and nothing else")
    func retention() async throws {
        let fixture = try Fixture()
        try await fixture.logs.configure(groups: [("g", 3), ("h", nil)])
        for _ in 0..<5 {
            try await fixture.logs.append(fixture.batch(["x"]))
            try await fixture.logs.append(fixture.batch(["x"], group: "h"))
            fixture.time.advance(by: .seconds(86400))
        }
        try await fixture.logs.enforceRetention(limit: 1)
        #expect(try await fixture.logs.events(Logs.Query(logGroup: "g")).events.count == 3)
        #expect(try await fixture.logs.events(Logs.Query(logGroup: "h")).events.count == 5)
        await #expect(throws: CloudWatchError.self) { try await fixture.logs.configure(groups: [("g", 2)]) }
    }

    @Test("a message with a NUL byte is kept whole, with U+FFFD in its place")
    func nul() async throws {
        let fixture = try Fixture()
        try await fixture.logs.append(fixture.batch(["a\0b"]))
        #expect(try await fixture.logs.events(Logs.Query(logGroup: "g")).events.map(\.message) == ["a\u{FFFD}b"])
    }

    @Test("metric filters count, extract values and dimensions, and report their default value")
    func filters() async throws {
        let fixture = try Fixture()
        try await fixture.logs.configure(filters: [
            MetricFilter(
                name: "errors", logGroupName: "g", filterPattern: "ERROR", metricNamespace: "n", metricName: "errors",
                metricValue: "1", defaultValue: 0),
            MetricFilter(
                name: "rows", logGroupName: "g", filterPattern: "{ $.rows = * }", metricNamespace: "n",
                metricName: "rows", metricValue: "$.rows", dimensions: ["file": "$.file"], unit: "Count"),
            MetricFilter(
                name: "bytes", logGroupName: "g", filterPattern: "[w=REPORT, id, bytes]", metricNamespace: "n",
                metricName: "bytes", metricValue: "$bytes"),
        ])
        try await fixture.logs.append(
            fixture.batch(["ERROR a", "fine", #"{"rows": 12, "file": "x.csv"}"#, #"{"rows": 5}"#, "REPORT 1 77"]))
        func sum(_ name: String, _ dimensions: [String: String] = [:]) async throws -> [Double] {
            try await fixture.metrics.series(
                of: MetricIdentity(name, namespace: "n", dimensions: dimensions), statistic: .sum,
                from: fixture.time.now, to: fixture.time.now + .seconds(60), period: 60
            ).points.map(\.value)
        }
        #expect(try await sum("errors") == [1])
        #expect(try await sum("rows", ["file": "x.csv"]) == [12])
        #expect(try await sum("rows") == [])
        #expect(try await sum("bytes") == [77])
    }

    @Test("a line in embedded metric format becomes metrics, a broken one an error metric and stays a line")
    func embedded() async throws {
        let fixture = try Fixture()
        let stamp = fixture.time.now.milliseconds
        let good = """
            {"_aws":{"Timestamp":\(stamp),"CloudWatchMetrics":[{"Namespace":"lake","Dimensions":[["fn"],["fn","v"]],\
            "Metrics":[{"Name":"t","Unit":"Milliseconds","StorageResolution":60},{"Name":"absent"}]}]},\
            "fn":"f","v":"1","t":[1,2,3.5],"requestId":"r"}
            """
        let broken = good.replacing("\"fn\":\"f\"", with: "\"fn\":7")
        try await fixture.logs.append(fixture.batch([good, "time\tid\tINFO\t" + good, broken, "{\"_aws\": nonsense"]))
        func sum(_ name: String, _ namespace: String, _ dimensions: [String: String]) async throws -> [Double] {
            try await fixture.metrics.series(
                of: MetricIdentity(name, namespace: namespace, dimensions: dimensions), statistic: .sum,
                from: fixture.time.now, to: fixture.time.now + .seconds(60), period: 60
            ).points.map(\.value)
        }
        #expect(try await sum("t", "lake", ["fn": "f"]) == [13])
        #expect(try await sum("t", "lake", ["fn": "f", "v": "1"]) == [13])
        #expect(try await sum("EMFValidationErrors", "AWS/Logs", ["LogGroupName": "g"]) == [1])
        #expect(try await sum("EMFParsingErrors", "AWS/Logs", ["LogGroupName": "g"]) == [1])
        #expect(try await fixture.logs.events(Logs.Query(logGroup: "g")).events.count == 4)
    }
}
