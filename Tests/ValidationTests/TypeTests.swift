import Testing

@testable import Validation

/// The rules that a value alone in a column breaks.
func broken(_ column: Column, _ value: String) throws -> [String] {
    let quoted = "\"" + value.replacing("\"", with: "\"\"") + "\""
    let report = try validate(RuleSet("t", missing: []) { column }, "c\n\(quoted)\n")
    return report.checks.filter { $0.count > 0 }.map(\.rule)
}

private let geometries: (good: [String], bad: [String]) = (
    [
        #"{"type": "Point", "coordinates": [1, 2]}"#, #"{"type": "Point", "coordinates": [1, 2, 3], "bbox": [1, 2]}"#,
        #"{"type": "MultiPoint", "coordinates": []}"#, #"{"type": "LineString", "coordinates": [[0, 0], [1, 1]]}"#,
        #"{"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]]]}"#,
        #"{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0.0, 0]]]}"#,
        #"{"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]}"#,
        #"{"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]}"#,
        #"{"type": "Feature", "geometry": null, "properties": null}"#,
        #"{"type": "Feature", "id": 1, "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}"#,
        #"{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null, "properties": {}}]}"#,
    ],
    [
        #"{"type": "Point"}"#, #"{"type": "Point", "coordinates": ["1", "2"]}"#,
        #"{"type": "Point", "coordinates": []}"#,
        #"{"type": "Point", "coordinates": [1]}"#, #"{"type": "MultiPoint", "coordinates": [1, 2]}"#,
        #"{"type": "LineString", "coordinates": [[0, 0]]}"#,
        #"{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}"#,
        #"{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}"#,
        #"{"type": "Feature", "geometry": 5, "properties": 7}"#, #"{"type": "Feature", "geometry": null}"#,
        #"{"type": "Feature", "geometry": null, "properties": 7}"#,
        #"{"type": "Feature", "geometry": {"type": "Feature"}, "properties": null}"#,
        #"{"type": "FeatureCollection", "features": [{"type": "Point", "coordinates": [1, 2]}]}"#,
        #"{"type": "GeometryCollection", "geometries": [{"type": "Feature"}]}"#,
    ]
)

