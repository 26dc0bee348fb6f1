import Events
import Testing

@testable import EventBridge

@Suite("Event patterns")
struct EventPatternTests {
    private func matches(_ pattern: String, _ event: String) throws -> Bool {
        try EventPattern(parsing: pattern).matches(try JSON(parsing: event))
    }

    @Test("the chain's own pattern matches a report that passed, and no other")
    func chain() throws {
        let pattern = """
            {"source": ["lambda"], "detail-type": ["Lambda Function Invocation Result - Success"],
             "detail": {"responsePayload": {"passed": [true]}}}
            """
        func event(_ passed: String) -> String {
            """
            {"source": "lambda", "detail-type": "Lambda Function Invocation Result - Success",
             "detail": {"responsePayload": {"passed": \(passed), "rows": 3}}}
            """
        }
        #expect(try matches(pattern, event("true")))
        #expect(try !matches(pattern, event("false")))
        #expect(try !matches(pattern, event("\"true\"")))
    }

    @Test(
        "each operator matches what it should and nothing else",
        arguments: [
            (#"{"a": ["x", "y"]}"#, #"{"a": "y"}"#, true), (#"{"a": ["x"]}"#, #"{"a": "X"}"#, false),
            (#"{"a": [""]}"#, #"{"a": ""}"#, true), (#"{"a": [null]}"#, #"{"a": null}"#, true),
            (#"{"a": [null]}"#, #"{}"#, false), (#"{"a": [300]}"#, #"{"a": 300}"#, true),
            (#"{"a": [300]}"#, #"{"a": 300.0}"#, false), (#"{"a": [300]}"#, #"{"a": "300"}"#, false),
            (#"{"a": ["x"], "b": ["y"]}"#, #"{"a": "x"}"#, false),
            (#"{"time": [{"prefix": "2017-10-02"}]}"#, #"{"time": "2017-10-02T18:43:48Z"}"#, true),
            (#"{"a": [{"prefix": {"equals-ignore-case": "EventB"}}]}"#, #"{"a": "eventBridge"}"#, true),
            (#"{"f": [{"suffix": ".png"}]}"#, #"{"f": "a.png"}"#, true),
            (#"{"f": [{"suffix": {"equals-ignore-case": ".png"}}]}"#, #"{"f": "a.PNG"}"#, true),
            (#"{"a": [{"anything-but": "initializing"}]}"#, #"{"a": "running"}"#, true),
            (#"{"a": [{"anything-but": "initializing"}]}"#, #"{"a": "initializing"}"#, false),
            (#"{"a": [{"anything-but": "x"}]}"#, #"{"b": "y"}"#, false),
            (#"{"a": [{"anything-but": 123}]}"#, #"{"a": 123}"#, false),
            (#"{"a": [{"anything-but": ["stopped", "overloaded"]}]}"#, #"{"a": "stopped"}"#, false),
            (#"{"a": [{"anything-but": [100, 200]}]}"#, #"{"a": 300}"#, true),
            (#"{"a": [{"anything-but": {"prefix": "init"}}]}"#, #"{"a": "initial"}"#, false),
            (#"{"a": [{"anything-but": {"prefix": ["init", "stop"]}}]}"#, #"{"a": "stopped"}"#, false),
            (#"{"a": [{"anything-but": {"suffix": ".txt"}}]}"#, #"{"a": "a.csv"}"#, true),
            (#"{"a": [{"anything-but": {"equals-ignore-case": ["A", "b"]}}]}"#, #"{"a": "B"}"#, false),
            (#"{"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}"#, #"{"a": "/x/lib/y"}"#, false),
            (#"{"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}"#, #"{"a": "/x/bin/y"}"#, true),
            (#"{"a": [{"numeric": [">", 0, "<=", 5]}]}"#, #"{"a": 5}"#, true),
            (#"{"a": [{"numeric": [">", 0, "<=", 5]}]}"#, #"{"a": 0}"#, false),
            (#"{"a": [{"numeric": ["=", 3.018e2]}]}"#, #"{"a": 301.8}"#, true),
            (#"{"a": [{"numeric": ["<", 10]}]}"#, #"{"a": "5"}"#, false),
            (#"{"ip": [{"cidr": "10.0.0.0/24"}]}"#, #"{"ip": "10.0.0.255"}"#, true),
            (#"{"ip": [{"cidr": "10.0.0.0/24"}]}"#, #"{"ip": "10.0.1.0"}"#, false),
            (#"{"ip": [{"cidr": "2001:db8::/33"}]}"#, #"{"ip": "2001:db8:7fff::1"}"#, true),
            (#"{"ip": [{"cidr": "2001:db8::/33"}]}"#, #"{"ip": "2001:db8:8000::1"}"#, false),
            (#"{"d": {"c": [{"exists": true}]}}"#, #"{"d": {"c": 1}}"#, true),
            (#"{"d": {"c": [{"exists": false}]}}"#, #"{"d": {"c": {"c1": 100}}}"#, true),
            (#"{"d": {"c": [{"exists": true}]}}"#, #"{"d": {"c": {"c1": 100}}}"#, false),
            (#"{"d": {"c": [{"exists": false}]}}"#, #"{}"#, true),
            (#"{"a": [{"equals-ignore-case": "alice-in-chains"}]}"#, #"{"a": "Alice-In-Chains"}"#, true),
            (#"{"f": [{"wildcard": "dir/*.png"}]}"#, #"{"f": "dir/a/b.png"}"#, true),
            (#"{"f": [{"wildcard": "dir/*.png"}]}"#, #"{"f": "dir/a.pngx"}"#, false),
            (#"{"f": [{"wildcard": "a*a"}]}"#, #"{"f": "a"}"#, false),
            (#"{"f": [{"wildcard": "a\\*b"}]}"#, #"{"f": "a*b"}"#, true),
            (#"{"f": [{"wildcard": "a\\*b"}]}"#, #"{"f": "axb"}"#, false),
            (#"{"a": ["x"]}"#, #"{"a": ["w", "x"]}"#, true),
            (#"{"$or": [{"a": [1]}, {"b": [{"numeric": ["<", 0]}]}]}"#, #"{"b": -1}"#, true),
            (#"{"$or": [{"a": [1]}, {"b": [{"numeric": ["<", 0]}]}]}"#, #"{"a": 2, "b": 1}"#, false),
            (#"{"s": ["x"], "$or": [{"a": [1]}, {"$or": [{"b": [2]}, {"c": [3]}]}]}"#, #"{"s": "x", "c": 3}"#, true),
        ])
    func operators(pattern: String, event: String, expected: Bool) throws {
        #expect(try matches(pattern, event) == expected, "\(pattern) on \(event)")
    }

    @Test("fields of one object must match within one element of an array")
    func arrayConsistency() throws {
        let event = #"{"a": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}"#
        #expect(try matches(#"{"a": {"x": [3], "y": [4]}}"#, event))
        #expect(try !matches(#"{"a": {"x": [1], "y": [4]}}"#, event))
        #expect(try !matches(#"{"a": {"x": [1], "z": [{"exists": false}]}}"#, #"{"a": [{"x": 1}, {"z": 2}]}"#))
    }

    @Test(
        "a pattern that is none is refused in EventBridge's words, with the place",
        arguments: [
            (#"[]"#, "Filter is not an object", ""),
            (#"{"source": "x"}"#, "\"source\" must be an object or an array", "/source"),
            (#"{"a": []}"#, "Empty arrays are not allowed", "/a"),
            (#"{"a": {}}"#, "Empty objects are not allowed", "/a"),
            (#"{"a": [{"like": "x"}]}"#, "Unrecognized match type like", "/a/0/like"),
            (#"{"a": [{"prefix": "x", "suffix": "y"}]}"#, "Only one key allowed in match expression", "/a/0"),
            (#"{"a": [{"prefix": 1}]}"#, "prefix match pattern must be a string", "/a/0/prefix"),
            (#"{"a": [{"exists": 1}]}"#, "exists match pattern must be either true or false.", "/a/0/exists"),
            (#"{"a": [{"numeric": [">", 5, "<", 3]}]}"#, "Bottom must be less than top", "/a/0/numeric"),
            (#"{"a": [{"numeric": ["~", 5]}]}"#, "Unrecognized numeric range operator: ~", "/a/0/numeric"),
            (#"{"a": [{"cidr": "10.0.0.0"}]}"#, "Malformed CIDR, one '/' required", "/a/0/cidr"),
            (#"{"a": [{"wildcard": "a**b"}]}"#, "Consecutive wildcard characters at pos 1", "/a/0/wildcard"),
            (
                #"{"a": [{"anything-but": {"numeric": 1}}]}"#, "Unsupported anything-but pattern: numeric",
                "/a/0/anything-but"
            ),
            (#"{"a/b": [["x"]]}"#, "Match value must be String, number, true, false, or null", "/a~1b/0"),
        ])
    func faults(pattern: String, reason: String, path: String) {
        #expect(throws: EventPatternError(reason: reason, path: path)) { try EventPattern(parsing: pattern) }
    }
}
