import Events
import FunctionRuntime
import Validation

/// The tables that rules refer to: found by name, read once, and read again only when their object is another.
struct ReferenceTables: Sendable {
    private let prefix: String?
    private let cache = ReferenceCache()

    init(prefix: String?) { self.prefix = prefix }

    func columns(
        _ wanted: Reference, for object: S3Object, _ record: S3Event.Record, _ format: Format,
        _ context: LambdaContext
    ) throws -> ReferenceColumns {
        // A foreign key without a resource refers to the table itself.
        if wanted.object.isEmpty {
            return try ReferenceColumns(wanted, format: format, pull: S3Object.open(record).read)
        }
        let names = wanted.object.hasPrefix("s3://") ? [wanted.object] : wanted.objectNames
        let places = wanted.object.hasPrefix("s3://") ? [""] : prefix.map { [$0] } ?? Self.places(beside: object)
        for place in places {
            for name in names {
                let table: S3Object
                do { table = try S3Object.open(uri: place + name) } catch S3Error.noSuchKey { continue }
                return try cache.columns(
                    wanted, version: "\(table.uri) \(table.version)",
                    format: Format.ofReference(key: name, beginning: table.peek(64 << 10))
                ) {
                    context.log("reads \(wanted.columns.joined(separator: ", ")) of \(table.uri)")
                    return table.read
                }
            }
        }
        throw MissingReference(object: wanted.object, line: wanted.line, places: places, names: names)
    }

    /// The object's folder, then `reference/` in its bucket.
    private static func places(beside object: S3Object) -> [String] {
        let folder = object.uri.lastIndex(of: "/").map { String(object.uri[...$0]) } ?? ""
        let shared = "s3://\(object.bucket)/reference/"
        return folder == shared ? [folder] : [folder, shared]
    }
}

/// A table that rules refer to is in none of the places where it was looked for.
struct MissingReference: Error, CustomStringConvertible {
    let object: String
    /// Of the schema.
    let line: Int?
    let places: [String]
    let names: [String]

    var description: String {
        let where_ = places.filter { !$0.isEmpty }.joined(separator: " or ")
        let others = names.count > 1 ? " (nor as \(names.dropFirst().joined(separator: ", ")))" : ""
        let place = line.map { "the schema's line \($0): " } ?? ""
        return place
            + "a rule refers to \(object), which is not in \(where_.isEmpty ? "its bucket" : where_)\(others); "
            + "store it there, or set REFERENCE_PREFIX"
    }
}
