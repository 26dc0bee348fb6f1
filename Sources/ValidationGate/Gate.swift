public import Events
public import FunctionRuntime
public import Validation

/// What a validation function does with an event: reads each object that landed, judges it by rules, answers with the report,
/// and leaves the report and the rows where the environment asks for them.
///
/// ```swift
/// @main
/// struct ValidateFlights: LambdaFunction {
///     private let gate: Gate
///
///     init() async throws { gate = try Gate(flightRules) }
///
///     func handle(_ event: S3Event, context: LambdaContext) async throws -> JSON {
///         try gate.handle(event, context)
///     }
/// }
/// ```
///
/// A file that breaks a rule, or can't be read as what its name says, is an answer, `passed: false`. An error is only what
/// is no fault of the data: an object that is gone or changed meanwhile, a reference table that is missing, a schema with a
/// mistake. ``GateSettings`` has what can be set.
public struct Gate: Sendable {
    private let settings: GateSettings
    private let references: ReferenceTables
    private let rules: @Sendable (S3Object) throws -> (validator: Validator, name: String, format: Format)?

    /// Judges every object by the same rules. Throws ``RuleError`` for rules that contradict themselves, and ``SettingError``.
    public init(_ rules: RuleSet, settings: GateSettings? = nil) throws {
        let validator = try Validator(rules)
        try self.init(settings) { _ in (validator, rules.name, rules.format) }
    }

    /// Judges each object by the rules that the closure gives for it; nil passes the object over. Throws ``SettingError``.
    public init(settings: GateSettings? = nil, rules: @escaping @Sendable (S3Object) throws -> RuleSet?) throws {
        try self.init(settings) { object in
            guard let rules = try rules(object) else { return nil }
            return (try Validator(rules), rules.name, rules.format)
        }
    }

    private init(
        _ settings: GateSettings?, _ rules: @escaping @Sendable (S3Object) throws -> (Validator, String, Format)?
    ) throws {
        let settings = try settings ?? GateSettings()
        self.settings = settings
        self.rules = rules
        references = ReferenceTables(prefix: settings.references)
    }

    /// The answer to an event. S3 sends one record an event, whose report this is; a reader of the answer to several finds
    /// each under `reports`, and `passed` above them.
    public func handle(_ event: S3Event, _ context: LambdaContext) throws -> JSON {
        let reports = try event.records.filter { $0.eventName.hasPrefix("ObjectCreated:") }
            .compactMap { try validate($0, context) }
        if reports.count == 1 { return reports[0].fitted() }
        if reports.isEmpty { return ["message": "the event is about no new table"] }
        let passed = reports.allSatisfy { $0["passed"] == true }
        return ["passed": JSON(passed), "reports": .array(reports.map { $0.fitted(sharedBy: reports.count) })]
    }

    /// The whole report on one object; nil for one that is passed over: what this function has written itself.
    public func validate(_ record: S3Event.Record, _ context: LambdaContext) throws -> JSON? {
        let (bucket, key) = (record.s3.bucket.name, record.s3.object.urlDecodedKey)
        if settings.isOwnWriting(bucket: bucket, key: key) {
            context.log("s3://\(bucket)/\(key) is passed over: a validation function wrote it")
            return nil
        }
        try settings.check(bucket: bucket, key: key)
        let object = try S3Object.open(record, decoding: .strict)
        let report: ValidationReport
        let copies = try RowCopies(settings, object)
        var name = object.key
        do {
            guard let (validator, table, format) = try rules(object) else { return nil }
            name = table
            report = try validator.validate(
                pull: object.read,
                references: { try references.columns($0, for: object, record, format, context) },
                quarantine: copies.quarantine, accepted: copies.accepted)
        } catch let corrupt as CorruptObject where corrupt.uri == object.uri {
            // No later try makes it better.
            return try finish(.unreadable(name, reason: "\(corrupt)"), object, record, copies, context)
        }
        return try finish(report, object, record, copies, context)
    }

    private func finish(
        _ report: ValidationReport, _ object: S3Object, _ record: S3Event.Record, _ copies: RowCopies,
        _ context: LambdaContext
    ) throws -> JSON {
        context.log(report.text())
        var written = try copies.finish(report)
        let place = settings.report.map { (bucket: $0.bucket, key: $0.key(for: object.key) + ".validation.json") }
        if let place { written["report"] = .string("s3://\(place.bucket)/\(place.key)") }
        var answer = try JSON(parsing: report.jsonString())
        answer["object"] = .compact([
            "bucket": .string(object.bucket), "key": .string(object.key), "uri": .string(object.uri),
            "sequencer": record.s3.object.sequencer.map { .string($0) },
        ])
        if !written.isEmpty { answer["written"] = .object(written) }
        context.metrics(
            "Sluice/Validation",
            [
                "rows": Double(report.rows), "rowsRejected": Double(report.rejected), "passed": report.passed ? 1 : 0,
                "failed": report.passed ? 0 : 1,
            ], properties: ["uri": .string(object.uri)])
        if let place { try S3Object.put(bucket: place.bucket, key: place.key, bytes: answer.serialized()) }
        return answer
    }
}
