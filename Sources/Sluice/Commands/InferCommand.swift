import ArgumentParser
import FunctionRuntime
import Glibc
import Validation

/// `sluice infer`: a first schema from data.
struct InferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer",
        abstract: "Write a first Table Schema from a table: types, missing values, enumerations, keys.",
        discussion: """
            Looks at the first --megabytes of the table (16) and says so where there is more; 0 looks at all of it, in memory. \
            Data never say everything: read the schema, tighten or loosen it, and keep it with the pipeline.

              sluice infer flights.csv > flights.schema.json
              sluice infer s3://raw/orders/2026-01.jsonl.gz --output orders.schema.json
              sluice validate flights.csv --schema flights.schema.json
            """)

    @Argument(help: "The table: a path, - for standard input, or s3://BUCKET/KEY in the project's lake.")
    var file: String
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Where to write the schema (default: standard output).", valueName: "file"))
    var output: String?
    @Flag(help: "Replace the output if it exists.")
    var force = false
    @Option(help: ArgumentHelp("How much of the table is looked at; 0 for all.", valueName: "count"))
    var megabytes = 16
    @OptionGroup(title: "How the table is written") var table: TableOptions
    @OptionGroup var project: Project.Options

    func validate() throws {
        guard megabytes >= 0 else { throw ValidationError("--megabytes must not be negative") }
    }

    func run() throws {
        TemporaryFiles.removeWhenStopped()
        if let output, !force, access(output, F_OK) == 0 {
            throw CommandError("\(output) exists; --force replaces it", status: ExitStatus.unusable)
        }
        let input = TableInput(argument: file, lake: project.lake ?? (try? project.find())?.lake)
        let reader = try input.open(table.decoding)
        let schema: String
        do {
            let guessed = try TableOptions.guess(input, reader)
            let format = table.format(over: { guessed }) ?? guessed
            let (bytes, isAll) = try sample(reader, format)
            if !isAll {
                Terminal.error.line(
                    "inferred from the first \(Feed.bytes(Int64(bytes.count))); --megabytes 0 looks at all of it")
            }
            schema = try bytes.withUnsafeBytes { try SchemaInference.schema(of: $0, format: format) }
            try bytes.withUnsafeBytes { try sayWhatFails($0, schema, format) }
        } catch let error as S3Error {
            throw CommandError("\(error)", status: ExitStatus.unreadable)
        } catch let error as CorruptObject {
            throw CommandError("\(error)", status: ExitStatus.unreadable)
        } catch let error as RuleError {
            throw CommandError("\(input.name): \(error.message)", status: ExitStatus.unreadable)
        }
        guard let output else {
            Terminal.output.line(schema)
            return
        }
        do {
            let target = try RowFile(path: output)
            try Array((schema + "\n").utf8).withUnsafeBytes { try target.write($0) }
            try target.finish()
        } catch let failure as FileBytes.Failure {
            throw CommandError("\(output): \(failure)", status: ExitStatus.unusable)
        }
    }

    /// No schema mends a table that is broken in itself, with ragged rows, say: then it is said that it won't pass.
    private func sayWhatFails(_ bytes: UnsafeRawBufferPointer, _ schema: String, _ format: Format) throws {
        let report = try Validator(TableSchema(json: schema, name: file, format: format)).validate(bytes: bytes)
        guard !report.passed, let check = report.checks.first(where: { $0.count > 0 }) else { return }
        let place = check.offenders.first?.row.map { ", first in row \($0)" } ?? ""
        Terminal.error.line("\(file): will not pass by this schema: \(check.name)\(place)")
    }

    /// The beginning of the table, up to the end of a row; all of it where there is no more.
    private func sample(_ reader: ContentReader, _ format: Format) throws -> (bytes: [UInt8], isAll: Bool) {
        guard megabytes > 0 else { return (try reader.readAll(), true) }
        let limit = megabytes * 1_000_000
        var bytes = try reader.peek(limit + 1)
        guard bytes.count > limit else { return (bytes, true) }
        // A row ends where the quotes so far are even.
        let quote = format.dialect.map { $0.quote?.asciiValue } ?? nil
        var isQuoted = false
        var end = 0
        for (index, byte) in bytes.enumerated() {
            if byte == quote { isQuoted.toggle() } else if byte == 0x0a, !isQuoted { end = index + 1 }
        }
        guard end > 0 else {
            throw CommandError(
                "\(file): no row ends within the first \(megabytes) MB; --megabytes takes more",
                status: ExitStatus.unreadable)
        }
        bytes.removeSubrange(end...)
        return (bytes, false)
    }
}
