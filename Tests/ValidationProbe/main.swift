import Glibc
import Validation

// Runs the engine for the conformance scripts: `validation-probe flights FILE DIR [threads]`.

func map(_ path: String) -> UnsafeRawBufferPointer {
    let file = open(path, O_RDONLY)
    var status = stat()
    guard file >= 0, fstat(file, &status) == 0 else {
        print("can't open \(path)")
        exit(2)
    }
    let size = Int(status.st_size)
    if size == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), count: size)
}

let flights = RuleSet("flights", missing: ["NA", ""]) {
    Column("year", .integer).required().range(2013...2013)
    Column("month", .integer).required().range(1...12)
    Column("day", .integer).required().range(1...31)
    Column("dep_time", .integer).range(1...2400)
    Column("sched_dep_time", .integer).required().range(0...2359)
    Column("dep_delay", .integer).min(-60)
    Column("arr_time", .integer).range(1...2400)
    Column("sched_arr_time", .integer).required().range(0...2359)
    Column("arr_delay", .integer)
    Column("carrier", .string).required().length(2).references("carrier", of: "airlines.csv")
    Column("flight", .integer).required().min(1)
    Column("tailnum", .string).pattern("[A-Z0-9]{5,6}").references("tailnum", of: "planes.csv", severity: .warning)
    Column("origin", .string).required().oneOf("EWR", "JFK", "LGA").references("faa", of: "airports.csv")
    Column("dest", .string).required().references("faa", of: "airports.csv")
    Column("air_time", .integer).range(1...1440)
    Column("distance", .integer).required().min(1)
    Column("hour", .integer).required().range(0...23)
    Column("minute", .integer).required().range(0...59)
    Column("time_hour", .datetime).required()
    UniqueKey("year", "month", "day", "carrier", "flight", "sched_dep_time", "origin")
    RowCount(1...)
}

let arguments = CommandLine.arguments
guard arguments.count > 3 else {
    print("validation-probe flights FILE DIR [threads]")
    exit(64)
}
let bytes = map(arguments[2])
let options = ValidationOptions(threads: arguments.count > 4 ? Int(arguments[4]) ?? 1 : 1)
let report = try Validator(flights).validate(
    bytes: bytes,
    references: { try ReferenceColumns($0, bytes: map(arguments[3] + "/" + $0.object)) }, options: options)
print(report.text())
