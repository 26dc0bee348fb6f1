import Events
import Foundation
import Testing

@Suite("JSON")
struct JSONTests {
    @Test(
        "numbers keep their literal and members their order through a round trip",
        arguments: [
            #"{"z":1.10,"a":9007199254740993,"m":[1e400,-0.0,{}],"":null}"#, #"["\u0001\\\"\n/",true,false]"#, "\"é😀\"",
            "0",
        ])
    func roundTrip(text: String) throws {
        #expect(try JSON(parsing: text).description == text)
    }

    @Test(
        "escapes are read",
        arguments: [
            (#""\u00e9""#, "é"), (#""\ud83d\ude00""#, "😀"), (#""\ud83dx""#, "\u{FFFD}x"),
            (#""\/\b\f\t""#, "/\u{8}\u{c}\t"),
        ])
    func escapes(text: String, expected: String) throws {
        #expect(try JSON(parsing: text).string == expected)
    }

    @Test(
        "an error names its line and column",
        arguments: [
            ("{\"a\":1,\n  \"b\" 2}", 2, 7), ("", 1, 1), ("[1,]", 1, 4), ("01", 1, 1), ("{\"a\":tru}", 1, 6),
            ("[1] x", 1, 5),
            ("\"a\nb\"", 1, 3), ("\"abc", 1, 1), ("[1.]", 1, 4), ("-", 1, 2), ("\"\\x\"", 1, 2),
        ])
    func errors(text: String, line: Int, column: Int) {
        #expect {
            try JSON(parsing: text)
        } throws: {
            guard let error = $0 as? JSONSyntaxError else { return false }
            return error.line == line && error.column == column
        }
    }

    @Test("nesting without end is refused, and bytes that are no UTF-8 too")
    func hostile() {
        #expect(throws: JSONSyntaxError.self) { try JSON(parsing: String(repeating: "[", count: 100_000)) }
        #expect(throws: JSONSyntaxError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test("a large object is read in linear time and found by name")
    func large() throws {
        let text = "{" + (0..<20000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + ",\"k7\":-7}"
        let json = try JSON(parsing: text)
        #expect(json["k19999"]?.int == 19999)
        #expect(json["k7"]?.int == -7)
        #expect(json.object?.count == 20000)
    }

    @Test("objects are equal in any order, numbers by value")
    func equality() throws {
        #expect(try JSON(parsing: #"{"a":1,"b":2.0}"#) == JSON(parsing: #"{"b":2,"a":1}"#))
        #expect(try JSON(parsing: "9007199254740993") != JSON(parsing: "9007199254740992"))
    }

    @Test("Foundation's coder and ours agree")
    func codable() throws {
        let json = try JSON(parsing: #"{"a":[1,2.5,"x",null,true],"b":{"c":-3}}"#)
        #expect(try JSONDecoder().decode(JSON.self, from: JSONEncoder().encode(json)) == json)
    }
}

@Suite("Times")
struct TimestampTests {
    @Test(
        "ISO 8601 is written and read",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
        ])
    func iso(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == text)
        #expect(Timestamp(iso8601: text)?.milliseconds == milliseconds)
    }

    @Test("offsets, dates alone and fractions are understood, rubbish is not")
    func forms() {
        #expect(Timestamp(iso8601: "2024-02-29T12:34:56.7+02:00") == Timestamp(iso8601: "2024-02-29T10:34:56.700Z"))
        #expect(Timestamp(iso8601: "2024-02-29") == Timestamp(year: 2024, month: 2, day: 29))
        for text in ["", "2024", "2024-13-01", "2024-01-01T25:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00Zx"] {
            #expect(Timestamp(iso8601: text) == nil)
        }
    }

    @Test("a day of the week is right")
    func weekday() {
        #expect(Timestamp(year: 2026, month: 11, day: 24).components.weekday == 2)
        #expect(Timestamp(year: 1970, month: 1, day: 1).components.weekday == 4)
        #expect(Timestamp(year: 1969, month: 12, day: 28).components.weekday == 0)
    }

    @Test("a held clock wakes sleepers when it is moved, and a cancelled one at once")
    func manual() async throws {
        let time = ManualTime()
        let sleeper = Task { try await time.sleep(for: .seconds(60)) }
        let cancelled = Task { try await time.sleep(for: .seconds(60)) }
        await time.sleepers(2)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        time.advance(by: .seconds(60))
        try await sleeper.value
    }
}

@Suite("AWS's values")
struct ValueTests {
    @Test(
        "keys are encoded as S3 encodes them, and decoded again",
        arguments: [
            ("red flower.jpg", "red+flower.jpg"), ("a@b", "a%40b"), ("x/y+z", "x/y%2Bz"), ("ünï", "%C3%BCn%C3%AF"),
            ("100%", "100%25"),
        ])
    func keys(plain: String, encoded: String) {
        #expect(FormURLEncoding.encode(plain) == encoded)
        #expect(FormURLEncoding.decode(encoded) == plain)
    }

    @Test("sequencers of different lengths compare as S3 says")
    func sequencers() {
        #expect(Sequencer("0055AED6DCD90281E5") < Sequencer("0055AED6DCD90281E6"))
        #expect(Sequencer("0055") < Sequencer("00551"))
        #expect(!(Sequencer("0056") < Sequencer("00551")))
        #expect(Sequencer(9) < Sequencer(16))
    }

    @Test("an event is read back as it was written, and one without a bucket names the place")
    func s3Event() throws {
        let event = S3Event(records: [
            .init(
                awsRegion: "us-east-1", eventTime: Timestamp(milliseconds: 1_700_000_000_123),
                eventName: "ObjectCreated:Put",
                userIdentity: .init(principalId: "AWS:X"), requestID: "R", hostID: "H",
                s3: .init(
                    configurationId: "c", bucket: .init(name: "raw", ownerIdentity: .init(principalId: "O")),
                    object: .init(urlDecodedKey: "a b.csv", size: 3, eTag: "e", sequencer: "0A")))
        ])
        #expect(try S3Event(json: JSON(parsing: event.json.description)) == event)
        #expect(event.json["Records"]?[0]?["s3"]?["object"]?["key"]?.string == "a+b.csv")
        #expect(try JSONDecoder().decode(S3Event.self, from: JSONEncoder().encode(event)) == event)
        var broken = event.json
        broken = ["Records": [["eventName": "x", "awsRegion": "r", "eventTime": "t", "s3": ["object": ["key": "k"]]]]]
        #expect {
            try S3Event(json: broken)
        } throws: { "\($0)" == "Records[0].s3.bucket: missing (expected object)" }
    }

    @Test(
        "ARNs give their parts and names",
        arguments: [
            ("arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST", "f"),
            ("arn:aws:events:us-east-1:0:rule/bus/r", "r"),
            ("arn:aws:states:us-east-1:0:stateMachine:m", "m"), ("arn:aws:sns:us-east-1:0:t", "t"),
            ("arn:aws:s3:::b", "b"),
        ])
    func arns(text: String, name: String) throws {
        let arn = try #require(ARN(text))
        #expect(arn.description == text)
        #expect(arn.name == name)
    }

    @Test("identifiers have AWS's forms")
    func identifiers() {
        #expect(
            Identifier.uuid().wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/)
                != nil)
        #expect(Identifier.hexadecimal(digits: 32).wholeMatch(of: /[0-9a-f]{32}/) != nil)
        #expect(Identifier.alphanumeric(13).wholeMatch(of: /[0-9A-Z]{13}/) != nil)
    }
}