@Test(
    "each type takes the texts of its lexical form and refuses all others",
    arguments: [
        (
            ColumnType.integer, ["0", "-0", "+7", "007", "123456789012345678901234567890"],
            ["", "1.0", "1e3", "0x1f", " 1", "1 ", "--1", "+", "१", "1,000"]
        ),
        (
            .decimal,
            ["0.1", ".5", "5.", "-0.0", "1e3", "1E-3", "+1.5e+2", "1234567890123456789012345678901234567890.12"],
            ["", ".", "e5", "1e", "1.2.3", "NaN", "INF", "1,5", "0x1p3"]
        ),
        (
            .number, ["0.1", "1E5", "NaN", "nan", "INF", "-INF", "-inf", "1e999"],
            ["", "Infinity", "+INF", "1,5", "-NaN"]
        ),
        (.boolean, ["true", "True", "TRUE", "1", "false", "False", "FALSE", "0"], ["", "yes", "tRUE", "01", "t"]),
        (.boolean(true: ["Y"], false: ["N"]), ["Y", "N"], ["true", "y", "1"]),
        (
            .date, ["2012-02-29", "2000-02-29", "0000-01-01", "9999-12-31"],
            [
                "", "2013-02-29", "1900-02-29", "2013-1-1", "20130101", "2013-13-01", "2013-00-10", "2013-01-00",
                "-001-01-01", "2013-01-01Z", "2013-01-01 ",
            ]
        ),
        (
            .date("%d/%m/%Y"), ["31/12/2013", "1/2/2013", "29/02/2012"],
            ["31/02/2013", "12/31/2013", "2013-12-31", "31/12/13"]
        ),
        (
            .time, ["00:00:00", "23:59:59", "12:00:00.123456789012", "12:00:00Z", "12:00:00+05:30"],
            ["", "24:00:00", "23:59:60", "12:00", "1:00:00", "12:60:00", "12:00:00.", "12:00:00+25:00"]
        ),
        (
            .datetime,
            [
                "2013-01-01T00:00:00", "2013-01-01T00:00:00Z", "2013-01-01T00:00:00.300-05:00",
                "2012-02-29T23:59:59+14:00",
            ],
            [
                "2013-01-01 00:00:00", "2013-01-01", "2013-02-29T00:00:00", "2013-01-01T24:00:00",
                "2013-01-01T00:00:60", "2013-01-01t00:00:00", "2013-01-01T00:00:00+14:01", "2013-01-01T00:00:00-14:59",
            ]
        ),
        (.datetime("%Y-%m-%d %H:%M:%S"), ["2013-01-01 00:00:00"], ["2013-01-01T00:00:00", "2013-01-01 24:00:00"]),
        (
            .datetime("%d %b %Y %I:%M %p"), ["01 Jan 2013 12:30 AM", "1 jan 2013 1:30 pm"],
            ["01 Jan 2013 13:30 PM", "01 Foo 2013 12:30 AM"]
        ),
        (.year, ["2013", "0001", "-0044", "12013"], ["", "13", "02013", "2013.0", "+2013", "0000", "-0000"]),
        (.yearMonth, ["2013-01", "-0044-03"], ["2013-1", "2013-13", "2013-00", "201301", "0000-01"]),
        (
            .duration, ["P1Y2M3DT10H30M", "PT0.5S", "-P1D", "P0D", "P1W"],
            ["", "P", "PT", "P1S", "1D", "P1H", "P1.5D", "PT1S2M"]
        ),
        (
            .uuid, ["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"],
            [
                "", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g",
                "{123e4567-e89b-12d3-a456-426614174000}",
            ]
        ),
        (.enum("a", "b c"), ["a", "b c"], ["", "A", "a ", "b"]),
        (.email, ["a@b.example", "a.b+c@sub.example"], ["", "a", "@b", "a@", "a b@c.example", "a..b@c.example"]),
        (
            .uri,
            [
                "https://example.org/a?b#c", "urn:isbn:0451450523", "ftp://user:pw@example.org:8080/%7Ea;b=1?x=/?",
                "http://[::1]:80/a", "http://[2001:db8::192.0.2.1]", "http://[v1.a:b]/", "http://[::]",
                "http://[1:2:3:4:5:6:7:8]/",
                "file:///etc", "mailto:a@b.example", "http://é.example/ü", "a:/",
            ],
            [
                "", "//example.org", "a b:c", "http://exa mple", "1http://x", "http://[::1", "http://::1]",
                "http://[1::2::3]",
                "http://[1:2]", "http://[::1]x", "http://[12345::]", "http://a:b", "http://a/[", "a:b#c#d", "a:%4",
                "a:%zz", "a:",
                "http://[::256.0.0.1]", "http://[]", "http://[:1]",
            ]
        ),
        (.binary, ["", "YQ==", "YWJj"], ["YQ=", "Y", "YQ==YQ==", "a-_b"]),
        (.geopoint, ["90.50, 45.50", "90.50,45.50", "-180,-90"], ["", "90.5", "181,0", "0,91", "a,b", "1,2,3"]),
        (.object, ["{}", "{\"a\": [1]}"], ["", "[]", "1", "{a: 1}", "{\"a\": 1,}"]),
        (.array, ["[]", "[1, [2]]"], ["", "{}", "[1,]"]),
        (.geojson, geometries.good, geometries.bad + ["{}", "{\"type\": \"Dot\"}", "[1, 2]"]),
        (.list(of: .integer), ["1", "1,2,-3"], ["", "1,", "1,a", "1;2"]),
        (.list(of: .date, delimiter: "::"), ["2013-01-01::2013-01-02"], ["2013-01-01:2013-01-02"]),
        (.string, ["", " ", "é", "\"q\""], []), (.any, ["", "x"], []),
    ])
