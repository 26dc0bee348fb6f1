import ArgumentParser
import Events
import Gateway
import Glibc
import Lambda
import Storage

/// `sluice invoke`: one invocation, now.
struct InvokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoke",
        abstract: "Invoke a function and print its answer.",
        discussion: """
            A running host is asked by Lambda's own Invoke call. Without a host the function is run by itself: its log goes to \
            standard error and nothing is written down.

              sluice invoke validate-flights --event events/s3-put-passes.json
              echo '{"a":1}' | sluice invoke echo --event -
              sluice invoke validate-flights --event e.json --async      queue it (needs a host)

            The answer goes to standard output, the log to standard error. Exits with 1 where the function failed.
            """)

    @Argument(help: "The function's name.")
    var function: String
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "A file with the event, or - for standard input (default: an empty object).", valueName: "file"))
    var event: String?
    @Flag(name: .customLong("async"), help: "Queue it, as S3 would, instead of waiting for the answer.")
    var isAsync = false
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        let payload = try readEvent()
        if let holder = HostLock.holder(of: project) {
            guard let port = holder.port else {
                throw CommandError(
                    "the host (process \(holder.processID)) is still starting; try again in a moment",
                    status: ExitStatus.unusable)
            }
            try await ask(GatewayClient(port: port), payload)
        } else {
            guard !isAsync else {
                throw CommandError(
                    "--async needs a running host; start it with 'sluice up'", status: ExitStatus.unusable)
            }
            try await runAlone(project, payload)
        }
    }

    private func readEvent() throws -> [UInt8] {
        guard let event else { return Array("{}".utf8) }
        let bytes: [UInt8]
        do {
            bytes = try FileBytes.read(event == "-" ? "/dev/stdin" : event)
        } catch {
            throw CommandError("\(event): \(error)", status: ExitStatus.notFound)
        }
        do {
            _ = try JSON(parsing: bytes)
        } catch {
            throw CommandError("\(event):\(error.line):\(error.column): no JSON: \(error.message)")
        }
        return bytes
    }

    private func ask(_ client: GatewayClient, _ payload: [UInt8]) async throws {
        let result: InvokeResult
        do {
            result = try await client.invoke(
                function: function, payload: payload, type: isAsync ? .event : .requestResponse, logTail: !isAsync)
        } catch let error as AWSError {
            throw CommandError(
                "\(error.code): \(error.message)",
                status: error.code == "ResourceNotFoundException" ? ExitStatus.notFound : ExitStatus.failed)
        }
        let log = result.logResult.flatMap { [UInt8](base64: $0) }.map { String(decoding: $0, as: UTF8.self) }
        try show(result, log: log ?? "")
    }

    private func runAlone(_ project: Project, _ payload: [UInt8]) async throws {
        let configuration: PipelineConfiguration
        do {
            configuration = try PipelineConfiguration.load(project)
        } catch {
            throw CommandError("\(error)", status: ExitStatus.unusable)
        }
        guard let one = configuration.functions.first(where: { $0.name == function }) else {
            let names = configuration.functions.map(\.name).joined(separator: ", ")
            throw CommandError(
                "there is no function '\(function)'; the template has: \(names)", status: ExitStatus.notFound)
        }
        let scratch = "/tmp/sluice-invoke-\(getpid())"
        mkdir(scratch, 0o700)
        defer { FileBytes.removeFolder(scratch) }
        // A store of its own: events that wait in the project's queue stay there for the host.
        let store = try Store(path: scratch + "/sluice.db", schemas: [LambdaService.schema])
        defer { store.close() }
        let showsLog = !output.json
        let lambda = try LambdaService(
            store: store, time: SystemTime(),
            settings: LambdaSettings(
                stateFolder: scratch, hostID: "invoke-\(getpid())",
                environment: Pipeline.functionEnvironment(project, port: nil)),
            emission: LambdaEmission(
                place: configuration.place,
                logs: { batch, _ in
                    guard showsLog else { return }
                    for event in batch.events {
                        Terminal.error.line(Terminal.error.paint(event.message.printable, .grey))
                    }
                }, metrics: { _, _ in }, deliver: { _, _, _ in }, deadLetter: { _, _, _ in },
                trouble: { SluiceCommand.say($0) }))
        try await lambda.start(functions: [one])
        let answer: Result<InvokeResult, any Error>
        do {
            answer = .success(
                try await lambda.invoke(
                    InvokeRequest(functionName: function, payload: payload, wantsLogTail: !showsLog)))
        } catch {
            answer = .failure(CommandError("\(error.code): \(error)"))
        }
        await lambda.stop(within: .seconds(1))
        try show(try answer.get(), log: "")
    }

    private func show(_ result: InvokeResult, log: String) throws {
        if output.json {
            var json: JSON = ["statusCode": JSON(result.statusCode), "requestId": .string(result.requestID)]
            if let error = result.functionError { json["functionError"] = .string(error) }
            if !log.isEmpty { json["log"] = .string(log) }
            if !result.payload.isEmpty {
                json["payload"] =
                    (try? JSON(parsing: result.payload)) ?? .string(String(decoding: result.payload, as: UTF8.self))
            }
            Terminal.output.line(json.pretty)
        } else {
            if !log.isEmpty {
                Terminal.error.write(Terminal.error.paint(log.hasSuffix("\n") ? log : log + "\n", .grey))
            }
            if result.statusCode == 202 { return _ = Terminal.output.line("queued as \(result.requestID)") }
            let text = String(decoding: result.payload, as: UTF8.self)
            Terminal.output.line(Terminal.output.isInteractive ? (try? JSON(parsing: text))?.pretty ?? text : text)
        }
        if result.functionError != nil { throw ExitStatus.failed }
    }
}
