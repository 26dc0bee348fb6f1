import Testing
import Validation

/// The rule set of the pipeline that ships, over a few rows.
let flights = RuleSet("flights", missing: ["NA", ""]) {
    Column("year", .integer).required().range(2013...2013)
    Column("month", .integer).required().range(1...12)
    Column("dep_time", .integer).range(1...2400)
    Column("dep_delay", .integer)
    Column("carrier").required().length(2).references("carrier", of: "airlines.csv")
    Column("flight", .integer).required().min(1)
    Column("tailnum").pattern("[A-Z0-9]{5,6}")
    Column("origin").required().oneOf("EWR", "JFK", "LGA")
    Column("dest").required().references("faa", of: "airports.csv")
    Column("time_hour", .datetime).required()
    UniqueKey("year", "month", "carrier", "flight", "time_hour")
    RowCount(1...)
}

func airports(_ wanted: Reference) throws -> ReferenceColumns {
    var text =
        wanted.object == "airlines.csv"
        ? "carrier,name\nUA,United\nAA,American\n" : "faa,name\nIAH,\"Houston, TX\"\nMIA,Miami\n"
    return try text.withUTF8 { try ReferenceColumns(wanted, bytes: UnsafeRawBufferPointer($0)) }
}

func validate(
    _ rules: RuleSet, _ text: String, options: ValidationOptions = ValidationOptions()
) throws -> ValidationReport {
    var text = text
    return try text.withUTF8 {
        try Validator(rules).validate(bytes: UnsafeRawBufferPointer($0), references: airports, options: options)
    }
}

extension ValidationReport {
    /// The counts of the rules that were broken.
    var broken: [String: Int] {
        Dictionary(checks.filter { $0.count > 0 }.map { ($0.name, $0.count) }, uniquingKeysWith: +)
    }
}

private let header = "year,month,dep_time,dep_delay,carrier,flight,tailnum,origin,dest,time_hour\n"
private let good = "2013,1,517,-2,UA,1545,N14228,EWR,IAH,2013-01-01T10:00:00Z\n"

@Test("a file that keeps to its rules passes")
func passes() throws {
    let report = try validate(flights, header + good + "2013,1,NA,NA,AA,1,NA,JFK,MIA,2013-01-01T10:00:00Z\n")
    #expect(report.passed)
    #expect(report.rows == 2)
    #expect(report.rejected == 0)
    #expect(report.broken.isEmpty)
}

@Test("every broken rule is counted, with row, column, byte position and value")
func counts() throws {
    let bad = "2014,13,0,x,ZZ,1545,n1,LHR,XXX,2013-02-30T10:00:00Z\n"
    let report = try validate(flights, header + good + bad + good)
    #expect(!report.passed)
    #expect(report.rows == 3)
    #expect(report.rejected == 2)
    #expect(
        report.broken == [
            "year is at most 2013": 1, "month is at most 12": 1, "dep_time is at least 1": 1,
            "dep_delay is an integer": 1, "carrier stands in airlines.csv, column carrier": 1,
            "tailnum matches [A-Z0-9]{5,6}": 1, "origin is one of EWR, JFK, LGA": 1,
            "dest stands in airports.csv, column faa": 1, "time_hour is a datetime": 1,
            "no two rows have the same year, month, carrier, flight, time_hour": 1,
        ])
    let month = try #require(report.checks.first { $0.name == "month is at most 12" })
    #expect(
        month.offenders == [
            Offender(row: 2, column: "month", byte: header.utf8.count + good.utf8.count + 5, value: "13")
        ])
    let key = try #require(report.checks.first { $0.rule == "unique" })
    #expect(key.offenders.first?.row == 3)
    #expect(key.offenders.first?.value == "2013, 1, UA, 1545, 2013-01-01T10:00:00Z")
    #expect(report.jsonString().hasPrefix("{\"passed\":false,\"table\":\"flights\",\"rows\":3,\"rejected\":2,"))
}
