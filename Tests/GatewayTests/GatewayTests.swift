import Events
import Gateway
import Lambda
import NIOHTTP1
import NIOPosix
import Testing

@Suite("The gateway")
struct GatewayTests {
    /// A gateway whose one function answers with what it was asked.
    private func withGateway(_ body: (GatewayClient) async throws -> Void) async throws {
        let lambda = LambdaInvocations { (input) async throws(LambdaError) in
            guard input.functionName == "echo" else { throw .resourceNotFound(arn: input.functionName) }
            return switch input.type {
            case .event: .init(statusCode: 202, requestID: "r")
            case .dryRun: .init(statusCode: 204, requestID: "r")
            case .requestResponse:
                .init(
                    statusCode: 200, functionError: input.payload == Array("1".utf8) ? "Unhandled" : nil,
                    payload: input.payload,
                    logResult: input.wantsLogTail ? "bG9n" : nil, requestID: "r")
            }
        }
        let gateway = try await Gateway(port: 0, lambda: lambda, on: MultiThreadedEventLoopGroup.singleton)
        do {
            try await body(GatewayClient(port: gateway.port))
        } catch {
            await gateway.close()
            throw error
        }
        await gateway.close()
    }

    @Test("an invocation gets its payload back, with the log and the error as headers")
    func invoke() async throws {
        try await withGateway { client in
            let good = try await client.invoke(function: "echo", payload: Array(#"{"a":1}"#.utf8), logTail: true)
            #expect(good.statusCode == 200 && good.payload == Array(#"{"a":1}"#.utf8))
            #expect(good.logResult == "bG9n" && good.functionError == nil && good.requestID == "r")
            let bad = try await client.invoke(
                function: "arn:aws:lambda:us-east-1:000000000000:function:echo:$LATEST", payload: Array("1".utf8))
            #expect(bad.functionError == "Unhandled")
            #expect(try await client.invoke(function: "echo", payload: [], type: .event).statusCode == 202)
            #expect(try await client.invoke(function: "echo", payload: [], type: .dryRun).statusCode == 204)
        }
    }

    @Test("an absent payload is an empty object, as it is for Lambda")
    func empty() async throws {
        try await withGateway { client in
            let answer = try await client.invoke(function: "echo", payload: [])
            #expect(answer.payload == Array("{}".utf8))
        }
    }

    @Test(
        "a function that is not there, and a name that is none, give Lambda's errors",
        arguments: [
            ("nobody", HTTPResponseStatus.notFound, "ResourceNotFoundException"),
            ("a b", .badRequest, "ValidationException"),
            ("arn:aws:s3:::x", .badRequest, "ValidationException"),
        ])
    func errors(name: String, status: HTTPResponseStatus, code: String) async throws {
        try await withGateway { client in
            await #expect {
                try await client.invoke(function: name, payload: [])
            } throws: {
                guard let error = $0 as? AWSError else { return false }
                return error.status == status && error.code == code
            }
        }
    }

    @Test("a body of more than 6 MB is refused and the next request is answered")
    func large() async throws {
        try await withGateway { client in
            await #expect {
                try await client.invoke(function: "echo", payload: Array(repeating: 0x20, count: 7_000_000))
            } throws: { ($0 as? AWSError)?.code == "RequestTooLargeException" }
            let next = try await client.invoke(function: "echo", payload: [])
            #expect(next.statusCode == 200)
        }
    }

    @Test("a port that is taken is said, with what to do")
    func taken() async throws {
        try await withGateway { client in
            await #expect(throws: GatewayError.cannotListen(port: client.port, reason: "it is in use")) {
                try await Gateway(
                    port: client.port,
                    lambda: LambdaInvocations { (_) async throws(LambdaError) in .init(statusCode: 200, requestID: "r")
                    },
                    on: MultiThreadedEventLoopGroup.singleton)
            }
        }
    }
}
