import FunctionRuntime
import Validation

/// Where the schema of a table comes from.
///
/// `SCHEMA`, if it is set, is the only place: the schema itself (its text begins with `{`), `s3://bucket/key`, or a file in
/// the function's own folder. Nobody who may store an object can then change what is asked of it.
///
/// Without it: `<key>.schema.json` beside the object, or else the nearest `schema.json`, in the object's own folder or in one
/// above, up to the bucket's root.
enum SchemaSource {
    case fixed(bytes: [UInt8], place: String)
    case object(uri: String)
    case beside

    /// Throws ``SchemaFault`` for a schema that can be read now and has a mistake, or for a file that can't be read.
    init(environment: (String) -> String?) throws {
        guard let value = environment("SCHEMA") else {
            self = .beside
            return
        }
        if value.drop(while: \.isWhitespace).first == "{" {
            self = .fixed(bytes: Array(value.utf8), place: "SCHEMA")
        } else if value.hasPrefix("s3://") {
            self = .object(uri: value)
            return
        } else {
            let root = environment("LAMBDA_TASK_ROOT") ?? "."
            let path = value.hasPrefix("/") ? value : "\(root)/\(value)"
            do { self = .fixed(bytes: try ContentReader(path: path).readAll(), place: path) } catch {
                throw SchemaFault(description: "SCHEMA names a file that can't be read: \(error)")
            }
        }
        if case .fixed(let bytes, let place) = self { _ = try Self.rules(bytes, place, name: "table", .csv) }
    }

    /// Whether an object is a schema and no table.
    static func isSchema(_ key: String) -> Bool {
        key.hasSuffix(".schema.json") || key == "schema.json" || key.hasSuffix("/schema.json")
    }

    /// The rules for an object. Throws ``SchemaFault``.
    func rules(for object: S3Object) throws -> RuleSet {
        let format = try Format(key: object.key) ?? object.peek(64 << 10).withUnsafeBytes(SchemaInference.guess)
        switch self {
        case .fixed(let bytes, let place): return try Self.rules(bytes, place, name: object.key, format)
        case .object(let uri):
            do { return try Self.rules(S3Object.open(uri: uri).readAll(), uri, name: object.key, format) } catch S3Error
                .noSuchKey
            { throw SchemaFault(description: "SCHEMA is \(uri), and there is no such object") }
        case .beside:
            let places = Self.places(beside: object)
            for place in places {
                let bytes: [UInt8]
                do { bytes = try S3Object.open(uri: place).readAll() } catch S3Error.noSuchKey { continue }
                return try Self.rules(bytes, place, name: object.key, format)
            }
            throw SchemaFault(
                description: "no schema for \(object.uri): there is neither \(places.joined(separator: ", nor ")). "
                    + "Store one there, or set SCHEMA. 'sluice infer' writes a first one")
        }
    }

    /// `raw/a/b.csv` → `raw/a/b.csv.schema.json`, `raw/a/schema.json`, `raw/schema.json`.
    static func places(beside object: S3Object) -> [String] {
        var places = ["\(object.uri).schema.json"]
        var folders = object.key.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        while true {
            places.append("s3://\(object.bucket)/" + (folders + ["schema.json"]).joined(separator: "/"))
            if folders.isEmpty { return places }
            folders.removeLast()
        }
    }

    private static func rules(_ bytes: [UInt8], _ place: String, name: String, _ format: Format) throws -> RuleSet {
        do {
            let schema = try bytes.withUnsafeBytes { try TableSchema(bytes: $0, name: name, format: format) }
            // Rules that contradict each other are the schema's mistake as well.
            _ = try Validator(schema)
            return schema.rules
        } catch let error as RuleError {
            throw SchemaFault(description: "\(place)\(error.line.map { ":\($0)" } ?? ""): \(error.message)")
        }
    }
}

/// A schema that is missing or wrong: a mistake of whoever set the gate up, so an error and no answer.
struct SchemaFault: Error, CustomStringConvertible {
    let description: String
}
