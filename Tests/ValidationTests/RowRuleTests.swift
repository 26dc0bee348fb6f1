import Testing

@testable import Validation

@Test(
    "a tolerance holds up to its limit and not beyond it",
    arguments: [
        (Tolerance.rows(1), 1, 10, true), (.rows(1), 2, 10, false), (.rows(0), 0, 0, true),
        (.percent(10), 1, 10, true), (.percent(10), 2, 10, false), (.percent(9.99), 1, 10, false),
        (.percent(0.57), 57, 10_000, true), (.percent(0.57), 58, 10_000, false), (.percent(0.07), 7, 10_000, true),
        (.percent(0), 0, 0, true), (.percent(100), 10, 10, true),
    ])
func tolerances(tolerance: Tolerance, bad: Int, rows: Int, passes: Bool) throws {
    let rules = RuleSet("t") { Column("a", .integer, atMost: tolerance) }
    let text = "a\n" + String(repeating: "x\n", count: bad) + String(repeating: "1\n", count: rows - bad)
    let report = try validate(rules, text)
    #expect(report.passed == passes)
    #expect(report.rejected == bad)
}

@Test("a warning counts and never holds the file back, nor rejects a row")
func warnings() throws {
    let rules = RuleSet("t") { Column("a", .integer).max(1, severity: .warning) }
    let report = try validate(rules, "a\n2\n3\n")
    #expect(report.passed)
    #expect(report.rejected == 0)
    #expect(report.checks.first { $0.rule == "maximum" }?.passed == false)
    #expect(report.failures.map(\.rule) == ["maximum"])
}

@Test("unique values are compared as their type, and missing ones are not compared")
func uniqueness() throws {
    let report = try validate(
        RuleSet("t", missing: ["", "NA"]) {
            Column("i", .integer).unique()
            Column("d", .decimal).unique()
            Column("s").unique()
            Column("t", .datetime).unique()
        },
        """
        i,d,s,t
        1,1.5,a,2013-01-01T00:00:00Z
        01,1.50,A,2013-01-01T01:00:00+01:00
        123456789012345678901,15e-1,"a",
        +123456789012345678901,2,a ,
        NA,NA,NA,NA
        NA,NA,NA,NA

        """)
    #expect(
        report.broken == [
            "i has no value twice": 2, "d has no value twice": 2, "s has no value twice": 1, "t has no value twice": 1,
        ])
}

@Test("a key over several columns counts a row from its second occurrence on, over blocks too")
func keys() throws {
    let rules = RuleSet("t") {
        Column("a", .integer)
        Column("b")
        UniqueKey("a", "b", atMost: .rows(2))
    }
    var text = "a,b\n"
    for number in 0..<3000 { text += "\(number % 1500),\(number < 1502 ? "x" : "y")\n" }
    let report = try validate(rules, text, options: ValidationOptions(blockSize: 300))
    #expect(report.broken == ["no two rows have the same a, b": 2])
    #expect(report.passed)
    let key = try #require(report.checks.first { $0.rule == "unique" })
    #expect(key.offenders.map(\.row) == [1501, 1502])
    #expect(key.offenders.map(\.value) == ["0, x", "1, x"])
}

@Test("columns of a row compare as values, across types of one scale")
func comparisons() throws {
    func counts(_ left: ColumnType, _ comparison: Comparison, _ right: ColumnType, _ rows: String) throws -> Int {
        let rules = RuleSet("t") {
            Column("a", left)
            Column("b", right)
            Compare("a", comparison, "b")
        }
        return try validate(rules, "a;b\n" + rows, dialect: Dialect(delimiter: ";")).checks
            .first { $0.rule == "compare" }?.count ?? -1
    }
    #expect(try counts(.integer, .lessThan, .integer, "1;2\n2;2\n3;2\n;2\n2;\n") == 2)
    #expect(
        try counts(.integer, .lessThanOrEqual, .decimal, "1;1.0\n2;1.99\n99999999999999999999;99999999999999999999.5\n")
            == 1)
    #expect(try counts(.decimal, .equal, .decimal, "1.10;1.1\n0.1;0.10000000000000000000000001\n") == 1)
    #expect(try counts(.date, .lessThanOrEqual, .date, "2012-02-29;2012-03-01\n2013-01-02;2013-01-01\n") == 1)
    #expect(
        try counts(
            .date, .lessThanOrEqual, .datetime, "2013-01-01;2013-01-01T00:00:00Z\n2013-01-02;2013-01-01T23:59:59Z\n")
            == 1)
    #expect(try counts(.datetime, .greaterThan, .datetime, "2013-01-01T00:00:00Z;2013-01-01T00:30:00+01:00\n") == 0)
    #expect(try counts(.number, .lessThan, .integer, "INF;1\n-INF;1\n0.5;1\n") == 1)
    #expect(try counts(.string, .notEqual, .string, "a;a\n\"a\";b\na;\"a\"\n") == 2)
    #expect(try counts(.string, .greaterThanOrEqual, .string, "b;a\né;z\na;b\n") == 1)
}

