import ArgumentParser
import Events
import StepFunctions
import Storage

/// `sluice executions`: what state machines did.
struct ExecutionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "executions",
        abstract: "List the executions of state machines, or show one with its history.",
        discussion: """
              sluice executions --status FAILED
              sluice executions arn:aws:states:us-east-1:000000000000:execution:flights-pipeline:9f0c…
              sluice executions 9f0c…                            by the beginning of its name
            """)

    @Argument(help: "An execution's ARN, or the beginning of its name; without it, the newest are listed.")
    var execution: String?
    @Option(help: "Only executions with this status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.")
    var status: String?
    @Option(help: ArgumentHelp("How many rows at most.", valueName: "count"))
    var limit = 50
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let status, ExecutionStatus(rawValue: status.uppercased()) == nil {
            throw ValidationError("'\(status)' is no status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED")
        }
    }

    func run() async throws {
        let store = try Records.open(try project.find())
        if let execution { return try await show(execution, in: store) }
        let (wanted, limit) = (status.flatMap { ExecutionStatus(rawValue: $0.uppercased()) }, limit)
        let found = try await store.read { try StepFunctionsStore.executions(status: wanted, limit: limit, in: $0) }
        if output.json { return _ = Terminal.output.line(JSON.array(found.map(\.report)).pretty) }
        if found.isEmpty { return _ = Terminal.output.line("no executions") }
        var table = Table(
            .init(title: "STARTED"), .init(title: "STATUS"), .init(title: "TIME", isNumber: true),
            .init(title: "MACHINE"),
            .init(title: "NAME", gives: true), .init(title: "ERROR"))
        for execution in found {
            table.add(
                .init(execution.startDate.iso8601(milliseconds: false)),
                .init(execution.status.rawValue, execution.status.colour),
                .init(((execution.stopDate ?? .now) - execution.startDate).short),
                .init(ARN(execution.stateMachineARN)?.name ?? ""),
                .init(execution.name), .init(execution.failure?.error ?? "", .red))
        }
        table.print()
    }

    private func show(_ wanted: String, in store: Store) async throws {
        let found = try await store.read { connection -> (Execution, [HistoryEvent])? in
            let execution =
                try wanted.hasPrefix("arn:")
                ? StepFunctionsStore.execution(wanted, in: connection)
                : StepFunctionsStore.executions(namePrefix: wanted, limit: 1, in: connection).first
            guard let execution else { return nil }
            return (execution, try StepFunctionsStore.history(of: execution.arn, limit: 25_000, in: connection))
        }
        guard let (execution, history) = found else {
            throw CommandError(
                "there is no execution '\(wanted)'; 'sluice executions' lists them", status: ExitStatus.notFound)
        }
        if output.json {
            var json = execution.report
            json["events"] = .array(history.map(\.json))
            return _ = Terminal.output.line(json.pretty)
        }
        for line in execution.lines(on: .output) { Terminal.output.line(line) }
        var table = Table(
            .init(title: "ID", isNumber: true), .init(title: "TIME"), .init(title: "EVENT"),
            .init(title: "DETAILS", gives: true))
        for event in history {
            table.add(
                .init("\(event.id)"), .init(event.timestamp.iso8601),
                .init(event.type, event.type.hasSuffix("Failed") ? .red : nil),
                .init(event.details.object?.isEmpty == false ? event.details.description.fitted(160) : ""))
        }
        table.print()
    }
}

extension ExecutionStatus {
    var colour: Terminal.Colour? {
        switch self {
        case .running: .blue
        case .succeeded: .green
        case .failed, .timedOut: .red
        case .aborted: .yellow
        }
    }
}

extension Execution {
    /// The execution for programs: the shape of DescribeExecution, with readable times and its input and output as JSON.
    var report: JSON {
        var json = self.json
        json["startDate"] = .string(startDate.iso8601)
        if let stopDate { json["stopDate"] = .string(stopDate.iso8601) }
        json["input"] = input
        if let output { json["output"] = output }
        return json
    }

    /// The execution for a person.
    func lines(on terminal: Terminal) -> [String] {
        var lines = [
            "execution \(name) of \(ARN(stateMachineARN)?.name ?? stateMachineARN): \(terminal.paint(status.rawValue, status.colour)) after \(((stopDate ?? .now) - startDate).short)"
        ]
        if let failure {
            lines.append("  failure   " + terminal.paint("\(failure.error): \(failure.cause.fitted(400))", .red))
        }
        return lines
    }
}
