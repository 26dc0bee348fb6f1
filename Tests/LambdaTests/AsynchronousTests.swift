import Events
import GRDB
import Glibc
import Storage
import Testing

@testable import Lambda

@Suite("Asynchronous invocations", .timeLimit(.minutes(3)))
struct AsynchronousTests {
    private static let success = ARN(
        service: "events", region: "us-east-1", account: "1", resource: "event-bus/default")
    private static let failure = ARN(service: "sqs", region: "us-east-1", account: "1", resource: "failed")
    private static let letters = ARN(service: "sqs", region: "us-east-1", account: "1", resource: "letters")

    private func config(_ change: (inout EventInvokeConfig) -> Void = { _ in }) -> EventInvokeConfig {
        var config = EventInvokeConfig(onSuccess: Self.success, onFailure: Self.failure)
        change(&config)
        return config
    }

    private func state(_ id: String, _ harness: LambdaHarness) throws -> QueuedInvocation? {
        try harness.store.readNow { try LambdaStore.invocation(requestID: id, in: $0) }
    }

    /// Waits until an invocation has come to this state and this many tries.
    private func wait(
        _ harness: LambdaHarness, _ id: String, _ state: QueuedInvocation.State, tries: Int = 0
    ) async throws {
        try await harness.wait {
            guard let row = try LambdaStore.invocation(requestID: id, in: $0) else { return false }
            return row.state == state && row.tries >= tries
        }
    }

