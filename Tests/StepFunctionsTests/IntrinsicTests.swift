import Events
import Testing

@testable import StepFunctions

@Suite("Paths and intrinsic functions")
struct IntrinsicTests {
    private func scope(_ data: String) throws -> DataScope {
        DataScope(data: try JSON(parsing: data), context: ["Execution": ["Name": "x"]], state: "S", entered: 2)
    }

    @Test(
        "a JSONPath selects what the language says",
        arguments: [
            ("$", #"{"a": 1}"#, #"{"a": 1}"#), ("$.a.b", #"{"a": {"b": 2}}"#, "2"),
            ("$['a b']", #"{"a b": 3}"#, "3"), ("$.a[1]", #"{"a": [1, 2]}"#, "2"), ("$.a[-1]", #"{"a": [1, 2]}"#, "2"),
            ("$.a[0,2]", #"{"a": [1, 2, 3]}"#, "[1, 3]"), ("$.a[1:]", #"{"a": [1, 2, 3]}"#, "[2, 3]"),
            ("$.a[:2]", #"{"a": [1, 2, 3]}"#, "[1, 2]"), ("$.a[::2]", #"{"a": [1, 2, 3]}"#, "[1, 3]"),
            ("$.a[*].b", #"{"a": [{"b": 1}, {"b": 2}, {}]}"#, "[1, 2]"), ("$.*", #"{"a": 1, "b": 2}"#, "[1, 2]"),
            ("$..b", #"{"a": {"b": 1}, "c": [{"b": 2}]}"#, "[1, 2]"),
            ("$.a[?(@.p > 5)].n", #"{"a": [{"p": 1, "n": "x"}, {"p": 9, "n": "y"}]}"#, #"["y"]"#),
            (
                "$.a[?(@.n == 'x' && !(@.p < 1))]", #"{"a": [{"n": "x", "p": 1}, {"n": "y", "p": 1}]}"#,
                #"[{"n": "x", "p": 1}]"#
            ),
            ("$.a[?(@.q)]", #"{"a": [{"q": null}, {}]}"#, #"[{"q": null}]"#),
            ("$.a[?(@ in ['u', 'v'])]", #"{"a": ["u", "w"]}"#, #"["u"]"#),
            ("$.a['b','c']", #"{"a": {"b": 1, "c": 2}}"#, "[1, 2]"),
        ])
    func paths(path: String, data: String, expected: String) throws {
        #expect(try JSONPath(path).value(in: JSON(parsing: data)) == JSON(parsing: expected))
    }

    @Test("a path to one place that is not there gives nothing")
    func missing() throws {
        #expect(try JSONPath("$.a.b").value(in: ["a": [:]]) == nil)
        #expect(try JSONPath("$.a[5]").value(in: ["a": [1]]) == nil)
    }

    @Test(
        "a text that is no path is refused",
        arguments: ["", "a", "$.", "$.a[", "$.a[x]", "$a", "$.a[?(@.b >)]", "$['a"])
    func faults(path: String) { #expect(throws: JSONPathError.self) { try JSONPath(path) } }

    @Test("a Reference Path writes into the data, making objects on its way")
    func setting() throws {
        #expect(try JSONPath("$.a.b").setting(1, in: [:]) == ["a": ["b": 1]])
        #expect(try JSONPath("$").setting(1, in: ["x": 1]) == 1)
        #expect(try JSONPath("$.a[1]").setting(9, in: ["a": [1, 2]]) == ["a": [1, 9]])
        #expect(try JSONPath("$.a.b").setting(1, in: ["a": "text"]) == nil)
        #expect(try !JSONPath("$.a[*]").isReference)
    }

    @Test(
        "the intrinsic functions give what AWS's documentation shows",
        arguments: [
            ("States.Array($.Id)", #"{"Id": 123456}"#, "[123456]"),
            ("States.ArrayPartition($.a, 4)", #"{"a": [1,2,3,4,5,6,7,8,9]}"#, "[[1,2,3,4],[5,6,7,8],[9]]"),
            ("States.ArrayContains($.a, $.l)", #"{"a": [1,2,3], "l": 3}"#, "true"),
            ("States.ArrayRange(1, 9, 2)", "{}", "[1,3,5,7,9]"),
            ("States.ArrayGetItem($.a, $.i)", #"{"a": [1,2,3,4], "i": 2}"#, "3"),
            ("States.ArrayLength($.a)", #"{"a": [1,2,3]}"#, "3"),
            ("States.ArrayUnique($.a)", #"{"a": [1,2,3,3,3,3]}"#, "[1,2,3]"),
            ("States.Base64Encode($.i)", #"{"i": "Data to encode"}"#, #""RGF0YSB0byBlbmNvZGU=""#),
            ("States.Base64Decode($.b)", #"{"b": "RGVjb2RlZCBkYXRh"}"#, #""Decoded data""#),
            (
                "States.Hash($.D, $.A)", #"{"D": "input data", "A": "SHA-1"}"#,
                #""aaff4a450a104cd177d28d18d74485e8cae074b7""#
            ),
            (
                "States.JsonMerge($.a, $.b, false)",
                #"{"a": {"a": {"a1": 1, "a2": 2}, "b": 2}, "b": {"a": {"a3": 1}, "c": 3}}"#,
                #"{"a": {"a3": 1}, "b": 2, "c": 3}"#
            ),
            ("States.MathAdd($.v, $.s)", #"{"v": 111, "s": -1}"#, "110"),
            ("States.StringSplit($.i, $.s)", #"{"i": "1,2,3,4,5", "s": ","}"#, #"["1","2","3","4","5"]"#),
            ("States.StringSplit($.i, $.s)", #"{"i": "This.is+a,test", "s": ".+,"}"#, #"["This","is","a","test"]"#),
            ("States.StringToJson($.e)", #"{"e": "{\"foo\": \"bar\"}"}"#, #"{"foo": "bar"}"#),
            ("States.JsonToString($.u)", #"{"u": {"n": 1.50}}"#, #""{\"n\":1.50}""#),
            ("States.Format('Hello, my name is {}.', $.name)", #"{"name": "Arnav"}"#, #""Hello, my name is Arnav.""#),
            (#"States.Format('\{{}\} it\'s {}', 1, 'x')"#, "{}", #""{1} it's x""#),
            (
                "States.Format('{}/{}', States.ArrayGetItem(States.StringSplit($.k, '/'), 0), $$.Execution.Name)",
                #"{"k": "in/a.csv"}"#, #""in/x""#
            ),
            ("States.Format('s3://{}/{}', $.a['b,c)'], null)", #"{"a": {"b,c)": "z"}}"#, #""s3://z/null""#),
        ])
    func intrinsics(expression: String, data: String, expected: String) throws {
        #expect(try scope(data).value(of: Intrinsic(expression)) == JSON(parsing: expected))
    }

    @Test("random functions keep to their range, and a seed gives the same number again")
    func random() throws {
        let scope = try scope("{}")
        for _ in 0..<50 {
            let value = try #require(try scope.value(of: Intrinsic("States.MathRandom(1, 4)")).int)
            #expect((1...3).contains(value))
        }
        let seeded = try Intrinsic("States.MathRandom(1, 1000000, 7)")
        #expect(try scope.value(of: seeded) == scope.value(of: seeded))
        #expect(try scope.value(of: Intrinsic("States.UUID()")).string?.count == 36)
    }

    @Test(
        "an intrinsic that is none is refused",
        arguments: [
            "States.Nope()", "States.Format(", "States.Format()", "States.UUID(1)", "States.Array($.)", "Format('x')",
            "States.Array('a", "$.a", "States.UUID() x", #"States.Format('\q')"#,
        ])
    func invalid(expression: String) { #expect(throws: JSONPathError.self) { try Intrinsic(expression) } }

    @Test(
        "an intrinsic that fails says States.IntrinsicFailure",
        arguments: [
            "States.ArrayGetItem($.a, 9)", "States.Format('{}')", "States.Format('x', 1)", "States.StringToJson('{')",
            "States.Hash('x', 'MD4')", "States.JsonMerge($, $, true)", "States.ArrayRange(0, 100000, 1)",
            "States.ArrayPartition($.a, 0)", "States.MathAdd('a', 1)",
        ])
    func failing(expression: String) throws {
        let scope = try scope(#"{"a": [1]}"#)
        let intrinsic = try Intrinsic(expression)
        #expect { try scope.value(of: intrinsic) } throws: { ($0 as? StateFailure)?.error == "States.IntrinsicFailure" }
    }
}
