import ArgumentParser
import Events
import Lambda
import Storage

/// `sluice functions`: what there is and what it has done.
struct FunctionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "functions",
        abstract: "List the functions with what they have done so far.",
        discussion: """
              sluice functions
              sluice functions --json | jq '.[] | select(.errors > 0)'
            """)

    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        let template = try? PipelineConfiguration.load(project)
        var figures: [String: FunctionFigures] = [:]
        var depths: [String: QueueDepth] = [:]
        do {
            let store = try Records.open(project)
            let (all, waiting) = try await store.read {
                (try LambdaStore.figures(in: $0), try LambdaStore.depths(at: .now, in: $0))
            }
            figures = Dictionary(all.map { ($0.functionName, $0) }, uniquingKeysWith: { $1 })
            depths = Dictionary(waiting.map { ($0.functionName, $0) }, uniquingKeysWith: { $1 })
        } catch StoreError.missing {
            // Nothing has run yet: the template alone says what there is.
        }
        let names = Set((template?.functions ?? []).map(\.name)).union(figures.keys).sorted()
        if output.json {
            Terminal.output.line(JSON.array(names.map { Self.json($0, template, figures[$0], depths[$0]) }).pretty)
            return
        }
        var table = Table(
            .init(title: "FUNCTION"), .init(title: "RUNTIME"), .init(title: "TIMEOUT", isNumber: true),
            .init(title: "MEMORY", isNumber: true), .init(title: "INVOCATIONS", isNumber: true),
            .init(title: "ERRORS", isNumber: true),
            .init(title: "WAITING", isNumber: true), .init(title: "LAST", isNumber: true),
            .init(title: "DURATION", isNumber: true),
            .init(title: "STATUS", gives: true))
        for name in names {
            let function = template?.functions.first { $0.name == name }
            let figure = figures[name]
            table.add(
                .init(name), .init(function?.runtime ?? "(not in the template)"),
                .init(function.map { "\($0.timeout) s" } ?? ""),
                .init(function.map { "\($0.memorySize) MB" } ?? ""), .init("\(figure?.invocations ?? 0)"),
                .init("\(figure?.errors ?? 0)", (figure?.errors ?? 0) > 0 ? .red : nil),
                .init("\(depths[name]?.queued ?? 0)"),
                .init(figure.map { (Timestamp.now - $0.lastStarted).short + " ago" } ?? "never"),
                .init(figure.map { Plot.decimals($0.lastDuration, 2) + " ms" } ?? ""),
                .init(figure.map { $0.lastError ?? $0.lastStatus } ?? "", figure?.lastError == nil ? nil : .red))
        }
        table.print()
    }

    private static func json(
        _ name: String, _ template: PipelineConfiguration?, _ figure: FunctionFigures?, _ depth: QueueDepth?
    ) -> JSON {
        let function = template?.functions.first { $0.name == name }
        return .compact([
            "functionName": .string(name), "runtime": function.map { .string($0.runtime) },
            "timeout": function.map { JSON($0.timeout) },
            "memorySize": function.map { JSON($0.memorySize) }, "program": function?.executable.map(JSON.string),
            "invocations": JSON(figure?.invocations ?? 0), "errors": JSON(figure?.errors ?? 0),
            "waiting": JSON(depth?.queued ?? 0),
            "running": JSON(depth?.running ?? 0), "deadLetters": JSON(depth?.deadLetters ?? 0),
            "lastRequestId": figure.map { .string($0.lastRequestID) },
            "lastStarted": figure.map { .string($0.lastStarted.iso8601) },
            "lastDuration": figure.map { JSON($0.lastDuration) }, "lastStatus": figure.map { .string($0.lastStatus) },
            "lastError": figure?.lastError.map(JSON.string), "lastLogStream": figure.map { .string($0.lastLogStream) },
        ])
    }
}
