import FunctionRuntime

/// Answers each event with itself: what remains is the price of the way there and back.
@main
struct EchoFunction: LambdaFunction {
    func handle(_ event: Payload, context: LambdaContext) async throws -> Payload { event }
}
