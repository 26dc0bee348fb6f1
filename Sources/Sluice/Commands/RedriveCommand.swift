import ArgumentParser
import EventBridge
import Events
import Glibc
import Lambda
import Storage

/// `sluice redrive`: dead letters, sent again.
struct RedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract:
            "Send dead letters again: events that were given up, and answers whose destination could not be told.",
        discussion: """
            An event becomes a new invocation; an answer goes to its destination without running the function again; an event \
            that a rule's target would not take (an id with an e) goes to that target. A running host takes them at once, else \
            the next one does.

            With --all the oldest goes first, and what becomes a dead letter meanwhile is left for the next time. Ctrl-C stops \
            between two letters: what was sent is sent, the rest stays.

              sluice queue --dead                 what there is, with ids
              sluice redrive 17 18 e3
              sluice redrive --all --function validate-flights --error timeout --dry-run
              sluice redrive --all --limit 1000
            """)

    @Argument(help: "Ids of dead letters, as 'sluice queue --dead' shows them.")
    var ids: [LetterID] = []
    @Flag(help: "All dead letters, or those that --function and --error choose.")
    var all = false
    @OptionGroup var chosen: LetterFilter
    @Option(help: ArgumentHelp("With --all: how many at most.", valueName: "count"))
    var limit: Int?
    @Flag(help: "Only tell what would be sent.")
    var dryRun = false
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    /// Letters in one transaction.
    private static let batch = 256
    /// Letters that are told one by one; beyond them a count says more.
    private static let told = 20

    func validate() throws {
        guard all != !ids.isEmpty else { throw ValidationError("name ids, or --all") }
        guard all || (chosen.function == nil && chosen.error == nil && limit == nil) else {
            throw ValidationError("--function, --error and --limit go with --all")
        }
        guard limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit is a count of letters, 1 or more") }
    }

    func run() async throws {
        let project = try project.find()
        let configuration: PipelineConfiguration
        do {
            configuration = try PipelineConfiguration.load(project)
        } catch {
            throw CommandError("\(error)", status: ExitStatus.unusable)
        }
        guard access(project.database, F_OK) == 0 else { throw StoreError.missing(path: project.database) }
        // The rooms are made but not started: nothing runs here, the rows are written for the host.
        let store = try Store(path: project.database, schemas: Records.schemas)
        defer { store.close() }
        let feed = Feed(json: false, quiet: true, time: SystemTime()) { "" }
        defer { feed.close() }
        let pipeline = try Pipeline(
            configuration, project: project, port: 0, store: store, time: SystemTime(), feed: feed)
        try await pipeline.prepareForWriting()

        var letters = try await DeadLetters(ids, all: all, chosen, limit: limit, store)
        var report = Report(json: output.json, isDry: dryRun, total: letters.total)
        let interruption = Interruption()
        while !interruption.isSet, let next = try await letters.next(Self.batch, store) {
            let outcomes = dryRun ? next.map { ($0, nil) } : try await send(next, pipeline, store)
            for (id, outcome) in outcomes { report.add(id, outcome) }
            // The host takes them as they come.
            if !dryRun, let holder = HostLock.holder(of: project) { kill(holder.processID, SIGUSR1) }
        }
        report.close(isInterrupted: interruption.isSet)
        if interruption.isSet { throw ExitCode(130) }
        if report.failures > 0 { throw ExitStatus.failed }
    }

    private func send(
        _ letters: [LetterID], _ pipeline: Pipeline, _ store: Store
    ) async throws -> [(LetterID, LambdaService.Redriven?)] {
        let invocations = letters.compactMap { if case .invocation(let id) = $0 { id } else { nil } }
        let deliveries = letters.compactMap { if case .delivery(let id) = $0 { id } else { nil } }
        var outcomes: [LetterID: LambdaService.Redriven] = [:]
        if !invocations.isEmpty {
            for (id, outcome) in zip(invocations, try await pipeline.lambda.redrive(invocations)) {
                outcomes[.invocation(id)] = outcome
            }
        }
        if !deliveries.isEmpty {
            let bus = pipeline.bus
            let revived = try await store.write { connection in
                try deliveries.map { try bus.redrive($0, in: connection) }
            }
            for (id, isRevived) in zip(deliveries, revived) { outcomes[.delivery(id)] = isRevived ? .told : .gone }
        }
        return letters.map { ($0, outcomes[$0]) }
    }

    // MARK: - What is told

    private struct Report {
        let json: Bool
        let isDry: Bool
        let total: Int
        private(set) var failures = 0
        private var (queued, told, gone, done) = (0, 0, 0, 0)
        private let begun = ContinuousClock.now
        private var drawn: ContinuousClock.Instant?

        init(json: Bool, isDry: Bool, total: Int) {
            self.json = json
            self.isDry = isDry
            self.total = total
            if json { Terminal.output.write("[") }
        }

        /// `outcome` is nil where nothing was sent.
        mutating func add(_ id: LetterID, _ outcome: LambdaService.Redriven?) {
            var line: String?
            var object: JSON = .compact(["id": id.json])
            switch outcome {
            case nil: line = "\(id): would be sent"
            case .queued(let request):
                queued += 1
                line = "\(id): queued as \(request)"
                object["requestId"] = .string(request)
            case .told:
                told += 1
                line = id.isDelivery ? "\(id): goes to its target" : "\(id): its destination was told"
            case .gone:
                gone += 1
                line = "\(id): was sent by somebody else meanwhile"
                object["error"] = "no such dead letter"
            case .failed(let message):
                failures += 1
                clear()
                Terminal.error.line("\(id): stays a dead letter: \(message.printable)")
                object["error"] = .string(message)
            }
            if json {
                Terminal.output.write((done == 0 ? "\n  " : ",\n  ") + object.description)
            } else if done < RedriveCommand.told, let line {
                Terminal.output.line(line)
            }
            done += 1
            if !json, done == RedriveCommand.told, total > done { Terminal.output.line("…") }
            show()
        }

        mutating func close(isInterrupted: Bool) {
            clear()
            if json { return _ = Terminal.output.line(done == 0 ? "]" : "\n]") }
            if total == 0 { return _ = Terminal.output.line("no dead letters to send") }
            var parts: [String] = []
            if isDry { parts.append("\(done) would be sent") }
            if queued > 0 { parts.append("\(queued) queued again") }
            if told > 0 { parts.append("\(told) on the way to their destinations") }
            if gone > 0 { parts.append("\(gone) had been sent already") }
            if failures > 0 { parts.append("\(failures) stay dead letters") }
            if isInterrupted { parts.append("stopped, \(total - done) left as they were") }
            if done > 1 || isInterrupted { Terminal.output.line(parts.joined(separator: ", ")) }
        }

        private mutating func show() {
            let now = ContinuousClock.now
            guard Terminal.error.isInteractive, now - begun > .milliseconds(500),
                drawn.map({ now - $0 > .milliseconds(100) }) ?? true
            else { return }
            drawn = now
            Terminal.error.write("\r\u{1B}[Ksent \(done) of \(total), \(total > 0 ? done * 100 / total : 100) %")
        }

        private mutating func clear() {
            if drawn != nil { Terminal.error.write("\r\u{1B}[K") }
            drawn = nil
        }
    }
}
