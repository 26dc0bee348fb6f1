import Events
import Glibc
import Testing

@testable import Lambda

@Suite("Functions that misbehave", .timeLimit(.minutes(3)))
struct MisbehaviourTests {
    private func error(_ result: InvokeResult) throws -> (type: String, message: String) {
        #expect(result.functionError == "Unhandled" && result.statusCode == 200)
        let json = try JSON(parsing: result.payload)
        return (json["errorType"]?.string ?? "", json["errorMessage"]?.string ?? "")
    }

    private func afterwards(_ harness: LambdaHarness) async throws {
        let next = try await harness.invoke(["do": "echo"])
        #expect(next.functionError == nil, "\(String(decoding: next.payload, as: UTF8.self))")
        await harness.service.stop(within: .zero)
        #expect(ProcessTable.all(marker: "SLUICE_HOST_ID=\(harness.settings.hostID)").isEmpty, "nothing is left")
    }

    @Test("a crash in INIT is tried once more, then it is the invocation's error")
    func crashInInit() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.environment["INIT"] = "exit 7" }])
        let result = try await harness.invoke(["do": "echo"])
        let (type, message) = try error(result)
        #expect(type == "Runtime.ExitError")
        #expect(message == "RequestId: \(result.requestID) Error: Runtime exited with error: exit status 7")
        await harness.service.stop(within: .zero)
        let lines = try harness.logs()
        #expect(lines.count { $0 == "dying early" } == 2)
        #expect(
            lines.contains {
                $0.wholeMatch(
                    of:
                        /INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError/
                )
                    != nil
            })
        #expect(lines.contains { $0.contains("\tPhase: invoke\tStatus: error\t") })
        #expect(lines.contains(message) && lines.contains("Runtime.ExitError"))
        #expect(lines.contains { $0.hasSuffix("Status: error\tError Type: Runtime.ExitError") })
        await harness.close()
    }

    @Test("a function that exits with 0 gave no reason")
    func exitZero() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.environment["INIT"] = "exit 0" }])
        let result = try await harness.invoke(["do": "echo"])
        #expect(try error(result).message.hasSuffix("Error: Runtime exited without providing a reason"))
        await harness.close()
    }

    @Test("an error that INIT reports is the invocation's error")
    func initError() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.environment["INIT"] = "error" }])
        let result = try await harness.invoke(["do": "echo"])
        #expect(try error(result) == ("Config.Missing", "no table"))
        await harness.close()
    }

    @Test("an INIT that hangs is ended after ten seconds, then after the function's timeout")
    func hangInInit() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.environment["INIT"] = "hang" }])
        async let invocation = harness.invoke(["do": "echo"])
        _ = await harness.marks.next("init")
        harness.time.advance(by: .seconds(10))
        _ = await harness.marks.next("init")
        harness.time.advance(by: .seconds(3))
        let result = try await invocation
        let (type, message) = try error(result)
        #expect(type == "Sandbox.Timedout")
        #expect(message == "RequestId: \(result.requestID) Error: Task timed out after 3.00 seconds")
        await harness.service.stop(within: .zero)
        #expect(try harness.logs().contains("INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout"))
        await harness.close()
    }

    @Test("a bootstrap that is missing, or can't be run, is named")
    func missing() async throws {
        let harness = try LambdaHarness()
        let function = try harness.hostile()
        try await harness.service.start(functions: [function])
        unlink(function.codeFolder + "/bootstrap")
        let (type, message) = try error(try await harness.invoke(["do": "echo"]))
        #expect(type == "Runtime.InvalidEntrypoint")
        #expect(message.hasSuffix("fork/exec \(function.codeFolder)/bootstrap: no such file or directory"))
        try harness.write(HostileFunction.source, to: function.codeFolder + "/bootstrap")
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a crash in the middle of an invocation is its error, with the function's last words in the log")
    func crash() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let result = try await harness.invoke(["do": "exit", "code": 3])
        #expect(
            try error(result)
                == (
                    "Runtime.ExitError",
                    "RequestId: \(result.requestID) Error: Runtime exited with error: exit status 3"
                ))
        let segfault = try await harness.invoke(["do": "kill", "signal": 11])
        #expect(try error(segfault).message.hasSuffix("Runtime exited with error: signal: segmentation fault"))
        try await afterwards(harness)
        #expect(try harness.logs().contains("last words"))
        await harness.close()
    }

    @Test("a function that hangs is ended at its timeout, and its lines so far are kept")
    func hang() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.timeout = 5 }])
        async let invocation = harness.invoke(["do": "hang"])
        _ = await harness.marks.next("hang")
        harness.time.advance(by: .seconds(5))
        let result = try await invocation
        #expect(
            try error(result)
                == ("Sandbox.Timedout", "RequestId: \(result.requestID) Error: Task timed out after 5.00 seconds"))
        try await afterwards(harness)
        let lines = try harness.logs()
        #expect(lines.contains("about to hang"))
        #expect(lines.contains { $0.hasSuffix("Z \(result.requestID) Task timed out after 5.00 seconds") })
        let report = try #require(lines.first { $0.hasPrefix("REPORT RequestId: \(result.requestID)") })
        #expect(report.contains("\tDuration: 5000.00 ms\t") && report.hasSuffix("Status: timeout"))
        await harness.close()
    }

    @Test("lines of a function that runs long can be read while it runs")
    func follow() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.timeout = 60 }])
        async let invocation = harness.invoke(["do": "hang"])
        _ = await harness.marks.next("hang")
        // The line and the mark come by different ways, so one second may pass before the line is here.
        while try !harness.logs().contains("about to hang") {
            harness.time.advance(by: .milliseconds(1100))
            await Task.yield()
        }
        harness.time.advance(by: .seconds(60))
        _ = try await invocation
        await harness.close()
    }

    @Test("children end with their function, also those in sessions of their own, and whatever signals they ignore")
    func children() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        async let invocation = harness.invoke(["do": "ignore"])
        _ = await harness.marks.next("hang")
        let keepers = Isolation.isAvailable == true ? 1 : 0
        // A process in exec has no environment for an instant.
        let marker = "SLUICE_HOST_ID=\(harness.settings.hostID)"
        for _ in 0..<1000 where ProcessTable.all(marker: marker).count < 3 + keepers { usleep(1000) }
        #expect(ProcessTable.all(marker: marker).count == 3 + keepers)
        harness.time.advance(by: .seconds(3))
        #expect(try error(try await invocation).type == "Sandbox.Timedout")
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a function that forks without end is ended")
    func fork() async throws {
        let harness = try LambdaHarness { $0.maximumProcesses = 60 }
        try await harness.service.start(functions: [harness.hostile()])
        let (type, message) = try error(try await harness.invoke(["do": "fork"]))
        #expect(type == "Runtime.ExitError" && message.hasSuffix("signal: killed"))
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a flood of output is cut, said, and does not grow the host")
    func flood() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.timeout = 900 }])
        let before = ProcessTable.memory(of: getpid())
        let result = try await harness.invoke(["do": "flood", "kilobytes": 100_000])
        #expect(result.payload == Array(#""flooded""#.utf8))
        // Other suites run in this process meanwhile and grow it by some 50 MB; held output would add all of its 100.
        #expect(ProcessTable.memory(of: getpid()) - before < 90 << 20)
        try await afterwards(harness)
        let lines = try harness.logs()
        #expect(lines.reduce(0) { $0 + $1.utf8.count } < 6 << 20)
        #expect(lines.contains { $0.hasPrefix("[sluice] left out ") })
        await harness.close()
    }

    @Test("lines are split, repaired where they are no UTF-8, and bounded in length")
    func lines() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let long = String(repeating: "y", count: 300_000)
        let result = try await harness.invoke([
            "do": "print", "lines": ["plain", "\u{FF}\u{FE} bytes", "", .string(long)],
        ])
        #expect(result.payload == Array(#""printed""#.utf8), "\(String(decoding: result.payload, as: UTF8.self))")
        await harness.service.stop(within: .zero)
        let lines = try harness.logs()
        #expect(lines.contains("plain") && lines.contains("\u{FFFD}\u{FFFD} bytes") && lines.contains(""))
        #expect(lines.filter { $0.hasPrefix("yyy") }.map(\.utf8.count) == [262_118, 300_000 - 262_118])
        await harness.close()
    }

    @Test("memory in files without a name is a function's memory too")
    func memoryFile() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile { $0.memorySize = 128 }])
        let (type, message) = try error(try await harness.invoke(["do": "memory file", "megabytes": 1000]))
        #expect(type == "Runtime.OutOfMemory" || message.hasSuffix("signal: killed"), "\(type) \(message)")
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a function that takes more memory than it has is killed, as out of memory")
    func memory() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let (type, message) = try error(try await harness.invoke(["do": "allocate", "megabytes": 400]))
        #expect(type == "Runtime.ExitError" && message.hasSuffix("Runtime exited with error: signal: killed"))
        try await afterwards(harness)
        #expect(
            try harness.logs().contains {
                $0.contains("\tMax Memory Used: 128 MB\t")
                    && $0.hasSuffix("Status: error\tError Type: Runtime.OutOfMemory")
            })
        await harness.close()
    }

    @Test("an answer over 6 MB is refused with 413, and the environment goes on")
    func large() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let (type, message) = try error(try await harness.invoke(["do": "large", "bytes": 7_000_000]))
        #expect(type == "Function.ResponseSizeTooLarge")
        #expect(message == "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
        let fits = try await harness.invoke(["do": "large", "bytes": 6_291_554])
        #expect(fits.functionError == nil && fits.payload.count == 6_291_556)
        try await afterwards(harness)
        let lines = try harness.logs()
        #expect(lines.contains { $0.hasPrefix("large 413 ") && $0.contains("RequestEntityTooLarge") })
        #expect(lines.count { $0.hasPrefix("INIT_START") } == 1)
        await harness.close()
    }

    @Test("answers in chunks, after 100-continue, or that are no JSON come through as they are")
    func framing() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        #expect(try await harness.invoke(["do": "chunked"]).payload == Array(#"{"a":[1,2]}"#.utf8))
        #expect(try await harness.invoke(["do": "continue"]).payload == Array(#""waited""#.utf8))
        #expect(try await harness.invoke(["do": "text"]).payload == Array("this is no JSON".utf8))
        #expect(try await harness.invoke(["do": "garbage"]).payload == Array(#""HTTP/1.1 400 Bad Request""#.utf8))
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a second answer, or one for another request, is refused; the first one stands")
    func answers() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        #expect(try await harness.invoke(["do": "twice"]).payload == Array(#""first""#.utf8))
        #expect(await harness.marks.next("twice") == "twice 403 InvalidStateTransition")
        let stolen = try JSON(parsing: try await harness.invoke(["do": "wrong id"]).payload)
        #expect(stolen == [400, "InvalidRequestID"])
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a function that never asks for the next event does not hold up the next invocation")
    func wandersOff() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        #expect(try await harness.invoke(["do": "wander off"]).payload == Array(#""gone""#.utf8))
        _ = await harness.marks.next("wandered")
        async let next = harness.invoke(["do": "echo"])
        await harness.time.sleepers(1)
        harness.time.advance(by: .milliseconds(60))
        harness.time.advance(by: .seconds(3))
        #expect(try await next.functionError == nil)
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a function that ends after its answer is started again")
    func oneShot() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        for _ in 0..<3 { #expect(try await harness.invoke(["do": "answer and exit"]).payload == Array(#""bye""#.utf8)) }
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a function can't open more than 1,024 files")
    func files() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile()])
        let answer = try JSON(parsing: try await harness.invoke(["do": "files"]).payload)
        #expect(answer["errno"]?.int == Int(EMFILE))
        #expect(try #require(answer["opened"]?.int) <= 1024)
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a function has no descriptors of the host")
    func descriptors() async throws {
        let harness = try LambdaHarness()
        // Not closed on exec: what a careless library would leave open.
        let careless = open("/dev/null", O_RDONLY)
        defer { close(careless) }
        try await harness.service.start(functions: [harness.hostile()])
        // The fourth is the folder's own, while it is read.
        let answer = try JSON(parsing: try await harness.invoke(["do": "descriptors"]).payload)
        #expect(answer.array?.prefix(3) == [0, 1, 2] && answer.array?.count ?? 9 <= 4)
        await harness.close()
    }

    @Test("a function can't use the Runtime API of another environment")
    func intrusion() async throws {
        let harness = try LambdaHarness()
        try await harness.service.start(functions: [harness.hostile(), harness.hostile("intruder")])
        let victim = try JSON(parsing: try await harness.invoke(["do": "environment"]).payload)
        let address = try #require(victim["AWS_LAMBDA_RUNTIME_API"]?.string)
        let port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
        let answer = try await harness.invoke(["do": "intrude", "port": JSON(port)], "intruder")
        let said = try JSON(parsing: answer.payload)
        #expect(said == "RemoteDisconnected" || said == "ConnectionResetError")
        try await afterwards(harness)
        await harness.close()
    }

    @Test("a function reaches its own processes, its own folders and limits, and nothing of the host's")
    func reach() async throws {
        let harness = try LambdaHarness()
        let shared = "/dev/shm/sluice-\(harness.settings.hostID)"
        try harness.write("the host's", to: shared)
        defer { unlink(shared) }
        try await harness.service.start(functions: [harness.hostile()])
        let result = try await harness.invoke(["do": "reach", "host": JSON(Int(getpid()))])
        #expect(result.functionError == nil, "\(String(decoding: result.payload, as: UTF8.self))")
        let found = try JSON(parsing: result.payload)
        #expect(found["own"]?.int == 1 && found["folder"]?.bool == true, "\(found)")
        // Root keeps what it has over files, so that it reads and writes as it does outside; nothing else.
        let overFiles = 0b11111
        #expect(found["capabilities"]?.int.map { $0 & ~overFiles } == 0 && found["session"]?.bool == true, "\(found)")
        #expect(found["limits"]?.array == [1024, 0] && found["input"]?.string == "/dev/null", "\(found)")
        #expect(found["mount"]?.string == "EPERM", "\(found)")
        if Isolation.isAvailable == true {
            // The keeper of the namespace and itself.
            #expect(found["processes"]?.array?.count == 2, "\(found)")
            #expect(found["kill"]?.string == "ESRCH" && found["shared"]?.array == [], "\(found)")
            #expect(found["environment"]?.string == "ENOENT" && found["memory"]?.string == "ENOENT", "\(found)")
            #expect(found["code"]?.string == "EROFS" && found["mode"]?.string == "EROFS", "\(found)")
            for name in ["sysctl", "sysfs", "irq"] {
                #expect(["EROFS", "EACCES", "ENOENT"].contains(found[name]?.string), "\(name): \(found)")
            }
        }
        try await afterwards(harness)
        await harness.close()
    }

    @Test(
        "while functions flood, fork, hang and take memory, a neighbour's every invocation ends in its time, and the host stays small"
    )
    func neighbour() async throws {
        let harness = try LambdaHarness { $0.maximumProcesses = 60 }
        var functions = [try harness.hostile("neighbour")]
        for bad in ["flood", "fork", "hang", "allocate", "files"] {
            functions.append(try harness.hostile(bad) { $0.timeout = 900 })
        }
        try await harness.service.start(functions: functions)
        _ = try await harness.invoke(["do": "echo"], "neighbour")
        let before = ProcessTable.memory(of: getpid())
        var slowest = Duration.zero
        try await withThrowingTaskGroup(of: Void.self) { group in
            for bad in functions.map(\.name) where bad != "neighbour" {
                group.addTask {
                    for _ in 0..<(bad == "hang" ? 1 : 3) {
                        _ = try await harness.invoke(
                            ["do": .string(bad), "kilobytes": 30_000, "megabytes": 400], bad)
                    }
                }
            }
            _ = await harness.marks.next("hang")
            for number in 0..<200 {
                let begun = ContinuousClock.now
                let result = try await harness.invoke(["do": "echo", "n": JSON(number)], "neighbour")
                #expect(result.functionError == nil)
                slowest = max(slowest, ContinuousClock.now - begun)
            }
            group.cancelAll()
            harness.time.advance(by: .seconds(901))
        }
        // Its own timeout: in Lambda's terms no invocation of the neighbour would have failed.
        #expect(slowest < .seconds(3), "the slowest took \(slowest)")
        #expect(ProcessTable.memory(of: getpid()) - before < 90 << 20)
        await harness.service.stop(within: .zero)
        #expect(ProcessTable.all(marker: "SLUICE_HOST_ID=\(harness.settings.hostID)").isEmpty, "nothing is left")
        await harness.close()
    }
}
