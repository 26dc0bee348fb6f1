import Events
import FunctionRuntime
import ValidationGate

/// The gate in front of the flights' ETL job: reads each file that landed and answers with a report.
///
/// The rules are in FlightRules.swift. ``GateSettings`` has what the template may set.
@main
struct ValidateFlights: LambdaFunction {
    private let gate: Gate

    init() async throws { gate = try Gate(flightRules) }

    func handle(_ event: S3Event, context: LambdaContext) async throws -> JSON {
        try gate.handle(event, context)
    }
}
