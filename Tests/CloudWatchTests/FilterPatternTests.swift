import CloudWatch
import Testing

@Suite struct FilterPatternTests {
    private static let document = """
        {"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true}
        """
    private static let users = """
        {"user": {"id": 1, "email": "John.Stiles@example.com"}, "users": [{"id": 2, "email": "John.Doe@example.com"},
        {"id": 3, "email": "Jane.Doe@example.com"}], "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]}
        """
    private static let request =
        #"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#

    @Test(
        "patterns of CloudWatch's documentation match as documented",
        arguments: [
            ("", "anything", true),
            ("ERROR", "[ERROR] A fatal exception has occurred", true),
            ("ERROR", "error", false),
            ("ERROR", "Exiting with ERRORCODE: -1", true),
            ("ERROR -Exiting", "Exiting with ERRORCODE: -1", false),
            ("ERROR Exception", "[ERROR] Unhandled Exception", true),
            ("\"Failed to process\"", "[WARN] Failed to process the request", true),
            ("\"Failed to process\"", "process Failed to", false),
            ("?ERROR ?WARN", "WARN message", true),
            ("?ERROR ?WARN", "INFO message", false),
            ("ERROR WARN", "ERROR message", false),
            ("ERROR -WARN", "ERROR message", true),
            ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", true),
            ("[w1=ERROR, w2]", "ERROR message", true),
            ("[w1=ERROR || w1=WARN, w2]", "WARN message", true),
            ("[w1=!ERROR&&w1=!WARN, w2]", "INFO message", true),
            ("[w1=!ERROR&&w1=!WARN, w2]", "WARN message", false),
            ("{$.foo = bar}", #"{"foo": "bar"}"#, true),
            ("{$.foo = bar || $.foo = baz }", #"{"foo": "baz"}"#, true),
            ("{ $.eventType = \"UpdateTrail\" }", document, true),
            ("{ $.sourceIPAddress != 123.123.* }", document, true),
            ("{ $.sourceIPAddress = 111.111.* }", document, true),
            ("{ $.arrayKey[0] = \"value\" }", document, true),
            ("{ $.objectList[1].id = 2 }", document, true),
            ("{ $.SomeObject IS NULL }", document, true),
            ("{ $.SomeOtherObject NOT EXISTS }", document, true),
            ("{ $.ThisFlag IS TRUE }", document, true),
            ("{ $.arrayKey = value }", document, false),
            ("{ $.arrayKey != value }", document, false),
            ("{ ($.user.id = 1) && ($.users[0].email = \"John.Doe@example.com\") }", users, true),
            ("{ ($.user.id = 2 && $.users[0].email = \"nonmatch\") || $.actions[2] = \"GET\" }", users, false),
            (
                "{ $.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }",
                users, true
            ),
            (
                "{ ($.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }",
                users, false
            ),
            ("{ $.latency >= 500 }", #"{"latency": 500}"#, true),
            ("{ $.latency > +1000 }", #"{"latency": 500}"#, false),
            ("{ $.numbers[0] < 10e3 }", #"{"numbers": [9999]}"#, true),
            ("{ $.errorCode != 500 }", #"{"errorCode": 400}"#, true),
            ("{ $.level = \"ERROR\" && $.n > 1 }", "not json", false),
            ("[..., status_code, bytes]", request, true),
            ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", request, true),
            ("[ip, user, username, timestamp, request, status_code = 200, bytes]", request, false),
            ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", request, true),
            ("[ip, user, username, timestamp, request, status_code = 4* && status_code != 404, bytes]", request, false),
            ("[ip, user]", request, false),
        ])
    func documented(pattern: String, message: String, expected: Bool) throws {
        #expect(try FilterPattern(pattern).matches(message) == expected)
    }

    @Test("a space-delimited pattern takes its fields out of the message")
    func fields() throws {
        let values = try FilterPattern("[..., request=*.html*, status_code=4*,]").extractedValues(Self.request)
        #expect(
            values == [
                "$request": "GET /index.html HTTP/1.0", "$status_code": "404", "$7": "1534",
                "$4": "10/Oct/2000:13:25:15 -0700", "$3": "frank", "$2": "-", "$1": "127.0.0.1",
            ])
    }

    @Test(
        "a faulty pattern is refused with its place",
        arguments: [
            "{ $.a = }", "{ $.a 1 }", "{ a = 1 }", "{ $.a = 1", "[a, b", "[a, ..., b, ...]", "a.b", "\"open", "%(x)%",
            "{ $.a < x }", "-", "[a=1] b",
        ])
    func faults(pattern: String) {
        #expect(throws: FilterPattern.SyntaxError.self) { try FilterPattern(pattern) }
    }
}