@Test("a closure sees a row's values as their types")
func closures() throws {
    let rules = RuleSet("t", missing: ["NA"]) {
        Column("i", .integer)
        Column("d", .decimal)
        Column("n", .number)
        Column("b", .boolean)
        Column("t", .datetime)
        Column("day", .date)
        Column("s")
        RowRule("all of it") { row in
            row.integer("i") == 7 && row.decimal("d", scale: 2) == 150 && row.number("n") == 0.5
                && row.boolean("b") == true && row.microseconds("t") == 1_500_000 && row.days("day") == 1
                && row.text("s") == "q\"x" && !row.isMissing("s") && row.integer("s") == nil
                && row.text("no such column") == nil
        }
    }
    let header = "i,d,n,b,t,day,s\n"
    let good = "7,1.50,5e-1,TRUE,1970-01-01T00:00:01.5Z,1970-01-02,\"q\"\"x\"\n"
    #expect(try validate(rules, header + good).passed)
    let report = try validate(rules, header + good + good.replacing("7,", with: "NA,"))
    #expect(report.broken == ["all of it": 1])
    #expect(report.checks.first { $0.rule == "row" }?.offenders.first?.row == 2)
}

@Test(
    "values are looked up in another object, as the column's type, and the object is read once while its version stands"
)
func references() throws {
    let rules = RuleSet("t", missing: ["NA"]) {
        Column("n", .integer).references("id", of: "ids.csv")
        Column("a")
        Column("b", .integer)
        ForeignKey("a", "b", references: "x", "y", of: "pairs.csv")
    }
    let validator = try Validator(rules)
    #expect(validator.references.map(\.object) == ["ids.csv", "pairs.csv"])
    var text = "n,a,b\n01,p,1\n2,p,2\nNA,NA,9\n3,q,01\n"
    let cache = ReferenceCache()
    var opened = 0
    func run(_ version: String) throws -> ValidationReport {
        try text.withUTF8 {
            try validator.validate(bytes: UnsafeRawBufferPointer($0)) { wanted in
                try cache.columns(wanted, version: version) {
                    opened += 1
                    return pull(
                        wanted.object == "ids.csv" ? "id\n1\n2\n" : "y;x\n".replacing(";", with: ",") + "1,p\n1,q\n")
                }
            }
        }
    }
    let report = try run("v1")
    #expect(
        report.broken == ["n stands in ids.csv, column id": 1, "a, b stands in pairs.csv, x, y": 1])
    #expect(try run("v1").broken == report.broken)
    #expect(opened == 2)
    _ = try run("v2")
    #expect(opened == 4)
}

@Test("an object without the column that a rule refers to is an error that names it")
func referenceWithoutColumn() throws {
    let rules = RuleSet("t") { Column("a").references("b", of: "x.csv") }
    let error = try #require(throws: RuleError.self) {
        var text = "a\n1\n"
        _ = try text.withUTF8 {
            try Validator(rules).validate(
                bytes: UnsafeRawBufferPointer($0), references: { try ReferenceColumns($0, pull: pull("c\n1\n")) })
        }
    }
    #expect(error.message == "a rule refers to x.csv, which has no column b")
}

@Test("a table may refer to itself, in its own dialect")
func selfReference() throws {
    let schema = """
        {"schema": {"fields": [{"name": "id", "type": "integer"}, {"name": "parent", "type": "integer"}],
          "missingValues": ["-"], "foreignKeys": [{"fields": "parent", "reference": {"resource": "", "fields": "id"}}]},
         "dialect": {"delimiter": ";"}}
        """
    let report = try validate(TableSchema(json: schema, name: "t").rules, "id;parent\n1;-\n2;1\n3;9\n-;01\n")
    #expect(report.broken == ["parent stands in the table itself, id": 1])
}

@Test("a foreign key over several columns holds whatever their types", arguments: [1, 2])
func foreignKeysOfAnyType(threads: Int) throws {
    let rules = RuleSet("t") {
        Column("i", .integer)
        Column("j", .integer)
        Column("s")
        Column("d", .date)
        ForeignKey("i", "j", references: "i", "j", of: "o.csv")
        ForeignKey("s", "d", references: "s", "d", of: "o.csv")
        ForeignKey("s", "i", references: "s", "i", of: "o.csv")
        ForeignKey("i", "j", "s", references: "i", "j", "s", of: "o.csv")
    }
    let other = "i,j,s,d\n1,2,ab,2013-01-01\n3,4,a much longer text,2013-01-02\n99999999999999999999,5,é,2013-01-03\n"
    let text =
        "i,j,s,d\n01,2,ab,2013-01-01\n3,4,a much longer text,2013-01-02\n99999999999999999999,+5,\"é\",2013-01-03\n"
        + "1,4,ab,2013-01-02\n,2,,2013-01-01\n3,2,a much longer text,2013-01-01\n99999999999999999998,5,é,2013-01-01\n"
    let report = try Array(text.utf8).withUnsafeBytes {
        try Validator(rules).validate(
            bytes: $0, references: { try ReferenceColumns($0, pull: pull(other)) },
            options: ValidationOptions(threads: threads, blockSize: 256))
    }
    #expect(
        report.broken == [
            "i, j stands in o.csv, i, j": 3, "s, d stands in o.csv, s, d": 3, "s, i stands in o.csv, s, i": 1,
            "i, j, s stands in o.csv, i, j, s": 3,
        ])
}

/// Gives a text's bytes as they are asked for.
func pull(_ text: String) -> (UnsafeMutableRawBufferPointer) -> Int {
    var rest = Array(text.utf8)[...]
    return { buffer in
        let count = min(buffer.count, rest.count)
        buffer.copyBytes(from: rest.prefix(count))
        rest = rest.dropFirst(count)
        return count
    }
}

func validate(_ rules: RuleSet, _ text: String, dialect: Dialect) throws -> ValidationReport {
    var rules = rules
    rules.format = .delimited(dialect)
    return try validate(rules, text)
}
