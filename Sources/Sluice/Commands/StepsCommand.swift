import ArgumentParser
import EMR
import Events
import Storage

/// `sluice steps`: the clusters' steps.
struct StepsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steps",
        abstract: "List the steps, or show one with its progress, failure and logs.",
        discussion: """
              sluice steps
              sluice steps --status RUNNING
              sluice steps s-3ABCDEFGHIJKL --log stdout
            """)

    /// Which of a step's logs.
    enum Log: String, ExpressibleByArgument, CaseIterable {
        case controller, stdout, stderr
    }

    @Argument(help: "A step's id; without it, the newest steps are listed.")
    var step: String?
    @Option(help: "Print one of the step's logs: controller, stdout or stderr.")
    var log: Log?
    @Option(
        name: .customLong("status"),
        help: ArgumentHelp("Only steps in this state, for example RUNNING or FAILED.", valueName: "state"))
    var states: [String] = []
    @Option(help: "Only the steps of one cluster, by its id.")
    var cluster: String?
    @Option(help: ArgumentHelp("How many rows at most.", valueName: "count"))
    var limit = 50
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        for state in states where StepState(rawValue: state.uppercased()) == nil {
            throw ValidationError(
                "'\(state)' is no state of a step: \(StepState.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if log != nil, step == nil { throw ValidationError("--log needs a step's id") }
    }

    func run() async throws {
        let store = try Records.open(try project.find())
        if let step { return try await show(step, in: store) }
        let wanted = states.compactMap { StepState(rawValue: $0.uppercased()) }
        let (cluster, limit) = (cluster, limit)
        let steps = try await store.read {
            try EMRStore.steps(of: cluster, states: wanted.isEmpty ? nil : wanted, limit: limit, $0)
        }
        if output.json { return _ = Terminal.output.line(JSON.array(steps.map(\.report)).pretty) }
        if steps.isEmpty { return _ = Terminal.output.line("no steps") }
        var table = Table(
            .init(title: "STEP"), .init(title: "CLUSTER"), .init(title: "STATE"), .init(title: "TIME", isNumber: true),
            .init(title: "TASKS", isNumber: true), .init(title: "NAME"), .init(title: "PROGRAM", gives: true))
        for step in steps {
            table.add(
                .init(step.id), .init(step.clusterID), .init(step.state.rawValue, step.state.colour),
                .init(step.elapsed),
                .init(step.progress.map { "\($0.tasksDone)/\($0.tasks)" } ?? ""), .init(step.name),
                .init(step.hadoopJarStep.args.joined(separator: " ")))
        }
        table.print()
    }

    private func show(_ id: String, in store: Store) async throws {
        guard let step = try await store.read({ try EMRStore.step(id, $0) }) else {
            throw CommandError("there is no step '\(id)'; 'sluice steps' lists them", status: ExitStatus.notFound)
        }
        if let log {
            do {
                Terminal.output.write(
                    String(decoding: try FileBytes.read("\(step.logFolder)/\(log.rawValue)"), as: UTF8.self))
            } catch {
                throw CommandError("\(step.logFolder)/\(log.rawValue): \(error)", status: ExitStatus.notFound)
            }
            return
        }
        if output.json { return _ = Terminal.output.line(step.report.pretty) }
        for line in step.lines(on: .output) { Terminal.output.line(line) }
    }
}

extension StepState {
    var colour: Terminal.Colour? {
        switch self {
        case .completed: .green
        case .failed, .interrupted: .red
        case .cancelled, .cancelPending: .yellow
        case .running: .blue
        case .pending: nil
        }
    }
}

extension Step {
    /// How long it ran, or runs.
    var elapsed: String { started.map { ((ended ?? .now) - $0).short } ?? "" }

    /// The step for programs: EMR's own shape, and what is only here.
    var report: JSON {
        var json = self.json
        json["ClusterId"] = .string(clusterID)
        json["LogFolder"] = .string(logFolder)
        if let progress { json["Progress"] = progress.json }
        return json
    }

    /// The step for a person.
    func lines(on terminal: Terminal) -> [String] {
        var lines = [
            "step \(id) \(name): \(terminal.paint(state.rawValue, state.colour))\(elapsed.isEmpty ? "" : " after \(elapsed)")",
            "  cluster   \(clusterID)",
            "  program   \(hadoopJarStep.jar) \(hadoopJarStep.args.joined(separator: " "))",
        ]
        if let progress {
            lines.append(
                "  progress  \(progress.stagesDone) of \(progress.stages) stages, \(progress.tasksDone) of \(progress.tasks) tasks, "
                    + "\(progress.rowsRead) rows read, \(progress.rowsWritten) written")
        }
        if let failure {
            lines.append("  failure   " + terminal.paint("\(failure.reason): \(failure.message.printable)", .red))
        }
        lines.append("  logs      \(logFolder)/{controller,stdout,stderr}")
        return lines
    }
}
