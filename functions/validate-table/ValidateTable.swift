import Events
import FunctionRuntime
import ValidationGate

/// A gate that needs no code: validates each file that lands by a Table Schema.
///
/// `SCHEMA` says where the schema is, see ``SchemaSource``; ``GateSettings`` has what else the template may set. A mistake in
/// the schema is an error, with its line; bad data is an answer.
@main
struct ValidateTable: LambdaFunction {
    private let gate: Gate

    init() async throws { try self.init(environment: { FunctionEnvironment[$0] }) }

    init(environment: (String) -> String?) throws {
        let schemas = try SchemaSource(environment: environment)
        gate = try Gate(settings: GateSettings(environment: environment)) { object in
            SchemaSource.isSchema(object.key) ? nil : try schemas.rules(for: object)
        }
    }

    func handle(_ event: S3Event, context: LambdaContext) async throws -> JSON {
        try gate.handle(event, context)
    }
}
