import Events
import Glibc
import Storage
import Testing

@testable import Lambda

@Suite("Synchronous invocations", .timeLimit(.minutes(2)))
struct InvokeTests {
    @Test("a function gets the event and its answer comes back, with Lambda's lines in the log")
    func echo() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let result = try await harness.invoke(["do": "echo", "n": 1], tail: true)
        #expect(result.statusCode == 200 && result.functionError == nil && result.executedVersion == "$LATEST")
        #expect(try JSON(parsing: result.payload) == ["do": "echo", "n": 1])
        let id = result.requestID
        try await harness.wait {
            try $0.value(Int.self, "SELECT count(*) FROM test_log WHERE message LIKE 'REPORT%'") == 1
        }
        let lines = try harness.logs()
        #expect(lines[0].hasPrefix("INIT_START Runtime Version: provided:al2023.v"))
        #expect(lines[1] == "START RequestId: \(id) Version: $LATEST")
        #expect(lines[2] == "END RequestId: \(id)")
        let report =
            /REPORT RequestId: \S+\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: (\d+) MB\tInit Duration: \d+\.\d\d ms\t/
        let match = try #require(lines[3].wholeMatch(of: report))
        #expect(try #require(Int(match.1)) > 0)
        let tail = try #require(result.logResult.flatMap { [UInt8](base64: $0) })
        #expect(String(decoding: tail, as: UTF8.self).hasPrefix("START RequestId: \(id) Version: $LATEST\nEND"))
        #expect(try harness.metric("Invocations", function: "hostile") == 1)
        #expect(try harness.metric("Errors") == 0)
        let attempts = try harness.store.readNow { try LambdaStore.attempts(requestID: id, in: $0) }
        #expect(attempts.map(\.status) == ["success"] && attempts[0].initDuration != nil)
        await harness.close()
    }

    @Test("the next invocation runs in the same environment, without INIT")
    func warm() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let first = try JSON(parsing: try await harness.invoke(["do": "environment"]).payload)
        let second = try JSON(parsing: try await harness.invoke(["do": "environment"]).payload)
        #expect(first["AWS_LAMBDA_LOG_STREAM_NAME"] == second["AWS_LAMBDA_LOG_STREAM_NAME"])
        try await harness.wait {
            try $0.value(Int.self, "SELECT count(*) FROM test_log WHERE message LIKE 'REPORT%'") == 2
        }
        #expect(try harness.logs().count { $0.contains("Init Duration") } == 1)
        await harness.close()
    }

    @Test("a function sees Lambda's variables and headers, its own, and nothing of the host")
    func environment() async throws {
        let harness = try LambdaHarness()
        setenv("HOST_SECRET", "do not tell", 1)
        let hostile = try harness.hostile {
            $0.environment = ["TABLE": "flights", "AWS_REGION": "mars-1"]
            $0.memorySize = 256
            $0.handler = "index.handler"
        }
        try await harness.service.start(functions: [hostile])
        let variables = try JSON(parsing: try await harness.invoke(["do": "environment"]).payload)
        #expect(variables["_HANDLER"] == "index.handler" && variables["TABLE"] == "flights")
        #expect(variables["AWS_REGION"] == "us-east-1" && variables["AWS_LAMBDA_FUNCTION_NAME"] == "hostile")
        #expect(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256" && variables["TZ"] == ":UTC")
        #expect(variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand")
        #expect(variables["LAMBDA_TASK_ROOT"]?.string == hostile.codeFolder)
        #expect(variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/hostile")
        let stream = try #require(variables["AWS_LAMBDA_LOG_STREAM_NAME"]?.string)
        #expect(stream.wholeMatch(of: /\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}/) != nil)
        #expect(variables["HOST_SECRET"] == nil && variables["SWIFT_HOME"] == nil)
        let context = Array(#"{"custom":{"a":1}}"#.utf8).base64
        let result = try await harness.service.invoke(
            InvokeRequest(
                functionName: "hostile", payload: Array(#"{"do":"headers"}"#.utf8), clientContext: context,
                traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"))
        let headers = try JSON(parsing: result.payload)
        #expect(headers["Lambda-Runtime-Aws-Request-Id"]?.string == result.requestID)
        #expect(
            headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:aws:lambda:us-east-1:000000000000:function:hostile")
        let deadline = harness.time.now + .seconds(3)
        #expect(headers["Lambda-Runtime-Deadline-Ms"]?.string == "\(deadline.milliseconds)")
        let trace = try #require(headers["Lambda-Runtime-Trace-Id"]?.string)
        #expect(trace.hasPrefix("Root=1-5759e988-bd862e3fe1be46a994272793;") && trace.hasSuffix(":1"))
        #expect(headers["Lambda-Runtime-Client-Context"] == #"{"custom":{"a":1}}"#)
        await harness.close()
    }

    @Test("an error that the function reports comes back as it is, and the environment goes on")
    func reported() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let result = try await harness.invoke(["do": "raise"])
        #expect(result.statusCode == 200 && result.functionError == "Unhandled")
        #expect(
            try JSON(parsing: result.payload)
                == ["errorMessage": "no good", "errorType": "ValueError", "stackTrace": []])
        #expect(try await harness.invoke(["do": "echo"]).functionError == nil)
        await harness.service.stop(within: .zero)
        #expect(try harness.metric("Errors", function: "hostile") == 1)
        #expect(try harness.logs().count { $0.hasPrefix("INIT_START") } == 1)
        await harness.close()
    }

    @Test("what Lambda refuses is refused in Lambda's words")
    func refused() async throws {
        let harness = try LambdaHarness()
        let stopped = try harness.hostile("stopped") { $0.reservedConcurrentExecutions = 0 }
        try await harness.service.start(functions: [harness.hostile(), stopped])
        func failure(_ request: InvokeRequest) async -> LambdaError? {
            do throws(LambdaError) {
                _ = try await harness.service.invoke(request)
                return nil
            } catch {
                return error
            }
        }
        let missing = await failure(InvokeRequest(functionName: "nobody", payload: []))
        #expect(missing?.code == "ResourceNotFoundException" && missing?.statusCode == 404)
        #expect(missing?.description == "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody")
        let bad = await failure(InvokeRequest(functionName: "hostile", payload: Array("{".utf8)))
        #expect(bad?.code == "InvalidRequestContentException")
        let large = await failure(
            InvokeRequest(functionName: "hostile", payload: [UInt8](repeating: 0x20, count: 6_291_457)))
        #expect(
            large?.description
                == "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)")
        let throttled = await failure(InvokeRequest(functionName: "stopped", payload: []))
        #expect(throttled == .tooManyRequests(reason: .reserved))
        let dry = try await harness.service.invoke(
            InvokeRequest(functionName: "hostile", payload: [], type: .dryRun))
        #expect(dry.statusCode == 204)
        await harness.service.stop(within: .zero)
        #expect(try harness.metric("Throttles", function: "stopped") == 1)
        #expect(try harness.metric("Invocations") == 0)
        await harness.close()
    }

    @Test("as many environments run at once as there are callers, up to what is reserved")
    func scaling() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.reservedConcurrentExecutions = 2 }])
        async let one = harness.invoke(["do": "hang"])
        async let two = harness.invoke(["do": "hang"])
        _ = await harness.marks.next("hang")
        _ = await harness.marks.next("hang")
        await #expect(throws: LambdaError.tooManyRequests(reason: .reserved)) {
            try await harness.invoke(["do": "echo"])
        }
        harness.time.advance(by: .seconds(3))
        _ = try await (one, two)
        #expect(try await harness.invoke(["do": "echo"]).functionError == nil)
        await harness.close()
    }

    @Test("a new binary runs from the next invocation on")
    func replaced() async throws {
        let harness = try LambdaHarness()
        let function = try harness.hostile()
        try await harness.service.start(functions: [function])
        #expect(try await harness.invoke(["do": "other"]).payload == Array(#""done""#.utf8))
        let changed = HostileFunction.source.replacing(#"return "done""#, with: #"return "changed""#)
        try harness.write(changed, to: function.codeFolder + "/bootstrap")
        #expect(try await harness.invoke(["do": "other"]).payload == Array(#""changed""#.utf8))
        await harness.close()
    }

    @Test("an idle environment is shut down after a while, and nothing of it is left")
    func reaped() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        func stream() async throws -> JSON? {
            try JSON(parsing: try await harness.invoke(["do": "environment"]).payload)["AWS_LAMBDA_LOG_STREAM_NAME"]
        }
        var last = try await stream()
        let first = last
        // It has answered, but may not have asked for the next event yet: only then is it idle.
        while last == first {
            harness.time.advance(by: .seconds(301))
            last = try await stream()
        }
        await harness.service.stop(within: .zero)
        #expect(ProcessTable.all(marker: "SLUICE_HOST_ID=\(harness.settings.hostID)").isEmpty)
        await harness.close()
    }
}
