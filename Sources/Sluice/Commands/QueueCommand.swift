import ArgumentParser
import Events
import Lambda
import Storage

/// `sluice queue`: asynchronous invocations that wait, run or were given up.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Show the asynchronous invocations that wait or run, and the dead letters.",
        discussion: """
            A dead letter is an event that was given up after its retries, or an answer whose destination could not be told. It is
            kept until 'sluice redrive' sends it again.

              sluice queue
              sluice queue --dead --json
            """)

    @Flag(help: "Only the dead letters.")
    var dead = false
    @Option(help: "Only the events of one function.")
    var function: String?
    @Option(help: ArgumentHelp("How many rows at most.", valueName: "count"))
    var limit = 50
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let store = try Records.open(try project.find())
        let (function, limit, dead) = (function, limit, dead)
        let (depths, waiting, letters) = try await store.read { connection in
            (
                try LambdaStore.depths(at: .now, in: connection),
                dead ? [] : try LambdaStore.queued(function: function, limit: limit, in: connection),
                try LambdaStore.deadLetters(function: function, limit: limit, in: connection)
            )
        }
        let chosen = depths.filter { function == nil || $0.functionName == function }
        let running = chosen.map(\.running).reduce(0, +)
        if output.json {
            let json: JSON = [
                "waiting": JSON(chosen.map(\.queued).reduce(0, +) - running), "running": JSON(running),
                "deadLetters": JSON(chosen.map(\.deadLetters).reduce(0, +)), "events": .array(waiting.map(\.json)),
                "dead": .array(letters.map(\.json)),
            ]
            Terminal.output.line(json.pretty)
            return
        }
        if !dead {
            for depth in chosen where depth.queued > 0 {
                Terminal.output.line(
                    "\(depth.functionName): \(depth.queued - depth.running) waiting (\(depth.retrying) for a retry), \(depth.running) running"
                        + (depth.oldest.map { ", the oldest since \((Timestamp.now - $0).short)" } ?? ""))
            }
            if !waiting.isEmpty { Self.table(waiting).print() }
            if waiting.isEmpty { Terminal.output.line("nothing waits") }
        }
        if letters.isEmpty { return _ = Terminal.output.line("no dead letters") }
        Terminal.output.line(Terminal.output.paint("\ndead letters, to be sent again with 'sluice redrive ID'", .bold))
        Self.table(letters).print()
    }

    private static func table(_ rows: [QueuedInvocation]) -> Table {
        var table = Table(
            .init(title: "ID", isNumber: true), .init(title: "FUNCTION"), .init(title: "STATE"),
            .init(title: "TRIES", isNumber: true),
            .init(title: "AGE", isNumber: true), .init(title: "OBJECT", gives: true), .init(title: "ERROR"))
        for row in rows {
            let error = row.deliveryError ?? row.errorMessage ?? row.errorType ?? ""
            table.add(
                .init("\(row.id)"), .init(row.functionName),
                .init(row.runningSince == nil ? row.state.rawValue : "RUNNING"), .init("\(row.tries)"),
                .init((Timestamp.now - row.received).short), .init(row.source?.uri ?? ""),
                .init(error, error.isEmpty ? nil : .red))
        }
        return table
    }
}

extension QueuedInvocation {
    /// The row for programs.
    var json: JSON {
        .compact([
            "id": JSON(id), "requestId": .string(requestID), "function": .string(functionName),
            "state": .string(runningSince == nil || state != .queued ? state.rawValue : "RUNNING"),
            "object": source.map { .string($0.uri) }, "sequencer": source.map { .string($0.sequencer.text) },
            "received": .string(received.iso8601), "due": state == .queued ? .string(due.iso8601) : nil,
            "tries": JSON(tries),
            "ended": ended.map { .string($0.iso8601) }, "condition": condition.map { .string($0.rawValue) },
            "errorType": errorType.map(JSON.string), "errorMessage": errorMessage.map(JSON.string),
            "deliveryTarget": deliveryTarget.map(JSON.string), "deliveryError": deliveryError.map(JSON.string),
        ])
    }
}
