import Testing

@testable import Validation

/// Whether the only rule about the file holds, and what was found.
private func judge(
    _ rule: any RuleElement, _ values: [String], now: Int? = nil
) throws -> (holds: Bool, found: String?) {
    try judge(rule, .decimal, values, now: now)
}

private func judge(
    _ rule: any RuleElement, _ type: ColumnType, _ values: [String], now: Int? = nil
) throws -> (holds: Bool, found: String?) {
    let rules = RuleSet("t", missing: ["", "NA"]) {
        Column("x", type)
        rule
    }
    let text = "x,y\n" + values.map { "\($0),1\n" }.joined()
    let report = try validate(rules, text, options: ValidationOptions(now: now))
    let check = try #require(report.checks.last { $0.columns == ["x"] || $0.columns == [] && $0.rule == "row-count" })
    return (check.passed, check.found)
}

@Test("the number of rows is held against a range, a header alone being none")
func rowCounts() throws {
    #expect(try judge(RowCount(1...), ["1"]).holds)
    #expect(try !judge(RowCount(1...), []).holds)
    #expect(try judge(RowCount(0...), []).holds)
    #expect(try judge(RowCount(2...3), ["1", "2", "3"]).holds)
    let many = try judge(RowCount(...3), ["1", "2", "3", "4"])
    #expect(!many.holds && many.found == "4 rows")
    #expect(try !validate(RuleSet("t") { RowCount(1...) }, "").passed)
}

@Test("the share of missing values is exact at its limit, and holds for no rows")
func missingShares() throws {
    #expect(try judge(MissingShare(of: "x", atMost: 50), ["1", "NA"]).holds)
    #expect(try !judge(MissingShare(of: "x", atMost: 49.99), ["1", "NA"]).holds)
    #expect(try judge(MissingShare(of: "x", atMost: 0), []).holds)
    #expect(try !judge(MissingShare(of: "x", atMost: 99.9), ["NA", "NA"]).holds)
    let values = Array(repeating: "1", count: 9943) + Array(repeating: "NA", count: 57)
    #expect(try judge(MissingShare(of: "x", atMost: 0.57), values).holds)
}

@Test("different values are counted as their type, missing ones not")
func distinctCounts() throws {
    #expect(try judge(DistinctCount(of: "x", 2...2), ["1", "1.0", "2", "NA", "01"]).holds)
    #expect(try !judge(DistinctCount(of: "x", 3...), ["1", "1.0", "2"]).holds)
    #expect(try judge(DistinctCount(of: "x", 0...0), ["NA"]).holds)
    #expect(try !judge(DistinctCount(of: "x", ...0), ["1"]).holds)
    #expect(try judge(DistinctCount(of: "x", ...Int.max), ["1", "2"]).holds)
    #expect(try judge(DistinctCount(of: "x", 0...), []).holds)
}

@Test("means, extremes and quantiles are exact")
func aggregates() throws {
    #expect(try judge(Aggregate(.mean, of: "x", min: "0.15", max: "0.15"), ["0.1", "0.2"]).holds)
    // A third has no end: it is over 0.333333333 and not equal to it.
    #expect(try !judge(Aggregate(.mean, of: "x", max: "0.333333333"), ["1", "0", "0"]).holds)
    #expect(try judge(Aggregate(.mean, of: "x", min: "0.333333333"), ["1", "0", "0"]).holds)
    let big = ["100000000000000000000000000000.5", "0.5", "1"]
    let mean = try judge(Aggregate(.mean, of: "x", max: 1), big)
    #expect(!mean.holds && mean.found == "33333333333333333333333333334")
    #expect(
        try judge(Aggregate(.mean, of: "x", max: 0), ["-99999999999999999999", "99999999999999999999", "-1"]).holds)
    #expect(try !judge(Aggregate(.mean, of: "x", min: 0), .number, ["NaN", "1"]).holds)
    #expect(try judge(Aggregate(.minimum, of: "x", min: "2012-02-29"), .date, ["2012-02-29", "2013-01-01"]).holds)
    let late = try judge(Aggregate(.maximum, of: "x", max: "2012-12-31"), .date, ["2012-02-29", "2013-01-01"])
    #expect(!late.holds && late.found == "2013-01-01")
    #expect(try judge(Aggregate(.quantile(0), of: "x", min: 1, max: 1), ["3", "1", "2"]).holds)
    #expect(try judge(Aggregate(.quantile(1), of: "x", min: 3, max: 3), ["3", "1", "2"]).holds)
    #expect(try judge(Aggregate(.quantile(0.5), of: "x", min: 2, max: 2), ["4", "1", "3", "2"]).holds)
    // The 55th of 100, not the 56th that a binary 0.55 × 100 rounds up to.
    #expect(try judge(Aggregate(.quantile(0.55), of: "x", min: 55, max: 55), (1...100).map(String.init)).holds)
    for function in [Aggregate.Function.mean, .minimum, .quantile(0.5)] {
        let none = try judge(Aggregate(function, of: "x", min: 0), ["NA"])
        #expect(!none.holds && none.found == "no values")
    }
}

