import Events
import Synchronization
import Testing

@testable import FunctionRuntime

@Suite("Events and outputs of a function")
struct EventAndOutputTests {
    struct Order: Codable, Equatable, Sendable {
        struct Line: Codable, Equatable, Sendable {
            var item: String
            var count: UInt8
            var price: Double?
        }
        enum Kind: String, Codable { case express }
        var id: Int64
        var kind: Kind
        var lines: [Line]
        var extra: JSON
        var tags: [String: [Bool?]]
    }

    struct Orders: LambdaFunction {
        func handle(_ event: Order, context: LambdaContext) async throws -> Order { event }
    }
    struct Files: LambdaFunction {
        func handle(_ event: S3Event, context: LambdaContext) async throws {}
    }
    struct Anything: LambdaFunction {
        func handle(_ event: JSON, context: LambdaContext) async throws -> JSON { event }
    }

    private let text =
        #"{"id":9007199254740993,"kind":"express","lines":[{"item":"é","count":7,"price":1.5},{"item":"","count":0}],"#
        + #""extra":{"n":1.10,"x":null},"tags":{"a":[true,null]}}"#

    @Test("a Codable type comes and goes, exactly")
    func codable() throws {
        let order = try Orders.decode(Array(text.utf8))
        #expect(order.id == 9_007_199_254_740_993)
        #expect(order.lines.map(\.price) == [1.5, nil])
        #expect(order.tags == ["a": [true, nil]])
        #expect(try String(decoding: Orders.encode(order), as: UTF8.self) == text)
    }

    @Test(
        "a value of another kind is reported with its place",
        arguments: [
            (#"{"id":"x"}"#, "$.id: expected integer, found string"), (#"{"id":1}"#, "$.kind: missing"),
            (
                #"{"id":1,"kind":"express","lines":[{"item":"a","count":256}]}"#,
                "$.lines[0].count: expected UInt8, found number"
            ),
        ])
    func wrong(text: String, message: String) {
        let error = #expect(throws: ShapeError.self) { try Orders.decode(Array(text.utf8)) }
        #expect(error?.description == message)
    }

    @Test("JSON passes with its literals; nothing is null")
    func json() throws {
        let text = #"{"b":1.10,"a":[9007199254740993]}"#
        #expect(try Anything.encode(Anything.decode(Array(text.utf8))) == Array(text.utf8))
        #expect(try Files.encode(()) == Array("null".utf8))
    }

    @Test("S3's test event is an event without records")
    func testEvent() throws {
        let test = #"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"b"}"#
        #expect(try Files.decode(Array(test.utf8)).records.isEmpty)
        #expect(throws: ShapeError.self) { try Files.decode(Array("{}".utf8)) }
    }

    @Test("metrics are one line in the embedded metric format")
    func metrics() throws {
        let recorded = Lines()
        let context = LambdaContext(functionName: "f") { recorded.append($0) }
        context.metrics(
            "Sluice/Validation", ["rows": 12, "seconds": 0.5], units: ["seconds": "Seconds"],
            properties: ["uri": "s3://b/k"], timestamp: Timestamp(milliseconds: 7))
        let json = try JSON(parsing: try #require(recorded.all.first))
        #expect(recorded.all.count == 1)
        #expect(json["_aws"]?["Timestamp"] == 7)
        let directive = json["_aws"]?["CloudWatchMetrics"]?[0]
        #expect(directive?["Namespace"] == "Sluice/Validation")
        #expect(directive?["Dimensions"] == [["FunctionName"]])
        #expect(
            directive?["Metrics"] == [["Name": "rows", "Unit": "Count"], ["Name": "seconds", "Unit": "Seconds"]])
        #expect(json["rows"] == 12)
        #expect(json["seconds"] == 0.5)
        #expect(json["FunctionName"] == "f")
        #expect(json["uri"] == "s3://b/k")
    }
}

final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
}
