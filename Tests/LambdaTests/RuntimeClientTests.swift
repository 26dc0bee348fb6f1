import Events
import Glibc
import Storage
import Testing

@testable import Lambda

/// AWS's own runtime client for Python, as it is on PyPI. `SLUICE_CLIENTS` names the environment that it is installed in.
@Suite(
    "A function on AWS's own Python runtime client", .timeLimit(.minutes(2)),
    .enabled(if: getenv("SLUICE_CLIENTS") != nil))
struct RuntimeClientTests {
    private func function(_ harness: LambdaHarness, _ source: String) throws -> FunctionConfiguration {
        let clients = try #require(getenv("SLUICE_CLIENTS").map { String(cString: $0) })
        let folder = harness.folder + "/python"
        mkdir(folder, 0o755)
        try harness.write(source, to: folder + "/app.py")
        return FunctionConfiguration(
            name: "hostile", runtime: "python3.11", handler: "app.handle", codeFolder: folder,
            pythonInterpreter: clients + "/bin/python3", memorySize: 512)
    }

    @Test("it gets its event and context, prints, raises, and returns too much, as on Lambda")
    func works() async throws {
        let harness = try LambdaHarness()
        let source = """
            import os

            def handle(event, context):
                print("seen", event)
                if event.get("raise"):
                    raise KeyError("lost")
                if event.get("large"):
                    return "x" * event["large"]
                return {"id": context.aws_request_id, "name": context.function_name, "memory": context.memory_limit_in_mb,
                        "arn": context.invoked_function_arn, "stream": context.log_stream_name,
                        "client": context.client_context and context.client_context.custom,
                        "unicode": event["text"], "runtime": os.environ["AWS_EXECUTION_ENV"]}
            """
        try await harness.service.start(functions: [function(harness, source)])
        let result = try await harness.service.invoke(
            InvokeRequest(
                functionName: "hostile", payload: Array(#"{"text":"Zürich ✈"}"#.utf8),
                clientContext: Array(#"{"custom":{"a":"1"}}"#.utf8).base64))
        let answer = try JSON(parsing: result.payload)
        #expect(answer["id"]?.string == result.requestID && answer["name"] == "hostile" && answer["memory"] == "512")
        #expect(answer["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:hostile")
        #expect(answer["client"] == ["a": "1"] && answer["unicode"] == "Zürich ✈")
        #expect(answer["runtime"] == "AWS_Lambda_python3.11")
        let raised = try await harness.invoke(["raise": true])
        let error = try JSON(parsing: raised.payload)
        #expect(raised.functionError == "Unhandled" && error["errorType"] == "KeyError")
        #expect(error["errorMessage"] == "'lost'" && error["requestId"]?.string == raised.requestID)
        let large = try JSON(parsing: try await harness.invoke(["large": 7_000_000]).payload)
        #expect(large["errorType"] == "Function.ResponseSizeTooLarge")
        #expect(try await harness.invoke(["text": "again"]).functionError == nil)
        await harness.service.stop(within: .zero)
        let lines = try harness.logs()
        #expect(lines.contains("seen {'text': 'Zürich ✈'}"))
        #expect(lines.contains { $0.contains("[ERROR] KeyError: 'lost'") })
        await harness.close()
    }

    @Test("a module that can't be imported is its error, and a mended one works")
    func importError() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [function(harness, "import no_such_module\n")])
        let result = try await harness.invoke([:])
        let error = try JSON(parsing: result.payload)
        #expect(error["errorType"] == "Runtime.ImportModuleError")
        #expect(error["errorMessage"] == "Unable to import module 'app': No module named 'no_such_module'")
        _ = try function(harness, "def handle(event, context):\n    return 'mended'\n")
        #expect(try await harness.invoke([:]).payload == Array(#""mended""#.utf8))
        await harness.close()
    }
}