@Test("the newest timestamp must be recent enough, in the zone that it names")
func freshness() throws {
    let now = 1_357_002_000  // 2013-01-01T01:00:00Z
    #expect(
        try judge(
            Freshness(of: "x", within: .seconds(3600)), .datetime, ["2012-01-01T00:00:00Z", "2013-01-01T00:00:00Z"],
            now: now
        ).holds)
    #expect(try !judge(Freshness(of: "x", within: .seconds(3599)), .datetime, ["2013-01-01T00:00:00Z"], now: now).holds)
    #expect(
        try judge(Freshness(of: "x", within: .seconds(3600)), .datetime, ["2013-01-01T02:00:00+02:00"], now: now).holds)
    #expect(try judge(Freshness(of: "x", within: .seconds(0)), .datetime, ["2014-01-01T00:00:00Z"], now: now).holds)
    #expect(try judge(Freshness(of: "x", within: .seconds(3600)), .date, ["2013-01-01"], now: now).holds)
    #expect(try !judge(Freshness(of: "x", within: .seconds(3600)), .date, ["2012-12-31"], now: now).holds)
    #expect(try judge(Freshness(of: "x", within: .seconds(9)), .date, [], now: now).found == "no values")
}

@Test("columns may be expected, optional, forbidden, undeclared or out of order")
func columnRules() throws {
    let rules = RuleSet("t") {
        Column("a")
        Column("b")
        Column("c").optional()
        ForbiddenColumns("ssn", "email")
        ColumnsInOrder(severity: .warning)
        OnlyDeclaredColumns()
    }
    #expect(try validate(rules, "a,b\n").passed)
    #expect(try validate(rules, "a,b,c\n").broken == [:])
    #expect(
        try validate(rules, "b,a,ssn\n").broken == [
            "the file has no column ssn, email": 1, "the columns stand in their declared order": 1,
            "the file has no undeclared column": 1,
        ])
    #expect(try validate(rules, "a,c\n").broken == ["every declared column is in the file": 1])
    #expect(try validate(rules, "A,b\n").broken["every declared column is in the file"] == 1)
}

@Test("a file without rows, with one column, or with nothing but missing values gives its verdict all the same")
func edges() throws {
    let rules = RuleSet("t") { Column("a", .integer).required().unique().max(3) }
    for text in ["a\n", "a", "a\r\n", "\u{feff}a\n"] {
        let report = try validate(rules, text)
        #expect(report.passed && report.rows == 0, "\(text)")
    }
    let empty = try validate(rules, "")
    #expect(!empty.passed && empty.broken == ["every declared column is in the file": 1])
    // In a file of one column a blank line is a row of one empty field, as it is to DuckDB.
    let one = try validate(rules, "a\n\n\"\"\n1\n")
    #expect(one.rows == 3 && one.broken == ["a is present": 2])
}

@Test("statistics of a column are exact, and in its type's canonical form")
func statistics() throws {
    let rules = RuleSet("t", missing: ["NA"]) {
        Column("i", .integer)
        Column("d", .decimal)
        Column("t", .datetime)
        Column("s")
    }
    let report = try validate(
        rules, "i,d,t,s\n3,0.10,2013-01-01T01:00:00+01:00,é\n-4,99999999999999999999.5,NA,abc\nx,NA,NA,\n")
    let columns = report.columns
    #expect(columns[0].min == "-4" && columns[0].max == "3" && columns[0].mean == "-0.5" && columns[0].invalid == 1)
    #expect(columns[1].min == "0.1" && columns[1].max == "99999999999999999999.5" && columns[1].missing == 1)
    #expect(columns[1].mean == "49999999999999999999.8")
    #expect(columns[2].min == "2013-01-01T00:00:00Z" && columns[2].values == 1)
    #expect(columns[3].minLength == 0 && columns[3].maxLength == 3)
}

@Test("comments and blank lines are part of neither file when rows are parted")
func partedRows() throws {
    var text = "# head\na,b\n#1\nx,1\n\n# two\n2,2\n#end\ny,3\n\n"
    let rules = RuleSet("t", format: .delimited(Dialect(comment: "#"))) { Column("a", .integer) }
    for block in [256, 1 << 20] {
        var (bad, good): ([UInt8], [UInt8]) = ([], [])
        _ = try text.withUTF8 {
            try Validator(rules).validate(
                bytes: UnsafeRawBufferPointer($0), options: ValidationOptions(blockSize: block),
                quarantine: { bad.append(contentsOf: $0) }, accepted: { good.append(contentsOf: $0) })
        }
        #expect(String(decoding: bad, as: UTF8.self) == "a,b\nx,1\ny,3\n")
        #expect(String(decoding: good, as: UTF8.self) == "a,b\n2,2\n")
    }
}
