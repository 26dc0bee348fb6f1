import Events
import FunctionRuntime
import Validation

/// A gate that needs no code: validates each file that lands by a Table Schema.
///
/// Its settings, all from the environment:
/// - `SCHEMA`: the schema, `s3://bucket/key`. Without it, `<key>.schema.json` beside the object, or else `schema.json` in the
///   object's folder.
/// - `REFERENCE_PREFIX`: where the resources of foreign keys lie, `s3://bucket/prefix/`; by default the object's folder.
/// - `REPORT_BUCKET`: stores the report there as `<key>.validation.json`.
/// - `QUARANTINE_BUCKET`: stores the rejected rows there under the object's key, with its header.
///
/// A mistake in the schema is an error, with its line; bad data is an answer.
@main
struct ValidateTable: LambdaFunction {
    private let references = ReferenceCache()

    init() async throws {}

    func handle(_ event: S3Event, context: LambdaContext) async throws -> JSON {
        let reports = try event.records.filter {
            $0.eventName.hasPrefix("ObjectCreated:") && !$0.s3.object.urlDecodedKey.hasSuffix("schema.json")
        }.map { try validate($0, context) }
        if reports.count == 1 { return reports[0] }
        if reports.isEmpty { return ["message": "the event is about no new table"] }
        return ["passed": JSON(reports.allSatisfy { $0["passed"] == true }), "reports": .array(reports)]
    }

    private func validate(_ record: S3Event.Record, _ context: LambdaContext) throws -> JSON {
        let object = try S3Object.open(record)
        let folder = object.uri.prefix(through: object.uri.lastIndex(of: "/") ?? object.uri.startIndex)
        let validator = try Validator(schema(of: object, folder: String(folder)))
        let prefix = FunctionEnvironment["REFERENCE_PREFIX"] ?? String(folder)
        var quarantine = Quarantine(FunctionEnvironment["QUARANTINE_BUCKET"])
        var answer: JSON
        do {
            let report = try validator.validate(
                pull: object.read,
                references: { wanted in
                    // A foreign key without a resource refers to the table itself.
                    let uri = wanted.object.isEmpty ? object.uri : prefix + wanted.object
                    let table = try S3Object.open(uri: uri)
                    return try references.columns(wanted, version: "\(uri) \(table.version)") { table.read }
                },
                quarantine: quarantine.isOn ? { quarantine.add($0) } : nil)
            context.log(report.text())
            answer = try JSON(parsing: report.jsonString())
            if report.rejected > 0, let stored = try quarantine.store(object) { answer["quarantine"] = stored }
        } catch let corrupt as CorruptObject where corrupt.uri == object.uri {
            context.log("held back. \(corrupt)")
            answer = ["passed": false, "rows": 0, "rejected": 0, "message": .string("\(corrupt)")]
        }
        answer["object"] = .compact([
            "bucket": .string(object.bucket), "key": .string(object.key), "uri": .string(object.uri),
            "sequencer": record.s3.object.sequencer.map { .string($0) },
        ])
        let passed = answer["passed"] == true
        context.metrics(
            "Sluice/Validation",
            [
                "rows": answer["rows"]?.double ?? 0, "rowsRejected": answer["rejected"]?.double ?? 0,
                "passed": passed ? 1 : 0, "failed": passed ? 0 : 1,
            ], properties: ["uri": .string(object.uri)])
        if let bucket = FunctionEnvironment["REPORT_BUCKET"] {
            try S3Object.put(bucket: bucket, key: "\(object.key).validation.json", bytes: answer.serialized())
        }
        return answer
    }

    private func schema(of object: S3Object, folder: String) throws -> TableSchema {
        let places =
            FunctionEnvironment["SCHEMA"].map { [$0] } ?? ["\(object.uri).schema.json", "\(folder)schema.json"]
        for place in places {
            let bytes: [UInt8]
            do { bytes = try S3Object.open(uri: place).readAll() } catch S3Error.noSuchKey { continue }
            do {
                return try bytes.withUnsafeBytes {
                    try TableSchema(bytes: $0, name: object.key, format: Format(key: object.key) ?? .csv)
                }
            } catch let error as RuleError {
                throw SchemaFault(place: place, error: error)
            }
        }
        throw SchemaFault(place: places.joined(separator: " and "), error: nil)
    }
}

/// A schema that is missing or wrong.
struct SchemaFault: Error, CustomStringConvertible {
    let place: String
    let error: RuleError?

    var description: String {
        guard let error else { return "no schema at \(place); set SCHEMA, or store one there" }
        return "\(place)\(error.line.map { ":\($0)" } ?? ""): \(error.message)"
    }
}

/// The rejected rows, up to a size that a function can hold.
struct Quarantine {
    private static let limit = 64 << 20

    private let bucket: String?
    private var bytes: [UInt8] = []
    private var isCut = false

    init(_ bucket: String?) { self.bucket = bucket }

    var isOn: Bool { bucket != nil }

    mutating func add(_ row: UnsafeRawBufferPointer) {
        if isCut || bytes.count + row.count > Self.limit {
            isCut = true
        } else {
            bytes.append(contentsOf: row)
        }
    }

    /// Where they are stored, and whether all of them.
    func store(_ object: S3Object) throws -> JSON? {
        guard let bucket else { return nil }
        try S3Object.put(bucket: bucket, key: Self.key(object.key), bytes: bytes)
        return ["uri": .string("s3://\(bucket)/\(Self.key(object.key))"), "complete": JSON(!isCut)]
    }

    /// The rows are stored as they were read: without compression.
    private static func key(_ key: String) -> String {
        for suffix in [".gz", ".zst"] where key.hasSuffix(suffix) { return String(key.dropLast(suffix.count)) }
        return key
    }
}
