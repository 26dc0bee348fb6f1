import EMR
import Events
import Foundation
import Testing

/// A project in a temporary folder and the real `sluice` for it: what a user has.
final class TestProject {
    let root: String
    var lake: String { root + "/lake" }

    /// The folder of the built programs: the tests' own bundle lies there too. `SLUICE_PROGRAMS` names another.
    static let programs: String = {
        if let folder = ProcessInfo.processInfo.environment["SLUICE_PROGRAMS"] { return folder }
        let bundle = Bundle.main.bundleURL
        return (bundle.pathExtension == "xctest" ? bundle.deletingLastPathComponent() : bundle).path
    }()

    /// The checkout, for the pipeline that ships and its data.
    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    init(template: String) throws {
        root = NSTemporaryDirectory() + "sluice-e2e-" + Identifier.alphanumeric(8)
        try FileManager.default.createDirectory(atPath: root + "/functions", withIntermediateDirectories: true)
        try template.write(toFile: root + "/functions/template.yaml", atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// Puts a text into the project.
    func write(_ text: String, to path: String, executable: Bool = false) throws {
        let full = root + "/" + path
        try FileManager.default.createDirectory(
            atPath: (full as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: full, atomically: false, encoding: .utf8)
        if executable { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: full) }
    }

    /// Makes a Python module the function in a folder. Its `handle(event)` yields the answer, and goes on once that was taken;
    /// what it raises is the invocation's error.
    func writeFunction(_ module: String, to folder: String) throws {
        try write(module, to: "functions/\(folder)/handler.py")
        try write(
            """
            #!/usr/bin/env python3
            import http.client, json, os
            from handler import handle
            connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
            def call(method, path, body=None):
                connection.request(method, "/2018-06-01/runtime/invocation/" + path, body)
                answer = connection.getresponse()
                return answer.headers, answer.read()
            while True:
                headers, event = call("GET", "next")
                os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
                steps, path, answer = handle(json.loads(event)), "response", None
                try:
                    answer = next(steps)
                except Exception as error:
                    path, answer = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
                call("POST", headers["Lambda-Runtime-Aws-Request-Id"] + "/" + path, json.dumps(answer))
                for _ in steps:
                    pass
            """, to: "functions/\(folder)/bootstrap", executable: true)
    }

    /// Copies a file of the checkout into the project, as `cp` does.
    func copy(_ source: String, to path: String) async throws {
        let full = root + "/" + path
        try FileManager.default.createDirectory(
            atPath: (full as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        let result = try await Self.run("/bin/cp", [Self.checkout + "/" + source, full])
        guard result.status == 0 else { throw HostProcess.Failure(result.error) }
    }

    /// Puts a shell script in java's place, where the host looks for Spark.
    func installSpark(script: String) throws {
        let engine = "cache/sluice/" + SparkInstallation.folderName
        try write("#!/bin/sh\n" + script + "\n", to: engine + "/java", executable: true)
        try write("", to: engine + "/own.jar")
        try write("", to: engine + "/spark/jars/spark.jar")
        let folder = root + "/" + engine
        try write(
            """
            java=\(folder)/java
            python=/bin/sh
            sparkHome=\(folder)/spark
            sparkVersion=0
            classPath=\(folder)/own.jar
            """, to: engine + "/engine.properties")
        try write("", to: engine + "/java.args")
    }

    /// The environment in which the host finds ``installSpark(script:)``.
    var sparkEnvironment: [String: String] { ["XDG_CACHE_HOME": root + "/cache"] }

    /// Makes a built program the function in a folder.
    func install(_ program: String, as folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: root + "/functions/" + folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: root + "/functions/\(folder)/bootstrap", withDestinationPath: Self.programs + "/" + program)
    }

    /// Runs a command to its end.
    @discardableResult
    func sluice(_ arguments: String..., environment: [String: String] = [:]) async throws -> (
        status: Int32, output: String, error: String
    ) {
        try await Self.run(Self.programs + "/sluice", arguments + ["--project", root], environment: environment)
    }

    /// Runs a command that prints JSON.
    func json(_ arguments: String...) async throws -> JSON {
        let result = try await Self.run(Self.programs + "/sluice", arguments + ["--json", "--project", root])
        return try JSON(parsing: result.output)
    }

    /// Runs a program to its end, on a thread of its own: the runtime's few threads must not be blocked.
    static func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) async throws
        -> (status: Int32, output: String, error: String)
    {
        try await onThread { try runBlocking(program, arguments, environment) }
    }

    static func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }

    private static func runBlocking(_ program: String, _ arguments: [String], _ environment: [String: String]) throws
        -> (status: Int32, output: String, error: String)
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        process.standardInput = FileHandle.nullDevice
        let done = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in done.signal() }
        try process.run()
        let text = DispatchQueue(label: "error")
        nonisolated(unsafe) var errorData = Data()  // Read only after the queue's work has ended, below.
        text.async { errorData = error.fileHandleForReading.readDataToEndOfFile() }
        let outputData = output.fileHandleForReading.readDataToEndOfFile()
        done.wait()
        text.sync {}
        return (
            process.terminationStatus, String(decoding: outputData, as: UTF8.self),
            String(decoding: errorData, as: UTF8.self)
        )
    }
}

