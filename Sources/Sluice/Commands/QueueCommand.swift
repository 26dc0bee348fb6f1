import ArgumentParser
import EventBridge
import Events
import Lambda
import Storage

/// `sluice queue`: asynchronous invocations that wait, run or were given up.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Show the asynchronous invocations that wait or run, and the dead letters.",
        discussion: """
            A dead letter is an event that was given up after its retries, an answer whose destination could not be told, or an \
            event that a rule's target would not take (its id begins with an e). It is kept until 'sluice redrive' sends it again.

              sluice queue
              sluice queue --dead --error timeout
              sluice queue --function validate-flights --limit 1000 --json
            """)

    @Flag(help: "Only the dead letters.")
    var dead = false
    @OptionGroup var chosen: LetterFilter
    @Option(help: ArgumentHelp("How many rows of a kind at most.", valueName: "count"))
    var limit = 50
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit is a count of rows, 0 or more") }
    }

    func run() async throws {
        let store = try Records.open(try project.find())
        let (function, error, limit, dead) = (chosen.function, chosen.error, limit, dead)
        let (depths, waiting, letters, retrying, undelivered, counts) = try await store.read { connection in
            (
                try LambdaStore.depths(at: .now, in: connection).filter {
                    function == nil || $0.functionName == function
                },
                dead ? [] : try LambdaStore.queued(function: function, error: error, limit: limit, in: connection),
                try LambdaStore.deadLetters(function: function, error: error, limit: limit, in: connection),
                dead
                    ? []
                    : try EventBridgeStore.retrying(function: function, error: error, limit: limit, in: connection),
                try EventBridgeStore.deadLetters(function: function, error: error, limit: limit, in: connection),
                (
                    letters: try LambdaStore.deadLetterCount(function: function, error: error, in: connection).count,
                    retrying: try EventBridgeStore.retryingCount(
                        function: function, error: error, in: connection),
                    undelivered: try EventBridgeStore.deadLetterCount(
                        function: function, error: error, in: connection
                    ).count
                )
            )
        }
        let running = depths.map(\.running).reduce(0, +)
        if output.json {
            let json: JSON = [
                "waiting": JSON(depths.map(\.queued).reduce(0, +) - running), "running": JSON(running),
                "retryingDeliveries": JSON(counts.retrying),
                "deadLetters": JSON(counts.letters + counts.undelivered),
                "events": .array(waiting.map(\.json) + retrying.map { $0.json(state: "QUEUED") }),
                "dead": .array(letters.map(\.json) + undelivered.map { $0.json(state: "FAILED") }),
            ]
            Terminal.output.line(json.pretty)
            return
        }
        if !dead {
            for depth in depths where depth.queued > 0 {
                Terminal.output.line(
                    "\(depth.functionName): \(depth.queued - depth.running) waiting (\(depth.retrying) for a retry), \(depth.running) running"
                        + (depth.oldest.map { ", the oldest since \((Timestamp.now - $0).short)" } ?? ""))
            }
            if waiting.isEmpty, retrying.isEmpty { Terminal.output.line("nothing waits") }
            // With a text to look for, what else waits is not counted.
            let all = error == nil ? depths.map(\.queued).reduce(0, +) : waiting.count
            Self.print(waiting, retrying, state: "QUEUED", of: all + counts.retrying)
        }
        if letters.isEmpty, undelivered.isEmpty { return _ = Terminal.output.line("no dead letters") }
        Terminal.output.line(Terminal.output.paint("\ndead letters, to be sent again with 'sluice redrive ID'", .bold))
        Self.print(letters, undelivered, state: "FAILED", of: counts.letters + counts.undelivered)
    }

    private static func print(
        _ invocations: [QueuedInvocation], _ deliveries: [EventBridge.DeadLetter], state: String, of count: Int
    ) {
        let shown = invocations.count + deliveries.count
        if shown > 0 {
            var table = Table(
                .init(title: "ID", isNumber: true), .init(title: "FUNCTION"), .init(title: "STATE"),
                .init(title: "TRIES", isNumber: true),
                .init(title: "AGE", isNumber: true), .init(title: "OBJECT", gives: true), .init(title: "ERROR"))
            for row in invocations {
                let error = row.deliveryError ?? row.errorMessage ?? row.errorType ?? ""
                table.add(
                    .init("\(row.id)"), .init(row.functionName), .init(row.stateName), .init("\(row.tries)"),
                    .init((Timestamp.now - row.received).short), .init(row.source?.uri ?? ""),
                    .init(error, error.isEmpty ? nil : .red))
            }
            for row in deliveries {
                table.add(
                    .init("e\(row.id)"), .init(row.targetName), .init(state), .init("\(row.retryAttempts + 1)"),
                    .init((Timestamp.now - row.created).short), .init(row.ruleName),
                    .init("\(row.errorCode): \(row.errorMessage)", .red))
            }
            table.print()
        }
        if count > shown { Terminal.output.line("… and \(count - shown) more (--limit)") }
    }
}

extension EventBridge.DeadLetter {
    /// The rule by its name, as a delivery has no object.
    fileprivate var ruleName: String { "rule " + (ARN(rule)?.name ?? rule) }
    fileprivate var targetName: String { ARN(targetARN)?.name ?? targetARN }

    /// The row for programs.
    fileprivate func json(state: String) -> JSON {
        .compact([
            "id": .string("e\(id)"), "state": .string(state), "rule": .string(rule), "target": .string(targetARN),
            "event": event, "received": .string(created.iso8601),
            "due": state == "QUEUED" ? .string(time.iso8601) : nil,
            "ended": state == "QUEUED" ? nil : .string(time.iso8601), "tries": JSON(retryAttempts + 1),
            "errorType": .string(errorCode), "errorMessage": .string(errorMessage),
        ])
    }
}

extension QueuedInvocation {
    fileprivate var stateName: String {
        runningSince == nil || state != .queued ? state.rawValue : "RUNNING"
    }

    /// The row for programs.
    var json: JSON {
        .compact([
            "id": JSON(id), "requestId": .string(requestID), "function": .string(functionName),
            "state": .string(stateName),
            "object": source.map { .string($0.uri) }, "sequencer": source.map { .string($0.sequencer.text) },
            "received": .string(received.iso8601), "due": state == .queued ? .string(due.iso8601) : nil,
            "tries": JSON(tries),
            "ended": ended.map { .string($0.iso8601) }, "condition": condition.map { .string($0.rawValue) },
            "errorType": errorType.map(JSON.string), "errorMessage": errorMessage.map(JSON.string),
            "deliveryTarget": deliveryTarget.map(JSON.string), "deliveryError": deliveryError.map(JSON.string),
        ])
    }
}
