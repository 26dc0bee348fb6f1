import Glibc
import Validation

// ValidationBench FOLDER [RUNS]: FOLDER holds lineitem.csv and supplier.csv of TPC-H (`tpchgen-cli csv`), and may hold
// flights.csv. Prints one JSON object a measurement; peers.py runs the other engines and joins the tables.

func map(_ path: String) -> UnsafeRawBufferPointer? {
    let file = open(path, O_RDONLY)
    var status = stat()
    guard file >= 0, fstat(file, &status) == 0, status.st_size > 0 else { return nil }
    defer { close(file) }
    guard let base = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, file, 0) else { return nil }
    return UnsafeRawBufferPointer(start: base, count: Int(status.st_size))
}

/// Every type, ranges, enumerations, two comparisons between columns, and a reference; the key by choice.
func lineitem(withKey: Bool) -> RuleSet {
    RuleSet("lineitem") {
        Column("l_orderkey", .integer).required().min(1)
        Column("l_partkey", .integer).required().min(1)
        Column("l_suppkey", .integer).required().references("s_suppkey", of: "supplier.csv")
        Column("l_linenumber", .integer).required().range(1...7)
        Column("l_quantity", .decimal).required().range(1...50)
        Column("l_extendedprice", .decimal).required().above(0)
        Column("l_discount", .decimal).required().min("0.00").max("0.10")
        Column("l_tax", .decimal).required().min("0.00").max("0.08")
        Column("l_returnflag").required().oneOf("A", "N", "R")
        Column("l_linestatus").required().oneOf("F", "O")
        Column("l_shipdate", .date).required().min("1992-01-01").max("1998-12-31")
        Column("l_commitdate", .date).required().min("1992-01-01").max("1998-12-31")
        Column("l_receiptdate", .date).required().min("1992-01-01").max("1998-12-31")
        Column("l_shipinstruct").required().oneOf("COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN")
        Column("l_shipmode").required().oneOf("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")
        Column("l_comment").required().maxLength(44)
        Compare("l_shipdate", .lessThan, "l_receiptdate")
        Compare("l_discount", .lessThan, "l_quantity")
        if withKey { UniqueKey("l_orderkey", "l_linenumber") }
    }
}

let arguments = CommandLine.arguments
guard arguments.count > 1, let data = map(arguments[1] + "/lineitem.csv"),
    let suppliers = map(arguments[1] + "/supplier.csv")
else {
    print("ValidationBench FOLDER [RUNS] [WHAT]: FOLDER holds lineitem.csv and supplier.csv")
    exit(64)
}
let runs = arguments.count > 2 ? Int(arguments[2]) ?? 3 : 3
let only = arguments.count > 3 ? arguments[3] : nil

func peakMegabytes() -> Double {
    // The bytes are read, not mapped, wherever memory is measured: mapped pages would count.
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
}

func measure(_ name: String, _ body: () throws -> Int) rethrows {
    if let only, only != name { return }
    var best: [Double] = []
    var outcome = 0
    for _ in 0..<runs {
        let clock = ContinuousClock()
        let elapsed = try clock.measure { outcome = try body() }
        best.append(Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
    }
    best.sort()
    let median = best[best.count / 2]
    print(
        "{\"what\":\"\(name)\",\"seconds\":\(median),\"gigabytesASecond\":\(Double(data.count) / median / 1e9),"
            + "\"outcome\":\(outcome),\"peakMegabytes\":\(peakMegabytes())}")
}

func sumOfBytes() -> Int {
    var total = 0
    var position = 0
    while position + 64 <= data.count {
        var sums = SIMD8<UInt64>(repeating: 0)
        let end = min(data.count - 63, position + 64 * 4096)
        while position < end {
            sums = sums &+ data.loadUnaligned(fromByteOffset: position, as: SIMD8<UInt64>.self)
            position += 64
        }
        total &+= Int(truncatingIfNeeded: sums.wrappedSum())
    }
    return total & 0xff
}

/// The file by `pread`, so that its pages do not count as the engine's memory.
func pulled(_ rules: RuleSet, _ threads: Int) throws -> Int {
    let file = open(arguments[1] + "/lineitem.csv", O_RDONLY)
    defer { close(file) }
    let report = try Validator(rules).validate(
        pull: { Int(read(file, $0.baseAddress, $0.count)) },
        references: { try ReferenceColumns($0, bytes: suppliers) }, options: ValidationOptions(threads: threads))
    guard report.passed else {
        print(report.text())
        exit(1)
    }
    return report.rows
}

try measure("scan") { try pulled(RuleSet("scan") { RowCount(1...) }, 1) }
try measure("typed 1") { try pulled(lineitem(withKey: false), 1) }
try measure("typed 2") { try pulled(lineitem(withKey: false), 2) }
try measure("typed+key 1") { try pulled(lineitem(withKey: true), 1) }
try measure("typed+key 2") { try pulled(lineitem(withKey: true), 2) }
// Last: its mapped pages count as memory.
measure("sum of bytes") { sumOfBytes() }
