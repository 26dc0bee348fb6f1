import FunctionRuntime
import Glibc
import Validation

/// One table by one schema.
struct TableCheck {
    private let input: TableInput
    private let options: ValidateCommand

    init(_ input: TableInput, _ options: ValidateCommand) {
        self.input = input
        self.options = options
    }

    /// Throws ``CommandError`` with ``ExitStatus/unreadable`` where the table, its schema, or what it refers to can't be read.
    func run() throws -> ValidationReport {
        let reader = try input.open(options.table.decoding)
        do {
            return try judge(reader, rules(reader))
        } catch let corrupt as CorruptObject where corrupt.uri == reader.name {
            return .unreadable(input.name, reason: "\(corrupt)")
        } catch let corrupt as CorruptObject {
            throw CommandError("\(corrupt)", status: ExitStatus.unreadable)
        } catch let error as S3Error {
            throw CommandError("\(error)", status: ExitStatus.unreadable)
        } catch let error as RuleError {
            throw CommandError(
                "\(input.name): \(error.line.map { "the schema's line \($0): " } ?? "")\(error.message)",
                status: ExitStatus.unreadable)
        } catch let failure as RowFailure {
            throw CommandError("\(failure.path): \(failure.cause)", status: ExitStatus.unreadable)
        }
    }

    private struct RowFailure: Error {
        let path: String
        let cause: any Error
    }

    private func judge(_ reader: ContentReader, _ rules: RuleSet) throws -> ValidationReport {
        let quarantine = try rowFile(options.quarantine)
        let accepted = try rowFile(options.accepted)
        var bar = ProgressBar(input.lastName, total: reader.size)
        defer { bar.close() }
        func sink(_ file: RowFile?) -> ((UnsafeRawBufferPointer) throws -> Void)? {
            file.map { file in
                { bytes in do { try file.write(bytes) } catch { throw RowFailure(path: file.path, cause: error) } }
            }
        }
        var report = try Validator(rules).validate(
            pull: { try reader.read(into: $0) }, references: { try reference($0, rules.format) },
            options: ValidationOptions(
                threads: options.threads > 0 ? options.threads : min(2, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
                // One at least says whether a rule is about rows.
                offenders: max(1, options.offenders)),
            quarantine: sink(quarantine), accepted: sink(accepted), progress: { _ in bar.show(reader.storedBytesRead) })
        for file in [quarantine, report.failsOnlyByRows ? accepted : nil] {
            do { try file?.finish() } catch { throw RowFailure(path: file?.path ?? "", cause: error) }
        }
        if let accepted, !report.failsOnlyByRows {
            SluiceCommand.say(
                "\(accepted.path) is not written: the file as a whole is at fault, so no row is known to be good")
        }
        if options.offenders == 0 { for index in report.checks.indices { report.checks[index].offenders = [] } }
        return report
    }

    private func rowFile(_ path: String?) throws -> RowFile? {
        do { return try path.map(RowFile.init(path:)) } catch { throw RowFailure(path: path ?? "", cause: error) }
    }

    // MARK: - The schema

    private func rules(_ reader: ContentReader) throws -> RuleSet {
        let place = try schemaPlace()
        let bytes: [UInt8]
        do { bytes = try place.open(.none).readAll() } catch let error as S3Error {
            throw CommandError("\(error)", status: ExitStatus.unreadable)
        }
        let known = try TableOptions.guess(input, reader)
        do {
            var rules = try bytes.withUnsafeBytes {
                try TableSchema(bytes: $0, name: input.isStandardInput ? input.name : input.lastName, format: known)
                    .rules
            }
            if let format = options.table.format(over: { rules.format }) { rules.format = format }
            _ = try Validator(rules)
            return rules
        } catch let error as RuleError {
            throw CommandError(
                "\(place.name)\(error.line.map { ":\($0)" } ?? ""): \(error.message)", status: ExitStatus.unreadable)
        }
    }

    private func schemaPlace() throws -> TableInput {
        if let schema = options.schema { return input.sibling(schema) }
        let places = input.schemaPlaces
        if let place = places.first(where: \.exists) { return place }
        throw CommandError(
            "\(input.name): no schema; there is neither \(places.map(\.name).joined(separator: ", nor ")). Name one with "
                + "--schema, or let 'sluice infer \(input.name)' write a first one.",
            status: ExitStatus.unreadable)
    }

    // MARK: - Other tables

    private func reference(_ wanted: Reference, _ format: Format) throws -> ReferenceColumns {
        if wanted.object.isEmpty {
            guard !input.isStandardInput else {
                throw CommandError(
                    "a foreign key refers to the table itself, which has to be read twice; standard input can't be",
                    status: ExitStatus.unreadable)
            }
            let again = try input.open(options.table.decoding)
            return try ReferenceColumns(wanted, format: format) { try again.read(into: $0) }
        }
        let folders = options.referenceFolder.map { [$0.hasSuffix("/") ? $0 : $0 + "/"] } ?? [input.folder] + shared
        let isWhole = wanted.object.hasPrefix("s3://")
        guard isWhole || !wanted.object.hasPrefix("/") && !wanted.object.split(separator: "/").contains("..") else {
            throw CommandError(
                "\(place(wanted))the schema refers to \(wanted.object), which is a path; name the table alone, and its folder with --references",
                status: ExitStatus.unreadable)
        }
        let names = isWhole ? [wanted.object] : folders.flatMap { folder in wanted.objectNames.map { folder + $0 } }
        for name in names.map(input.sibling) where name.exists {
            let table = try name.open()
            let format = try Format.ofReference(key: name.argument, beginning: table.peek(64 << 10))
            return try ReferenceColumns(wanted, format: format) { try table.read(into: $0) }
        }
        throw CommandError(
            "\(place(wanted))the schema refers to \(wanted.object), and there is neither \(names.joined(separator: ", nor ")); "
                + "--references names another folder",
            status: ExitStatus.unreadable)
    }

    private func place(_ wanted: Reference) -> String { wanted.line.map { "the schema's line \($0): " } ?? "" }

    /// `reference/` in the object's bucket, where functions look too.
    private var shared: [String] {
        guard input.isObject else { return [] }
        let parts = input.argument.split(separator: "/", maxSplits: 3)
        return parts.count > 1 ? ["s3://\(parts[1])/reference/"] : []
    }
}
