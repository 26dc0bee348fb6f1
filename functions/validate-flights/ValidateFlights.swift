import Events
import FunctionRuntime
import Validation

/// The gate in front of the flights' ETL job: reads each file that landed and answers with a report.
///
/// A file that breaks a rule is an answer, `passed: false`. An error is only what a later try may mend: an object that is
/// gone, a reference table that is missing.
@main
struct ValidateFlights: LambdaFunction {
    private let validator: Validator
    /// Airlines and airports, read anew only when their objects change.
    private let references = ReferenceCache()

    init() async throws {
        validator = try Validator(flightRules)
    }

    func handle(_ event: S3Event, context: LambdaContext) async throws -> JSON {
        let reports = try event.records.filter { $0.eventName.hasPrefix("ObjectCreated:") }
            .map { try validate($0, context) }
        // S3 sends one record an event; the reader of an answer to several finds each under `reports`.
        if reports.count == 1 { return reports[0] }
        if reports.isEmpty { return ["message": "the event is about no new object"] }
        return ["passed": JSON(reports.allSatisfy { $0["passed"] == true }), "reports": .array(reports)]
    }

    private func validate(_ record: S3Event.Record, _ context: LambdaContext) throws -> JSON {
        let object = try S3Object.open(record)
        var answer: JSON
        do {
            let report = try validator.validate(
                pull: object.read,
                references: { wanted in
                    let table = try S3Object.open(uri: Setting.referencePrefix(of: object) + wanted.object)
                    return try references.columns(wanted, version: table.version) { table.read }
                })
            context.log(report.text())
            answer = try JSON(parsing: report.jsonString())
        } catch let corrupt as CorruptObject where corrupt.uri == object.uri {
            context.log("held back. \(corrupt)")
            answer = unreadable(corrupt)
        }
        answer["object"] = .compact([
            "bucket": .string(object.bucket), "key": .string(object.key), "uri": .string(object.uri),
            "sequencer": record.s3.object.sequencer.map { .string($0) },
        ])
        measure(answer, object, context)
        if let bucket = Setting.reportBucket {
            try S3Object.put(bucket: bucket, key: "\(object.key).validation.json", bytes: answer.serialized())
        }
        return answer
    }

    /// The report on a file that is cut off or damaged: no later try makes it better.
    private func unreadable(_ corrupt: CorruptObject) -> JSON {
        [
            "passed": false, "table": .string(flightRules.name), "rows": 0, "rejected": 0,
            "checks": [
                [
                    "rule": "readable", "name": "the file can be decompressed", "columns": [], "severity": "error",
                    "count": 1, "passed": false, "found": .string("\(corrupt)"), "offenders": [],
                ]
            ],
        ]
    }

    private func measure(_ answer: JSON, _ object: S3Object, _ context: LambdaContext) {
        let passed = answer["passed"] == true
        context.metrics(
            "Sluice/Validation",
            [
                "rows": answer["rows"]?.double ?? 0, "rowsRejected": answer["rejected"]?.double ?? 0,
                "passed": passed ? 1 : 0, "failed": passed ? 0 : 1,
            ], properties: ["uri": .string(object.uri)])
    }
}
