import ArgumentParser
import EMR
import Events
import Lambda
import S3
import StepFunctions
import Storage

/// `sluice trace`: the whole story of one object.
struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract:
            "Tell the whole story of one object: event, attempts, report, execution, step, and where its logs are.",
        discussion: """
            Shows the newest version; --all shows every version that there was.

              sluice trace s3://raw/flights/2013-01-JFK.csv.gz
              sluice trace s3://raw/flights/2013-01-JFK.csv.gz --json | jq '.versions[0].invocations[0].report.checks'
            """)

    @Argument(help: "The object: s3://BUCKET/KEY.")
    var object: ObjectURI
    @Flag(help: "Show every version, the newest first.")
    var all = false
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let store = try Records.open(try project.find())
        let uri = object
        let trace = try await store.read { try Trace(uri, in: $0) }
        guard !trace.versions.isEmpty else {
            throw CommandError(
                "\(uri): no such object has been seen. Is the key right, and has 'sluice up' run since it came?",
                status: ExitStatus.notFound)
        }
        let shown = all ? trace.versions : Array(trace.versions.prefix(1))
        if output.json {
            let json: JSON = ["uri": .string(uri.description), "versions": .array(shown.map(\.json))]
            return _ = Terminal.output.line(json.pretty)
        }
        for version in shown { for line in version.lines(on: .output) { Terminal.output.line(line) } }
        if !all, trace.versions.count > 1 {
            Terminal.output.line(Terminal.output.paint("(\(trace.versions.count - 1) older version(s): --all)", .grey))
        }
    }
}