/// A running `sluice up`, whose `--json` lines are the events that tests wait for.
final class HostProcess {
    private let process = Process()
    private let output = Pipe()
    private let lines: AsyncStream<JSON>
    /// Everything that it has said so far, for a test that fails.
    private(set) var said: [JSON] = []
    private var iterator: AsyncStream<JSON>.Iterator
    private let ended: AsyncStream<Int32>

    /// Starts the host and returns once it is ready, or has said `notice` where one is given. `through` is a program, with its
    /// arguments, that starts it.
    init(
        _ project: TestProject, _ arguments: String..., environment: [String: String] = [:], through: [String] = [],
        saying notice: String? = nil
    ) async throws {
        let (lines, continuation) = AsyncStream.makeStream(of: JSON.self)
        self.lines = lines
        iterator = lines.makeAsyncIterator()
        let command =
            through + [TestProject.programs + "/sluice", "up", "--project", project.root, "--port", "0", "--json"]
            + arguments
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        let (ended, end) = AsyncStream.makeStream(of: Int32.self)
        self.ended = ended
        process.terminationHandler = {
            end.yield($0.terminationStatus)
            end.finish()
        }
        try process.run()
        let handle = output.fileHandleForReading
        Thread.detachNewThread {
            var rest: [UInt8] = []
            while true {
                let data = handle.availableData
                if data.isEmpty { break }
                rest.append(contentsOf: data)
                while let end = rest.firstIndex(of: 0x0A) {
                    if let json = try? JSON(parsing: Array(rest[..<end])) { continuation.yield(json) }
                    rest.removeFirst(end + 1)
                }
            }
            continuation.finish()
        }
        if let notice {
            try await wait("notice", notice)
        } else {
            try await ready()
        }
    }

    /// Returns once the host is ready.
    func ready() async throws { try await wait("the host is ready") { $0["ready"]?.bool == true } }

    /// Waits for a notice that holds a text.
    func wait(_ what: String, _ text: String) async throws {
        try await wait("\(what): \(text)") { $0["notice"]?.string?.contains(text) == true }
    }

    /// How many notices so far hold a text.
    func notices(_ text: String) -> Int { said.count { $0["notice"]?.string?.contains(text) == true } }

    deinit { kill(process.processIdentifier, SIGKILL) }

    var port: Int { said.compactMap { $0["port"]?.int }.first ?? 0 }
    var processID: Int32 { process.processIdentifier }

    /// Waits for a line that fits. Fails the test when the host ends first.
    @discardableResult
    func wait(_ what: String, _ fits: (JSON) -> Bool) async throws -> JSON {
        if let before = said.first(where: fits) { return before }
        while let line = await iterator.next() {
            said.append(line)
            if fits(line) { return line }
        }
        let all = said.map(\.description).joined(separator: "\n")
        throw Failure("the host ended while the test waited for: \(what). It had said:\n\(all)")
    }

    /// Waits until `count` lines fit.
    func wait(_ what: String, count: Int, _ fits: (JSON) -> Bool) async throws {
        var found = said.filter(fits).count
        while found < count {
            guard let line = await iterator.next() else {
                throw Failure("the host ended while the test waited for \(count) of: \(what); there were \(found)")
            }
            said.append(line)
            if fits(line) { found += 1 }
        }
    }

    /// Waits for the end; its exit status.
    func waitForExit() async throws -> Int32 {
        for await status in ended { return status }
        return process.terminationStatus
    }

    /// SIGTERM, and waits for the end; its exit status.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) async throws -> Int32 {
        kill(process.processIdentifier, signal)
        return try await waitForExit()
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
