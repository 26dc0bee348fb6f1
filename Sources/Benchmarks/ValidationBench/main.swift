import Glibc
import Validation

// ValidationBench FOLDER [RUNS] [WHAT]: FOLDER holds lineitem.csv and supplier.csv of TPC-H (`tpchgen-cli csv`), flights.csv
// (the year's flights, repeated), airlines.csv and airports.csv. Prints one JSON object a measurement; peers.py measures the
// other engines and joins the tables. WHAT chooses one measurement: it is then a process of its own, and so is its peak memory.

let arguments = CommandLine.arguments
guard arguments.count > 1 else {
    print("ValidationBench FOLDER [RUNS] [WHAT]")
    exit(64)
}
let folder = arguments[1]
let runs = arguments.count > 2 ? Int(arguments[2]) ?? 3 : 3
let only = arguments.count > 3 ? arguments[3] : nil

/// A file's bytes, mapped. Ends the program where there is no such file.
func map(_ name: String) -> UnsafeRawBufferPointer {
    let file = open(folder + "/" + name, O_RDONLY)
    var status = stat()
    guard file >= 0, fstat(file, &status) == 0, status.st_size > 0,
        let base = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, file, 0), base != MAP_FAILED
    else {
        print("\(folder)/\(name) can't be read")
        exit(66)
    }
    close(file)
    return UnsafeRawBufferPointer(start: base, count: Int(status.st_size))
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

func peakMegabytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Int(usage.ru_maxrss) / 1024
}

/// Prints the median of the runs. `body` gives the bytes that it worked on, and an outcome that is compared with the peers'.
func measure(_ name: String, repeats: Int? = nil, _ body: () throws -> (bytes: Int, outcome: String)) rethrows {
    if let only, only != name { return }
    var times: [Double] = []
    var last = (bytes: 0, outcome: "")
    for _ in 0..<(repeats ?? runs) { times.append(seconds(try ContinuousClock().measure { last = try body() })) }
    let median = times.sorted()[times.count / 2]
    let rate = Double(last.bytes) / median / 1e9
    print(
        "{\"what\":\"\(name)\",\"seconds\":\(median),\"gigabytesASecond\":\(rate),\(last.outcome),"
            + "\"peakMegabytes\":\(peakMegabytes())}")
    fflush(nil)
}

/// Validates a file that is read, not mapped, so that its pages do not count as the engine's memory.
func validate(_ rules: RuleSet, _ name: String, threads: Int) throws -> (bytes: Int, outcome: String) {
    let file = open(folder + "/" + name, O_RDONLY)
    defer { close(file) }
    return outcome(
        try Validator(rules).validate(
            pull: { Int(read(file, $0.baseAddress, $0.count)) },
            references: { try ReferenceColumns($0, bytes: map($0.object)) },
            options: ValidationOptions(threads: threads)))
}

func outcome(_ report: ValidationReport) -> (bytes: Int, outcome: String) {
    let broken = report.checks.reduce(0) { $0 + $1.count }
    return (report.bytes, "\"rows\":\(report.rows),\"broken\":\(broken)")
}

try measure("scan lineitem") { try validate(RuleSet("scan") { RowCount(1...) }, "lineitem.csv", threads: 1) }
for threads in 1...2 {
    try measure("lineitem \(threads)") { try validate(lineitem(withKey: false), "lineitem.csv", threads: threads) }
    try measure("lineitem+key \(threads)") { try validate(lineitem(withKey: true), "lineitem.csv", threads: threads) }
    try measure("flights \(threads)") { try validate(flights, "flights.csv", threads: threads) }
}

// From a hundred bytes to ten gigabytes of the same rows: the cost a byte must stay.
for size in [100, 10_000, 1_000_000, 100_000_000, 10_000_000_000] {
    guard only == nil || only == "sweep \(size)" else { continue }
    let source = RepeatedRows(map("lineitem.csv"), bytes: size)
    let references = try lineitem(withKey: false).references { try ReferenceColumns($0, bytes: map($0.object)) }
    let validator = try Validator(lineitem(withKey: false))
    let repeats = size <= 1_000_000 ? 1_000_000 / size * 20 + 1 : 1
    try measure("sweep \(size)", repeats: size <= 1_000_000 ? 3 : 1) {
        var last = (bytes: 0, outcome: "")
        for _ in 0..<repeats {
            var rows = source
            last = outcome(try validator.validate(pull: { rows.fill($0) }, references: { references[$0]! }))
        }
        return (last.bytes * repeats, last.outcome)
    }
}

// A unique key over texts of so many characters: what it adds to the peak memory, beside the keys' own bytes.
for length in [4, 5, 6, 7, 8, 9, 12, 13, 24] {
    for order in ["ascending", "random"] {
        try measure("key \(length) \(order)", repeats: 1) {
            func run(_ rules: RuleSet, _ rows: KeyRows) throws -> (bytes: Int, outcome: String) {
                var rows = rows
                return outcome(try Validator(rules).validate(pull: { rows.fill($0) }))
            }
            let rows = KeyRows(
                count: length == 4 ? 1_500_000 : 8_000_000, length: length, isAscending: order == "ascending")
            _ = try run(RuleSet("keys") { Column("key") }, rows)
            let before = peakMegabytes()
            let last = try run(RuleSet("keys") { Column("key").unique() }, rows)
            let ratio = Double((peakMegabytes() - before) << 20) / Double(rows.count * length)
            return (last.bytes, last.outcome + ",\"memoryOverKeys\":\(ratio)")
        }
    }
}

// Last: its mapped pages count as memory.
measure("sum of bytes") {
    let data = map("lineitem.csv")
    return (data.count, "\"sum\":\(sum(of: data))")
}
