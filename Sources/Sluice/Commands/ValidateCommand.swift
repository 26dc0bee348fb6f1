import ArgumentParser
import Events
import FunctionRuntime
import Glibc
import Validation

/// `sluice validate`: a table against a schema, by hand.
struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check tables by a Table Schema, with the engine that the functions use.",
        discussion: """
            A FILE is a path, - for standard input, or s3://BUCKET/KEY in the project's lake; gzip and Zstandard are undone. The \
            schema is a Table Schema (https://datapackage.org/standard/table-schema/), alone or within a resource \
            descriptor; 'sluice infer' writes a first one. Without --schema it is FILE.schema.json, or schema.json in the \
            file's folder, as for the function validate-table.

              sluice validate flights.csv --schema flights.schema.json
              sluice validate day-*.csv.gz --json | jq .passed
              sluice validate orders.csv --quarantine rejected.csv --accepted good.csv
              zcat big.gz | sluice validate - --schema s.json --format tsv

            The exit code is 0 if every file passed, 1 if one is held back, and 2 if one, or its schema, can't be read.
            """)

    @Argument(help: "The tables.")
    var files: [String]
    @Option(help: ArgumentHelp("The Table Schema: a path or s3://BUCKET/KEY.", valueName: "file"))
    var schema: String?
    @Option(
        help: ArgumentHelp(
            "Write the rejected rows here, with the same header; .gz and .zst are compressed.", valueName: "file"))
    var quarantine: String?
    @Option(help: ArgumentHelp("Write the other rows here, with the same header.", valueName: "file"))
    var accepted: String?
    @Option(
        name: .customLong("references"),
        help: ArgumentHelp(
            "Where tables lie that the schema refers to (default: the file's folder, then reference/ in its bucket).",
            valueName: "folder"))
    var referenceFolder: String?
    @Option(help: ArgumentHelp("How many rows are shown for each rule.", valueName: "count"))
    var offenders = 10
    @Option(help: ArgumentHelp("1 or 2 (default: as many as there are processors, up to 2).", valueName: "count"))
    var threads = 0
    @OptionGroup(title: "How the tables are written") var table: TableOptions
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0...2).contains(threads) else { throw ValidationError("--threads takes 1 or 2") }
        guard offenders >= 0 else { throw ValidationError("--offenders must not be negative") }
        guard files.count == 1 || (quarantine == nil && accepted == nil) else {
            throw ValidationError("--quarantine and --accepted take the rows of one file; give one at a time")
        }
        if files.count(where: { $0 == "-" }) > 1 { throw ValidationError("standard input can be read once") }
        if files.contains("-"), schema == nil { throw ValidationError("standard input needs --schema") }
        if let quarantine, let accepted, Project.absolute(quarantine) == Project.absolute(accepted) {
            throw ValidationError("--quarantine and --accepted are the same file: one would overwrite the other")
        }
        for target in [quarantine, accepted] where target == "-" && (output.json || files.isEmpty) {
            throw ValidationError("rows and a report can't both go to standard output")
        }
    }

    func run() throws {
        TemporaryFiles.removeWhenStopped()
        // A project is needed only for s3:// and may be missing otherwise.
        let lake = project.lake ?? (try? project.find())?.lake
        try refuseOverwriting(lake)
        var reports: [(file: String, report: ValidationReport)] = []
        var failures: [(file: String, error: CommandError)] = []
        for file in files {
            do {
                let report = try TableCheck(TableInput(argument: file, lake: lake), self).run()
                reports.append((file, report))
                // Rows on standard output: the report goes where people look.
                let terminal = quarantine == "-" || accepted == "-" ? Terminal.error : Terminal.output
                if !output.json { terminal.line(report.painted(on: terminal)) }
            } catch let error as CommandError where files.count > 1 {
                failures.append((file, error))
                Terminal.error.line("error: \(error)")
            }
        }
        if output.json { try printJSON(reports, failures) }
        if files.count > 1, !output.json {
            let passed = reports.count { $0.report.passed }
            let rows = reports.reduce(0) { $0 + $1.report.rows }
            let rejected = reports.reduce(0) { $0 + $1.report.rejected }
            Terminal.output.line(
                "\(files.count) files: \(passed) passed, \(reports.count - passed) held back"
                    + (failures.isEmpty ? "" : ", \(failures.count) can't be read")
                    + "; \(rows) rows, \(rejected) rejected")
        }
        if !failures.isEmpty { throw ExitStatus.unreadable }
        if reports.contains(where: { !$0.report.passed }) { throw ExitStatus.failed }
    }

    /// Rows are moved into place over what was there: that must not be what they were read from.
    private func refuseOverwriting(_ lake: String?) throws {
        func identity(_ path: String) -> [UInt64]? {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            return [UInt64(status.st_dev), UInt64(status.st_ino)]
        }
        let schemas =
            schema.map { [$0] }
            ?? files.flatMap { TableInput(argument: $0, lake: lake).schemaPlaces.map(\.argument) }
        let read = (files + schemas).map { name in
            name.hasPrefix("s3://") ? (lake ?? "") + "/" + name.dropFirst(5) : name
        }
        for target in [quarantine, accepted].compactMap(\.self) where target != "-" {
            guard let own = identity(target), let same = read.first(where: { identity($0) == own }) else { continue }
            throw CommandError(
                "\(target) is \(same), which is read: write the rows elsewhere", status: ExitStatus.unusable)
        }
    }

    /// One file's report as it is documented; of several an array, each with its file, those that can't be read with why.
    private func printJSON(
        _ reports: [(file: String, report: ValidationReport)], _ failures: [(file: String, error: CommandError)]
    ) throws {
        guard files.count > 1 else {
            for (_, report) in reports { Terminal.output.line(try JSON(parsing: report.jsonString()).pretty) }
            return
        }
        var all: [JSON] = try reports.map { file, report in
            var json = try JSON(parsing: report.jsonString())
            json["file"] = .string(file)
            return json
        }
        all += failures.map { ["file": .string($0.file), "error": .string($0.error.description)] }
        Terminal.output.line(JSON.array(all).pretty)
    }
}

extension ValidationReport {
    /// The report's text with its verdict and marks in colour, where that is welcome.
    func painted(on terminal: Terminal) -> String {
        text().split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { number, line in
            let line = String(line).printable
            if number == 0 { return terminal.paint(line, passed ? .green : .red) }
            if line.hasPrefix("  error:") { return terminal.paint(line, .red) }
            if line.hasPrefix("  warning:") || line.hasPrefix("  tolerated:") { return terminal.paint(line, .yellow) }
            return line
        }.joined(separator: "\n")
    }
}
