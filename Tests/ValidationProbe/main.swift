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

/// Writes a report as JSON without what differs from run to run.
func show(_ report: ValidationReport) {
    var report = report
    report.seconds = 0
    print(report.jsonString())
}

/// Rules a word at a time, with `;` between: `column NAME TYPE LIMIT`, `unique COLUMNS LIMIT` and `foreign COLUMNS COLUMNS OBJECT
/// LIMIT`, where a limit is a number of rows or a share with a `%`. Nil if they can't be read.
func ruleSet(_ text: String) -> RuleSet? {
    func tolerance(_ word: Substring) -> Tolerance? {
        word.hasSuffix("%") ? Double(word.dropLast()).map { .percent($0) } : Int(word).map { .rows($0) }
    }
    func names(_ word: Substring) -> [String] { word.split(separator: ",").map(String.init) }
    let types: [Substring: ColumnType] = ["integer": .integer, "decimal": .decimal, "date": .date, "string": .string]
    var elements: [any RuleElement] = []
    for rule in text.split(separator: ";") {
        let words = rule.split(separator: " ")
        guard let kind = words.first, let last = words.last, let limit = tolerance(last) else { return nil }
        switch (kind, words.count) {
        case ("column", 4):
            guard let type = types[words[2]] else { return nil }
            elements.append(Column(String(words[1]), type, atMost: limit))
        case ("unique", 3): elements.append(UniqueKey(columns: names(words[1]), atMost: limit))
        case ("foreign", 5):
            let (own, other, object) = (names(words[1]), names(words[2]), String(words[3]))
            guard own.count == other.count else { return nil }
            switch own.count {
            case 1: elements.append(ForeignKey(own[0], references: other[0], of: object, atMost: limit))
            case 2:
                elements.append(
                    ForeignKey(own[0], own[1], references: other[0], other[1], of: object, atMost: limit))
            case 3:
                elements.append(
                    ForeignKey(
                        own[0], own[1], own[2], references: other[0], other[1], other[2], of: object, atMost: limit))
            default: return nil
            }
        default: return nil
        }
    }
    return RuleSet("table") { for element in elements { element } }
}

struct UnreadableRules: Error {}

/// One request: `flights FILE DIR`, `schema FILE SCHEMA`, `rules FILE RULES` or `infer FILE`, with options.
struct Request {
    let arguments: [String]

    func option(_ name: String) -> String? {
        arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
    }

    var options: ValidationOptions {
        ValidationOptions(
            threads: option("--threads").flatMap { Int($0) } ?? 1,
            offenders: option("--offenders").flatMap { Int($0) } ?? 10,
            blockSize: option("--block").flatMap { Int($0) } ?? 1 << 20)
    }

    func run(_ validator: Validator, _ bytes: UnsafeRawBufferPointer) throws -> ValidationReport {
        let references: (Reference) throws -> ReferenceColumns = {
            try ReferenceColumns(
                $0, bytes: $0.object.isEmpty ? bytes : map((option("--references") ?? arguments[2]) + "/" + $0.object))
        }
        guard let chunk = option("--chunk").flatMap({ Int($0) }) else {
            return try validator.validate(bytes: bytes, references: references, options: options)
        }
        var position = 0
        return try validator.validate(
            pull: { buffer in
                let count = min(chunk, buffer.count, bytes.count - position)
                if count > 0, let base = bytes.baseAddress {
                    buffer.copyMemory(from: UnsafeRawBufferPointer(start: base + position, count: count))
                }
                position += count
                return count
            }, references: references, options: options)
    }

    func answer() throws {
        switch arguments[0] {
        case "flights":
            let report = try run(try Validator(flights), map(arguments[1]))
            if arguments.contains("--text") { print(report.text()) } else { show(report) }
        case "schema":
            let format = Format(key: option("--format") ?? arguments[1]) ?? .csv
            let schema = try TableSchema(bytes: map(arguments[2]), name: "table", format: format)
            show(try run(try Validator(schema), map(arguments[1])))
        case "rules":
            guard let rules = ruleSet(arguments[2]) else { throw UnreadableRules() }
            show(try run(try Validator(rules), map(arguments[1])))
        case "infer": print(try SchemaInference.schema(of: map(arguments[1])).replacing("\n", with: " "))
        default: exit(64)
        }
    }
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count > 2 || arguments == ["serve"] else {
    print(
        "validation-probe flights|schema|rules FILE DIR|SCHEMA|RULES [--threads N] [--chunk N] [--block N] [--format KEY] [--text]\n"
            + "validation-probe serve      reads such requests, a line each, with tabs between, and answers on a line each"
    )
    exit(64)
}
func answer(_ request: Request) -> Bool {
    do {
        try request.answer()
        return true
    } catch {
        print("{\"error\":\"\("\(error)".replacing("\"", with: "'"))\"}")
        return false
    }
}
if arguments == ["serve"] {
    while let line = readLine() {
        _ = answer(Request(arguments: line.split(separator: "\t").map(String.init)))
        fflush(nil)
    }
} else if !answer(Request(arguments: arguments)) {
    exit(1)
}