    @Test("an event that is committed runs, and its outcome, log, metrics and record are there together")
    func success() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.eventInvokeConfig = config() }])
        let source = ObjectVersion(bucket: "raw", key: "a.csv", sequencer: Sequencer(1))
        let event = Array(#"{"do":"echo"}"#.utf8)
        let id = try await harness.service.invokeAsync(function: "hostile", payload: event, source: source)
        try await wait(harness, id, .succeeded)
        let row = try #require(
            try harness.store.readNow { try LambdaStore.invocations(bucket: "raw", key: "a.csv", in: $0) }.first)
        #expect(row.requestID == id && row.tries == 1 && row.condition == .success)
        #expect(try JSON(parsing: try #require(row.response)) == ["do": "echo"])
        let record = try #require(try harness.records().first)
        #expect(record["requestContext"]?["requestId"]?.string == id)
        #expect(record["requestContext"]?["condition"] == "Success")
        #expect(
            record["requestContext"]?["functionArn"]
                == "arn:aws:lambda:us-east-1:000000000000:function:hostile:$LATEST")
        #expect(record["responsePayload"] == ["do": "echo"] && record["requestPayload"] == ["do": "echo"])
        #expect(record["responseContext"] == ["statusCode": 200, "executedVersion": "$LATEST"])
        #expect(try harness.logs().contains("START RequestId: \(id) Version: $LATEST"))
        for name in ["AsyncEventsReceived", "Invocations"] {
            #expect(try harness.metric(name, function: "hostile") == 1)
        }
        #expect(try harness.metric("AsyncEventsReceived") == 1)
        await harness.close()
    }

    @Test("an event whose transaction is undone never runs")
    func undone() async throws {
        struct Undo: Error {}
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        await #expect(throws: Undo.self) {
            try await harness.store.write { connection in
                try harness.service.invokeAsync(function: "hostile", payload: [], in: connection)
                throw Undo()
            }
        }
        let id = try await harness.service.invokeAsync(function: "hostile", payload: Array("{}".utf8))
        try await wait(harness, id, .succeeded)
        #expect(try harness.metric("Invocations") == 1)
        await harness.close()
    }

    @Test("an event that fails is tried again after one and after two minutes, with the same id, and then given up")
    func retries() async throws {
        let harness = try LambdaHarness()
        let function = try harness.hostile {
            $0.eventInvokeConfig = config()
            $0.deadLetterTarget = Self.letters
        }
        try await harness.service.start(functions: [function])
        let id = try await harness.service.invokeAsync(function: "hostile", payload: Array(#"{"do":"raise"}"#.utf8))
        try await wait(harness, id, .queued, tries: 1)
        #expect(try state(id, harness)?.due == harness.time.now + .seconds(60))
        try await advance(harness, by: .seconds(60), until: id, tries: 2)
        try await advance(harness, by: .seconds(120), until: id, tries: 3)
        try await wait(harness, id, .failed)
        let attempts = try harness.store.readNow { try LambdaStore.attempts(requestID: id, in: $0) }
        #expect(attempts.map(\.attempt) == [1, 2, 3] && attempts.allSatisfy { $0.errorType == "ValueError" })
        let record = try #require(try harness.records().first)
        #expect(record["requestContext"]?["condition"] == "RetriesExhausted")
        #expect(record["requestContext"]?["approximateInvokeCount"] == 3)
        #expect(record["responseContext"]?["functionError"] == "Unhandled")
        #expect(record["responsePayload"]?["errorMessage"] == "no good")
        let letter = try #require(try harness.store.readNow { try $0.row("SELECT * FROM test_letter") })
        #expect(letter["payload"] == #"{"do":"raise"}"# && letter["message"] == "no good")
        #expect(try harness.metric("Errors") == 3)
        #expect(try harness.metric("AsyncEventsDropped", function: "hostile") == 1)
        await harness.close()
    }

    /// Moves the clock until the next try has ended: the room may ask for the time after it was moved.
    private func advance(
        _ harness: LambdaHarness, by duration: Duration, until id: String, tries: Int
    ) async throws {
        await harness.time.sleepers(1)
        harness.time.advance(by: duration)
        try await harness.wait { connection in
            try LambdaStore.invocation(requestID: id, in: connection).map { $0.tries >= tries } ?? false
        }
    }

    @Test("a dead letter is listed, and sent again as another invocation")
    func redrive() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(
            functions: [harness.hostile { $0.eventInvokeConfig = config { $0.maximumRetryAttempts = 0 } }])
        let id = try await harness.service.invokeAsync(function: "hostile", payload: Array(#"{"do":"raise"}"#.utf8))
        try await wait(harness, id, .failed)
        let letters = try harness.store.readNow { try LambdaStore.deadLetters(in: $0) }
        #expect(letters.map(\.requestID) == [id] && letters[0].errorMessage == "no good")
        guard case .queued(let again) = try await harness.service.redrive([letters[0].id]).first, again != id else {
            Issue.record("a dead letter becomes another invocation")
            return
        }
        try await wait(harness, again, .failed)
        #expect(try state(id, harness)?.state == .redriven)
        #expect(try harness.store.readNow { try LambdaStore.deadLetters(in: $0) }.map(\.requestID) == [again])
        #expect(try await harness.service.redrive([letters[0].id]) == [.gone])
        await harness.close()
    }

    @Test("a destination that can't be told is kept, and told later")
    func delivery() async throws {
        let harness = try LambdaHarness()
        let missing = ARN(service: "sqs", region: "us-east-1", account: "1", resource: "missing")
        try await harness.service.start(functions: [harness.hostile { $0.eventInvokeConfig.onSuccess = missing }])
        let id = try await harness.service.invokeAsync(function: "hostile", payload: Array(#"{"do":"echo"}"#.utf8))
        try await wait(harness, id, .succeeded)
        let row = try #require(try harness.store.readNow { try LambdaStore.deadLetters(in: $0) }.first)
        #expect(row.requestID == id && row.deliveryTarget == missing.description && row.deliveryError != nil)
        #expect(try harness.metric("DestinationDeliveryFailures", function: "hostile") == 1)
        #expect(try await harness.service.redrive([row.id]) == [.failed("NoSuchTarget()")])
        #expect(try harness.store.readNow { try LambdaStore.deadLetters(in: $0) }.count == 1)
        #expect(try harness.store.readNow { try LambdaStore.depths(at: .now, in: $0) }.map(\.deadLetters) == [1])
        await harness.close()
    }

    @Test("an event that is too old is given up without a try")
    func aged() async throws {
        let harness = try LambdaHarness()
        let function = try harness.hostile {
            $0.reservedConcurrentExecutions = 1
            $0.timeout = 900
            $0.eventInvokeConfig = config {
                $0.maximumEventAge = 60
                $0.maximumRetryAttempts = 0
            }
        }
        try await harness.service.start(functions: [function])
        let first = try await harness.service.invokeAsync(function: "hostile", payload: Array(#"{"do":"hang"}"#.utf8))
        _ = await harness.marks.next("hang")
        let second = try await harness.service.invokeAsync(function: "hostile", payload: Array("{}".utf8))
        harness.time.advance(by: .seconds(901))
        try await wait(harness, first, .failed)
        try await wait(harness, second, .failed)
        let row = try #require(try state(second, harness))
        #expect(row.condition == .eventAgeExceeded && row.tries == 0)
        #expect(try harness.records().last?["requestContext"]?["approximateInvokeCount"] == 0)
        #expect(try harness.metric("Throttles", function: "hostile") == 1)
        await harness.close()
    }

    @Test("the time in which no host ran does not make an event old")
    func downtime() async throws {
        let harness = try LambdaHarness()
        let function = try harness.hostile {
            $0.timeout = 900
            $0.eventInvokeConfig = config { $0.maximumEventAge = 5400 }
        }
        try await harness.service.start(functions: [function])
        let id = try await harness.store.write { connection in
            let id = try harness.service.invokeAsync(
                function: "hostile", payload: Array("{}".utf8), in: connection)
            try connection.execute(
                "UPDATE lambda_invocation SET received = received - 7200000, due = due + 3600000")
            return id
        }
        await harness.close()
        let next = try LambdaHarness(after: harness)
        try await next.service.start(functions: [function])
        next.time.advance(by: .seconds(3600))
        try await wait(next, id, .succeeded)
        await next.close()
    }

    @Test("a function whose reserved concurrency is 0 gets no events: they are dead letters at once")
    func stopped() async throws {
        let harness = try LambdaHarness()
        let function = try harness.hostile {
            $0.reservedConcurrentExecutions = 0
            $0.eventInvokeConfig = config()
        }
        try await harness.service.start(functions: [function])
        let id = try await harness.service.invokeAsync(function: "hostile", payload: Array("{}".utf8))
        try await wait(harness, id, .failed)
        #expect(try state(id, harness)?.tries == 0)
        #expect(try harness.records().count == 1)
        await harness.close()
    }

    @Test("what ran when the host went down runs again with the same id, and has one outcome")
    func restart() async throws {
        let harness = try LambdaHarness()
        let function = try harness.hostile { $0.eventInvokeConfig = config() }
        try await harness.service.start(functions: [function])
        let ids = try await harness.store.write { connection in
            try (0..<20).map { _ in
                try harness.service.invokeAsync(
                    function: "hostile", payload: Array(#"{"do":"hang"}"#.utf8), in: connection)
            }
        }
        _ = await harness.marks.next("hang")
        await harness.close()
        let changed = HostileFunction.source.replacing(#"if do == "hang":"#, with: #"if do == "never":"#)
        try harness.write(changed, to: function.codeFolder + "/bootstrap")
        let next = try LambdaHarness(after: harness)
        try await next.service.start(functions: [function])
        for id in ids { try await wait(next, id, .succeeded) }
        #expect(try Set(next.records().compactMap { $0["requestContext"]?["requestId"]?.string }) == Set(ids))
        #expect(try next.records().count == 20)
        await next.close()
    }

    @Test("an object that was replaced meanwhile has an outcome that nobody is told of")
    func superseded() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.eventInvokeConfig = config() }])
        harness.supersede("old.csv")
        let source = ObjectVersion(bucket: "raw", key: "old.csv", sequencer: Sequencer(1))
        let id = try await harness.service.invokeAsync(
            function: "hostile", payload: Array(#"{"do":"raise"}"#.utf8), source: source)
        try await wait(harness, id, .superseded)
        #expect(try harness.records().isEmpty)
        await harness.close()
    }

    @Test("a backlog larger than memory's window is worked off in order, a slow function next to it or not")
    func backlog() async throws {
        let harness = try LambdaHarness { $0.window = 16 }
        let slow = try harness.hostile("slow") { $0.timeout = 900 }
        try await harness.service.start(functions: [harness.hostile(), slow])
        _ = try await harness.store.write { connection in
            for _ in 0..<40 {
                try harness.service.invokeAsync(
                    function: "slow", payload: Array(#"{"do":"hang"}"#.utf8), in: connection)
            }
            for number in 0..<500 {
                try harness.service.invokeAsync(
                    function: "hostile", payload: Array(#"{"do":"echo","n":\#(number)}"#.utf8), in: connection)
            }
        }
        try await harness.wait {
            try $0.value(
                Int.self,
                "SELECT count(*) FROM lambda_invocation WHERE function = 'hostile' AND state = 'SUCCEEDED'") == 500
        }
        let depths = try harness.store.readNow { try LambdaStore.depths(at: harness.time.now, in: $0) }
        #expect(depths.map(\.functionName) == ["slow"] && depths[0].queued == 40)
        #expect(try harness.metric("Invocations", function: "hostile") == 500)
        await harness.close()
    }

    @Test("functions that crash at their start, or at each event, delay nobody, however long their backlog")
    func poison() async throws {
        let harness = try LambdaHarness { $0.window = 16 }
        try await harness.service.start(functions: [
            harness.hostile(),
            harness.hostile("crashing") { $0.eventInvokeConfig = config { $0.maximumRetryAttempts = 0 } },
            harness.hostile("unborn") {
                $0.environment["INIT"] = "exit 7"
                $0.eventInvokeConfig = config()
            },
        ])
        _ = try await harness.store.write { connection in
            for number in 0..<300 {
                for (name, what) in [("crashing", "exit"), ("unborn", "echo")] {
                    try harness.service.invokeAsync(
                        function: name, payload: Array(#"{"do":"\#(what)","code":1,"n":\#(number)}"#.utf8),
                        in: connection
                    )
                }
            }
            for number in 0..<100 {
                try harness.service.invokeAsync(
                    function: "hostile", payload: Array(#"{"do":"echo","n":\#(number)}"#.utf8), in: connection)
            }
        }
        try await harness.wait {
            try $0.value(
                Int.self,
                "SELECT count(*) FROM lambda_invocation WHERE function = 'hostile' AND state = 'SUCCEEDED'") == 100
        }
        let left = try harness.store.readNow { try LambdaStore.depths(at: harness.time.now, in: $0) }
        #expect(left.contains { $0.functionName == "unborn" && $0.queued > 0 }, "it had to wait for none of them")
        await harness.close()
    }

    @Test(
        "a clock that is set changes no timeout and makes no retry late, and it is said once",
        arguments: [-86_400, 3600])
    func clock(seconds: Int) async throws {
        let harness = try LambdaHarness()
        harness.expectTrouble("the clock was set")
        let step = Duration.seconds(seconds)
        try await harness.service.start(functions: [
            harness.hostile { $0.timeout = 5 }, harness.hostile("again") { $0.eventInvokeConfig = config() },
        ])
        let retried = try await harness.service.invokeAsync(function: "again", payload: Array(#"{"do":"raise"}"#.utf8))
        try await harness.wait { try LambdaStore.invocation(requestID: retried, in: $0)?.tries == 1 }
        async let invocation = harness.invoke(["do": "hang"])
        _ = await harness.marks.next("hang")
        harness.time.advance(by: .seconds(3))
        harness.time.set(by: step)
        // Another event has the room look at the clock.
        _ = try await harness.invoke(["do": "echo"], "again")
        harness.time.advance(by: .seconds(1))
        #expect(try await harness.invoke(["do": "echo"], "again").functionError == nil)
        #expect(
            try harness.store.readNow {
                try $0.value(Int.self, "SELECT count(*) FROM lambda_attempt WHERE status = 'timeout'")
            }
                == 0, "it has a second left")
        while try harness.store.readNow({
            try $0.value(Int.self, "SELECT count(*) FROM lambda_attempt WHERE status = 'timeout'")
        }) == 0 {
            harness.time.advance(by: .milliseconds(500))
            try await Task.sleep(for: .milliseconds(5))
        }
        let answer = String(decoding: try await invocation.payload, as: UTF8.self)
        #expect(answer.contains("Task timed out after 5.00 seconds"), "\(answer)")
        #expect(harness.time.uptime < .seconds(30), "\(harness.time.uptime)")
        // The retry comes within its two minutes, and not a day later.
        while try harness.store.readNow({ try LambdaStore.invocation(requestID: retried, in: $0)?.tries }) != 2 {
            harness.time.advance(by: .milliseconds(500))
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(harness.time.uptime < .seconds(300), "\(harness.time.uptime)")
        #expect(harness.trouble.count == 1)
        await harness.close()
    }

    @Test("events of a function that crashes at its start have their tries in their time, however many they are")
    func crashingStarts() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [
            harness.hostile {
                $0.environment["INIT"] = "exit 7"
                $0.eventInvokeConfig = config { $0.maximumRetryAttempts = 0 }
            }
        ])
        _ = try await harness.store.write { connection in
            for _ in 0..<30 {
                try harness.service.invokeAsync(function: "hostile", payload: Array("{}".utf8), in: connection)
            }
        }
        let failed = "SELECT count(*) FROM lambda_invocation WHERE state = 'FAILED'"
        while try harness.store.readNow({ try $0.value(Int.self, failed) }) != 30 {
            harness.time.advance(by: .milliseconds(100))
            try await Task.sleep(for: .milliseconds(5))
        }
        // A start every half a minute would take fifteen.
        #expect(harness.time.uptime < .seconds(300), "\(harness.time.uptime)")
        await harness.close()
    }

    @Test("a chain that comes by the same function for the 17th time is cut, and told")
    func recursion() async throws {
        let harness = try LambdaHarness()
        harness.expectTrouble("causes its own events")
        try await harness.service.start(functions: [harness.hostile { $0.eventInvokeConfig = config() }])
        var header: String?
        for _ in 0..<16 {
            let result = try await harness.service.invoke(
                InvokeRequest(functionName: "hostile", payload: Array(#"{"do":"headers"}"#.utf8), traceHeader: header))
            header = try JSON(parsing: result.payload)["Lambda-Runtime-Trace-Id"]?.string
        }
        let last = header
        await #expect(throws: LambdaError.recursiveInvocation) {
            try await harness.service.invoke(
                InvokeRequest(functionName: "hostile", payload: [], traceHeader: last))
        }
        let id = try await harness.service.invokeAsync(function: "hostile", payload: [], traceHeader: last)
        try await wait(harness, id, .failed)
        #expect(harness.trouble.count == 1)
        #expect(try harness.metric("RecursiveInvocationsDropped", function: "hostile") == 2)
        #expect(try harness.records().count == 1)
        await harness.close()
    }

    @Test("what a killed host has left is ended: by its watchdog, and at the next start")
    func leftovers() async throws {
        let hostID = "test-" + Identifier.hexadecimal(digits: 16)
        let marker = "SLUICE_HOST_ID=\(hostID)"
        func stray() -> Int32 {
            var pid: Int32 = 0
            let code = Spawn.outliving(
                ["/bin/sh", "-c", "trap '' TERM HUP; sleep 600 & sleep 600"],
                variables: [marker, "PATH=/bin:/usr/bin"],
                folder: "/", input: -1, &pid)
            #expect(code == 0)
            return pid
        }
        let first = stray()
        let dog = try #require(Watchdog.start(hostID: hostID))
        // A process that has just begun its program has no environment yet that one could read.
        while !ProcessTable.all(marker: marker).contains(first) { await Task.yield() }
        close(dog.pipe)
        var status: Int32 = 0
        #expect(waitpid(dog.pid, &status, 0) == dog.pid)
        #expect(waitpid(first, &status, 0) == first)
        #expect(ProcessTable.all(marker: marker).isEmpty)
        let second = stray()
        let harness = try LambdaHarness { $0.hostID = hostID }
        try await harness.service.start(functions: [])
        #expect(waitpid(second, &status, 0) == second)
        #expect(ProcessTable.all(marker: marker).isEmpty)
        await harness.close()
    }
}