func lexicalForms(type: ColumnType, good: [String], bad: [String]) throws {
    for value in good { #expect(try broken(Column("c", type), value) == [], "\(type.name) takes \(value)") }
    for value in bad { #expect(try broken(Column("c", type), value) == ["type"], "\(type.name) refuses \(value)") }
}

@Test(
    "a bound holds exactly, whatever the form that it is written in",
    arguments: [
        (Column("c", .integer).min("007"), ["7", "+8", "99999999999999999999"], ["6", "-99999999999999999999"]),
        (Column("c", .integer).max("99999999999999999999"), ["99999999999999999999", "1"], ["100000000000000000000"]),
        (Column("c", .integer).above(0), ["1"], ["0", "-0", "-1"]),
        (Column("c", .integer).below(0), ["-1"], ["0", "+0", "1"]),
        (Column("c", .integer).min(0.5), ["1"], ["0"]),
        (Column("c", .integer).range(1...3), ["1", "3"], []),
        (Column("c", .decimal).min("1e-1"), ["0.1", "0.10", "1"], ["0.09999999999999999999999999999999999999999"]),
        (Column("c", .decimal).max(0.1), ["0.1", "1e-1"], ["0.1000000000000000000000000000000000000001"]),
        (Column("c", .decimal).above("0.000000001"), ["0.00000001", "0.0000000011"], ["0.000000001", "0"]),
        (
            Column("c", .decimal).below("1234567890123456789012345678901234567890"),
            ["1234567890123456789012345678901234567889.9"], ["1234567890123456789012345678901234567890"]
        ),
        (Column("c", .decimal(decimalChar: ",", groupChar: ".")).max(1234.5), ["1.234,5"], ["1.234,51"]),
        (Column("c", .decimal(decimalChar: ",", groupChar: ".")).max("1.234,5"), ["1234,5"], ["1.234,51"]),
        (Column("c", .number).max("0.1"), ["0.1", "-INF"], ["0.2", "INF", "NaN"]),
        (Column("c", .number).min(0), ["0", "-0", "-0.0", "INF"], ["-1e-300"]),
        (Column("c", .date).min("2012-02-29"), ["2012-02-29"], ["2012-02-28"]),
        (
            Column("c", .datetime).max("2013-01-01T00:00:00Z"),
            ["2013-01-01T01:00:00+01:00", "2012-12-31T19:00:00-05:00"], ["2013-01-01T00:00:00.0000000001Z"]
        ),
        (Column("c", .time).below("12:00:00"), ["11:59:59.999999"], ["12:00:00"]),
        (Column("c", .year).min("2013"), ["2013", "12013"], ["2012", "-2014"]),
        (Column("c", .yearMonth).max("2013-01"), ["2012-12"], ["2013-02"]),
        (Column("c", .duration).max("PT1H"), ["PT60M", "PT3600S"], ["PT3600.1S"]),
    ])
func bounds(column: Column, good: [String], bad: [String]) throws {
    for value in good { #expect(try broken(column, value) == [], "\(value)") }
    for value in bad { #expect(try broken(column, value).count == 1, "\(value)") }
}

@Test("lengths count characters of texts, elements of collections")
func lengths() throws {
    #expect(try broken(Column("c").length(2), "é日") == [])
    #expect(try broken(Column("c").length(2), "é") == ["length"])
    #expect(try broken(Column("c").length(1...2), "") == ["length"])
    #expect(try broken(Column("c").minLength(2), "a") == ["minLength"])
    #expect(try broken(Column("c").maxLength(3), "abcd") == ["maxLength"])
    #expect(try broken(Column("c").maxLength(0), "") == [])
    #expect(try broken(Column("c", .array).maxLength(2), "[100000, 200000]") == [])
    #expect(try broken(Column("c", .array).maxLength(2), "[1, 2, 3]") == ["maxLength"])
    #expect(try broken(Column("c", .object).minLength(1), "{}") == ["minLength"])
    #expect(try broken(Column("c", .list(of: .integer)).minLength(3), "1000,2000") == ["minLength"])
}

@Test("one-of compares as the column's type does")
func enumerations() throws {
    #expect(try broken(Column("c", .integer).oneOf(7, 8), "007") == [])
    #expect(try broken(Column("c", .integer).oneOf(7), "70") == ["enum"])
    #expect(try broken(Column("c", .decimal).oneOf("1.50"), "1.5") == [])
    #expect(try broken(Column("c", .decimal).oneOf("0.1"), "0.10000000000000000000000000000000000000001") == ["enum"])
    #expect(try broken(Column("c", .boolean(true: ["Y"], false: ["N"])).oneOf(true), "Y") == [])
    #expect(try broken(Column("c", .boolean(true: ["Y"], false: ["N"])).oneOf(true), "N") == ["enum"])
    #expect(try broken(Column("c", .datetime).oneOf("2013-01-01T00:00:00Z"), "2013-01-01T01:00:00+01:00") == [])
    #expect(try broken(Column("c").oneOf("a,b", "\"q\"", "longer than eight"), "\"q\"") == [])
    #expect(try broken(Column("c").oneOf("a"), "a ") == ["enum"])
    #expect(try broken(Column("c", .object).oneOf("{\"a\": 1, \"b\": 2}"), "{\"b\":2.0,\"a\":1}") == [])
    #expect(try broken(Column("c", .array).oneOf("[1, 2]"), "[2, 1]") == ["enum"])
}

@Test("patterns, closures and JSON Schemas judge whole values")
func otherColumnRules() throws {
    #expect(try broken(Column("c").pattern("[A-Z]{2}\\d+"), "AB12") == [])
    #expect(try broken(Column("c").pattern("[A-Z]{2}\\d+"), "AB12x") == ["pattern"])
    #expect(try broken(Column("c").check("is even") { $0.utf8.count.isMultiple(of: 2) }, "abc") == ["custom"])
    let schema = "{\"type\": \"object\", \"required\": [\"v\"], \"properties\": {\"v\": {\"type\": \"integer\"}}}"
    #expect(try broken(Column("c", .object).jsonSchema(schema), "{\"v\": 1.0}") == [])
    #expect(try broken(Column("c", .object).jsonSchema(schema), "{\"v\": \"1\"}") == ["jsonSchema"])
}

@Test("a value that is not of its type breaks no other rule of its column")
func typeComesFirst() throws {
    let column = Column("c", .integer).min(5).oneOf(7).unique()
    let report = try validate(RuleSet("t") { column }, "c\nx\nx\n7\n")
    #expect(report.broken == ["c is an integer": 2])
}

@Test("missing values break required and nothing else, and stand for themselves in no other rule")
func missingValues() throws {
    let rules = RuleSet("t", missing: ["NA", ""]) {
        Column("a", .integer).required().min(5).unique()
        Column("b", .date).missing("-").oneOf("2013-01-01")
    }
    let report = try validate(rules, "a,b\nNA,-\n,-\n\"NA\",\"-\"\n7,\n")
    #expect(report.broken == ["a is present": 3, "b is a date": 1])
    #expect(report.columns[0].missing == 3)
    #expect(report.rejected == 4)
}

@Test(
    "rules that contradict themselves are refused with what is wrong",
    arguments: [
        (RuleSet("t") { Column("a", .integer).min("x") }, "the bound \"x\" is not an integer"),
        (RuleSet("t") { Column("a").min(1) }, "has no order"),
        (RuleSet("t") { Column("a", .integer).oneOf("1.5") }, "is not an integer"),
        (RuleSet("t") { Column("a").oneOf([]) }, "at least one value"),
        (
            RuleSet("t") {
                Column("a"); Column("a")
            }, "declared twice"
        ),
        (RuleSet("t") { Column("a").pattern("[") }, "a [ without its ]"),
        (RuleSet("t") { UniqueKey("b") }, "not declared"),
        (RuleSet("t") { Column("a", .date("%Q")) }, "no date pattern"),
        (RuleSet("t") { Column("a").required(atMost: .rows(-1)) }, "tolerance"),
        (RuleSet("t") { Column("a").required(atMost: .percent(101)) }, "tolerance"),
        (RuleSet("t") { Column("a").required(atMost: .percent(.nan)) }, "tolerance"),
        (
            RuleSet("t") {
                Column("a", .date); Column("b", .integer); Compare("a", .lessThan, "b")
            }, "do not compare"
        ),
        (
            RuleSet("t") {
                Column("a", .date); Aggregate(.mean, of: "a", min: 1)
            }, "has no mean"
        ),
        (
            RuleSet("t") {
                Column("a", .integer); Aggregate(.mean, of: "a", min: 2, max: 1)
            }, "no value"
        ),
        (
            RuleSet("t") {
                Column("a", .integer); Aggregate(.quantile(1.5), of: "a", min: 2)
            }, "between 0 and 1"
        ),
        (
            RuleSet("t") {
                Column("a", .integer); Freshness(of: "a", within: .seconds(1))
            }, "date or datetime"
        ),
        (RuleSet("t") { RowCount(...(-1)) }, "never under 0"),
        (RuleSet("t", format: .delimited(Dialect(delimiter: "é"))) {}, "one ASCII character"),
    ])
func contradictions(rules: RuleSet, message: String) throws {
    let error = try #require(throws: RuleError.self) { _ = try Validator(rules) }
    #expect(error.message.contains(message), "\(error)")
}
