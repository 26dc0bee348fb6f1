import Events
import Foundation
import FunctionRuntime
import Testing

@testable import validate_flights

@Suite("validate-flights")
struct ValidateFlightsTests {
    private static let header =
        "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
        + "origin,dest,air_time,distance,hour,minute,time_hour\n"
    private static let good =
        "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z\n"

    private func put(_ text: String, _ key: String) throws -> S3Event { try FunctionLake.put(text, key) }

    private func references() throws {
        _ = try put("carrier,name\nUA,United\n", "reference/airlines.csv")
        _ = try put("faa,name\nEWR,Newark\nIAH,\"Houston, TX\"\n", "reference/airports.csv")
    }

    @Test("a good file passes, a bad one does not, and the answer names the object as a job takes it")
    func verdicts() async throws {
        try references()
        let function = try await ValidateFlights()
        let passed = try await function.handle(
            put(Self.header + Self.good, "flights/a b+c.csv"), context: LambdaContext())
        #expect(passed["passed"] == true)
        #expect(passed["rows"] == 1)
        #expect(
            passed["object"] == [
                "bucket": "raw", "key": "flights/a b+c.csv", "uri": "s3://raw/flights/a b+c.csv", "sequencer": "0A",
            ])
        #expect(passed["written"] == ["report": "s3://reports/flights/a b+c.csv.validation.json"])
        let stored = try S3Object.open(bucket: "reports", key: "flights/a b+c.csv.validation.json").readAll()
        #expect(try JSON(parsing: stored) == passed)

        let bad = Self.good.replacingOccurrences(of: "IAH", with: "SJU")
        let held = try await function.handle(
            put(Self.header + Self.good + bad, "flights/bad.csv"), context: LambdaContext())
        #expect(held["passed"] == false)
        let broken = held["checks"]?.array?.filter { $0["count"] != 0 } ?? []
        #expect(broken.compactMap { $0["rule"]?.string }.sorted() == ["reference", "unique"])
        #expect(broken.first { $0["rule"] == "reference" }?["offenders"]?[0]?["value"] == "SJU")
    }

    @Test("metrics are in the log, in the embedded format")
    func metrics() async throws {
        try references()
        let lines = Log()
        let context = LambdaContext(functionName: "validate-flights") { lines.append($0) }
        _ = try await ValidateFlights().handle(put(Self.header, "flights/empty.csv"), context: context)
        let metrics = try JSON(parsing: try #require(lines.all.last))
        #expect(metrics["_aws"]?["CloudWatchMetrics"]?[0]?["Namespace"] == "Sluice/Validation")
        #expect(metrics["rows"] == 0)
        #expect(metrics["failed"] == 1)
        #expect(metrics["passed"] == 0)
        #expect(metrics["FunctionName"] == "validate-flights")
    }

    @Test("a file that is cut off is held back, not tried again")
    func truncated() async throws {
        try references()
        let event = try put("\u{1F}", "flights/none.csv.gz")
        try S3Object.put(bucket: "raw", key: "flights/cut.csv.gz", bytes: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B])
        var cut = event
        cut.records[0].s3.object.key = "flights/cut.csv.gz"
        cut.records[0].s3.object.size = 11
        let answer = try await ValidateFlights().handle(cut, context: LambdaContext())
        #expect(answer["passed"] == false)
        #expect(
            answer["checks"]?[0]?["found"]
                == "s3://raw/flights/cut.csv.gz: gzip at byte 11: the data ends in the middle of a member")
    }

    @Test("an object that was overwritten since, or is gone, is an error; a test event and a removal are nothing to do")
    func others() async throws {
        try references()
        let function = try await ValidateFlights()
        var event = try put(Self.header + Self.good, "flights/changed.csv")
        event.records[0].s3.object.size = 7
        await #expect(throws: S3Error.self) { try await function.handle(event, context: LambdaContext()) }
        event.records[0].s3.object.key = "flights/gone.csv"
        await #expect(throws: S3Error.noSuchKey("s3://raw/flights/gone.csv")) {
            try await function.handle(event, context: LambdaContext())
        }
        event.records[0].eventName = "ObjectRemoved:Delete"
        #expect(try await function.handle(event, context: LambdaContext())["passed"] == nil)
        let test = try ValidateFlights.decode(Array(#"{"Event":"s3:TestEvent"}"#.utf8))
        #expect(try await function.handle(test, context: LambdaContext())["passed"] == nil)
    }

    @Test("several records in one event are each validated")
    func several() async throws {
        try references()
        let one = try put(Self.header + Self.good, "flights/one.csv")
        let two = try put(Self.header, "flights/two.csv")
        let answer = try await ValidateFlights().handle(
            S3Event(records: one.records + two.records), context: LambdaContext())
        #expect(answer["passed"] == false)
        #expect(answer["reports"]?.array?.map { $0["passed"] } == [true, false])
    }
}
