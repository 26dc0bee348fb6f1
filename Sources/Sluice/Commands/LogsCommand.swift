import ArgumentParser
import CloudWatch
import Events
import Storage

/// `sluice logs`: what functions printed.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print log events: of a function, of a log group, or of all.",
        discussion: """
            Filter patterns are those of CloudWatch Logs: terms, "exact phrases", ?any ?of, -without, { $.level = "ERROR" }.

              sluice logs validate-flights --since 10m
              sluice logs --follow --filter '?ERROR ?Exception'
              sluice logs validate-flights --request 9f0c…      the lines of one invocation
            """)

    @Argument(help: "A function's name or a log group's; without it, all groups.")
    var name: String?
    @Flag(name: .shortAndLong, help: "Go on printing what comes.")
    var follow = false
    @Option(
        help: ArgumentHelp(
            "Where to start: a time ago (10m, 2h, 3d) or a time (default: everything).", valueName: "time"))
    var since: Moment?
    @Option(help: ArgumentHelp("Only events that match a filter pattern.", valueName: "pattern"))
    var filter: String?
    @Option(help: ArgumentHelp("Only the events of one invocation, by its request id.", valueName: "id"))
    var request: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Only the newest events.", valueName: "count"))
    var lines: Int?
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let lines, !(1...10_000).contains(lines) { throw ValidationError("--lines must be 1 to 10000") }
    }

    func run() async throws {
        let store = try Records.open(try project.find())
        let logs = Logs(store: store)
        let pattern = try pattern()
        let printer = LogPrinter(json: output.json, terminal: .output)
        var cursor = try await store.read { try logs.lastEventID(in: $0) }
        let groups = try await groups(of: logs, in: store)
        for group in groups {
            guard try await printPast(group, of: logs, pattern, printer, showsGroup: groups.count > 1) else { return }
        }
        guard follow else { return }
        let wanted = name
        try await Sluice.follow {
            let tail = try await logs.tail(after: cursor, filterPattern: pattern)
            cursor = tail.cursor
            for event in tail.events where wanted.map({ Self.names(of: $0).contains(event.logGroup) }) ?? true {
                guard accepts(event), printer.print(event, showsGroup: wanted == nil) else { return false }
            }
            return true
        }
    }

    private func pattern() throws -> FilterPattern? {
        do {
            return try filter.map { try FilterPattern($0) }
        } catch {
            throw CommandError("--filter: \(error)", status: ExitCode.validationFailure)
        }
    }

    /// A function's group, or a group by its own name.
    private static func names(of name: String) -> [String] { [name, "/aws/lambda/" + name] }

    private func groups(of logs: Logs, in store: Store) async throws -> [String] {
        let wanted = name
        let all = try await store.read { connection in
            var all: [String] = []
            while true {
                let page = try logs.groups(after: all.last ?? "", in: connection).map(\.name)
                all += page
                if page.count < 50 { return all }
            }
        }
        guard let wanted else { return all }
        let found = all.filter { Self.names(of: wanted).contains($0) }
        if found.isEmpty, !follow {
            throw CommandError(
                "no log group '\(wanted)' or '/aws/lambda/\(wanted)' yet; there \(all.isEmpty ? "are none" : "is: \(all.joined(separator: ", "))")",
                status: ExitStatus.notFound)
        }
        return found
    }

    private func accepts(_ event: StoredLogEvent) -> Bool { request.map { event.message.contains($0) } ?? true }

    /// False once the reader has gone.
    private func printPast(
        _ group: String, of logs: Logs, _ pattern: FilterPattern?, _ printer: LogPrinter, showsGroup: Bool
    ) async throws -> Bool {
        var query = Logs.Query(logGroup: group)
        query.startTime = since?.resolved(now: .now)
        query.filterPattern = pattern
        query.limit = lines ?? 1000
        query.startFromHead = lines == nil
        if let request {
            // START names the request; what the function itself printed stands between it and END, in one stream.
            query.filterPattern = try FilterPattern("\"\(request)\"")
            guard let first = try await logs.events(query).events.first else { return true }
            query.filterPattern = pattern
            query.logStream = first.logStream
            query.startTime = first.timestamp
        }
        var isInside = request == nil
        while true {
            let page = try await logs.events(query)
            for event in page.events {
                if let request {
                    if event.message.hasPrefix("START RequestId: ") { isInside = event.message.contains(request) }
                    guard isInside || event.message.contains(request) else { continue }
                }
                guard printer.print(event, showsGroup: showsGroup) else { return false }
            }
            if page.isComplete || lines != nil { return true }
            query.nextToken = page.nextForwardToken
        }
    }
}

/// Prints log events, one a line.
struct LogPrinter {
    let json: Bool
    let terminal: Terminal

    /// False once the reader has gone.
    func print(_ event: StoredLogEvent, showsGroup: Bool) -> Bool {
        if json {
            let line: JSON = [
                "timestamp": JSON(event.timestamp.milliseconds), "logGroup": .string(event.logGroup),
                "logStream": .string(event.logStream), "message": .string(event.message),
            ]
            return terminal.line(line.description)
        }
        let message = event.message.split(separator: "\n", omittingEmptySubsequences: false).map {
            String($0).printable
        }
        .joined(separator: "\n")
        let group = showsGroup ? terminal.paint(event.logGroup, .blue) + "  " : ""
        return terminal.line(
            terminal.paint(event.timestamp.iso8601, .grey) + "  " + group
                + terminal.paint(message, Self.colour(message)))
    }

    private static func colour(_ message: String) -> Terminal.Colour? {
        if ["START RequestId", "END RequestId", "REPORT RequestId", "INIT_START", "INIT_REPORT"].contains(
            where: message.hasPrefix)
        {
            return .grey
        }
        return message.contains("ERROR") || message.contains("Task timed out") || message.contains("Runtime.")
            ? .red : nil
    }
}
