import CFunctionRuntime
import Events
import Glibc

/// The life of an execution environment, seen from inside: init, then one event after another.
enum LambdaRuntime {
    static func run<Function: LambdaFunction>(_: Function.Type) async -> Never {
        guard let address = FunctionEnvironment["AWS_LAMBDA_RUNTIME_API"] else { explain(Function.self) }
        // What a handler prints goes to a pipe, which C would buffer by the block.
        function_runtime_line_buffer_stdout()
        do {
            let api = try RuntimeAPI(address: address)
            try await serve(Function.self, api)
        } catch {
            complain("the Runtime API at \(address): \(error)")
            exit(EXIT_FAILURE)
        }
    }

    /// Init, then: next → handle → response or error.
    static func serve<Function: LambdaFunction>(_: Function.Type, _ api: RuntimeAPI) async throws -> Never {
        let function: Function
        do {
            function = try await Function()
        } catch {
            try api.reportInitError(FunctionError(error))
            exit(EXIT_FAILURE)
        }
        while true {
            let invocation = try api.next()
            do {
                let event = try decode(invocation.payload, for: Function.self)
                let output = try await function.handle(event, context: LambdaContext(invocation))
                try respond(api, to: invocation, with: Function.encode(output))
            } catch let failure as RuntimeAPI.Failure {
                throw failure
            } catch {
                try api.reportError(FunctionError(error), of: invocation.requestID)
            }
            fflush(nil)
        }
    }

    private static func decode<Function: LambdaFunction>(_ payload: [UInt8], for _: Function.Type) throws
        -> Function.Event
    {
        do { return try Function.decode(payload) } catch { throw InvalidEvent(type: "\(Function.Event.self)", error) }
    }

    private static func respond(_ api: RuntimeAPI, to invocation: RuntimeAPI.Invocation, with payload: [UInt8]) throws {
        guard case .tooLarge = try api.respond(to: invocation.requestID, with: payload) else { return }
        let tooLarge = FunctionError(
            errorType: "Function.ResponseSizeTooLarge",
            errorMessage: "the response has \(payload.count) bytes, more than Lambda takes")
        try api.reportError(tooLarge, of: invocation.requestID)
    }

    /// Started by hand: says what this is, and how to run it.
    private static func explain<Function: LambdaFunction>(_: Function.Type) -> Never {
        complain(
            """
            This is the Lambda function \(Function.self). It is started by Lambda, which sets AWS_LAMBDA_RUNTIME_API.
            To run it here:  sluice invoke NAME --event events/EVENT.json    (NAME as in functions/template.yaml)
            """)
        exit(EX_USAGE)
    }

    private static func complain(_ message: String) {
        let line = Array((message + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}

/// The event was not what the function's handler takes.
struct InvalidEvent: Error, CustomStringConvertible {
    let type: String
    let cause: String

    init(type: String, _ error: any Error) {
        self.type = type
        cause = String(describing: error)
    }

    var description: String { "the event is no \(type): \(cause)" }
}

/// An error as the Runtime API takes it.
struct FunctionError: Sendable, Equatable {
    var errorType: String
    var errorMessage: String

    init(errorType: String, errorMessage: String) {
        self.errorType = errorType
        self.errorMessage = errorMessage
    }

    /// Named after the error's Swift type.
    init(_ error: any Error) {
        self.init(errorType: "\(type(of: error))", errorMessage: String(describing: error))
    }

    var json: JSON {
        ["errorMessage": .string(errorMessage), "errorType": .string(errorType), "stackTrace": []]
    }

    /// The type with nothing in it that a header can't hold: generic types have commas and spaces, names may be Unicode.
    var header: String {
        String(decoding: errorType.utf8.map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }
}
