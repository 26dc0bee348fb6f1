import ArgumentParser
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
            An event becomes a new invocation; an answer goes to its destination without running the function again. A running
            host takes them at once, else the next one does.

              sluice queue --dead                 what there is, with ids
              sluice redrive 17 18
              sluice redrive --all --function validate-flights
            """)

    @Argument(help: "Ids of dead letters, as 'sluice queue --dead' shows them.")
    var ids: [Int64] = []
    @Flag(help: "All dead letters.")
    var all = false
    @Option(help: "With --all: only those of one function.")
    var function: String?
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard all != !ids.isEmpty else { throw ValidationError("name ids, or --all") }
        guard function == nil || all else { throw ValidationError("--function goes with --all") }
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
        var sent: [JSON] = []
        for id in try await chosen(store) {
            let request = try await pipeline.lambda.redrive(id)
            sent.append(.compact(["id": JSON(id), "requestId": request.map(JSON.string)]))
            if !output.json {
                Terminal.output.line("\(id): " + (request.map { "queued as \($0)" } ?? "its destination was told"))
            }
        }
        if let holder = HostLock.holder(of: project) { kill(holder.processID, SIGUSR1) }
        if output.json { Terminal.output.line(JSON.array(sent).pretty) }
    }

    private func chosen(_ store: Store) async throws -> [Int64] {
        let function = function
        let letters = try await store.read { try LambdaStore.deadLetters(function: function, limit: 1_000_000, in: $0) }
        if all { return letters.map(\.id).sorted() }
        let known = Set(letters.map(\.id))
        for id in ids where !known.contains(id) {
            throw CommandError(
                "there is no dead letter \(id); 'sluice queue --dead' lists them", status: ExitStatus.notFound)
        }
        return ids
    }
}
