import ArgumentParser
import Events
import Glibc
import Template

/// `sluice up`: the host.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run the host: watch the buckets, run the functions and steps, listen for AWS clients.",
        discussion: """
            Files that are dropped into lake/BUCKET/ are uploads; so are those that came while the host was down. Lambda's Invoke \
            call is answered on http://127.0.0.1:4566, so that

              aws lambda invoke --endpoint-url http://127.0.0.1:4566 --function-name NAME --payload fileb://event.json out.json

            works. Ctrl-C, SIGTERM or a closed terminal waits for the invocations that run (--drain) and stops; a second one stops at \
            once. Steps go on by themselves and are found again at the next start, unless --steps-at-stop cancel says otherwise. \
            A full disk, missing descriptors or processes and the like are said and waited out; what a person has to mend ends it \
            with code 4.

              sluice up                        run until stopped
              sluice up --until-idle           run until everything that has arrived is through, then stop (for CI)
              sluice up --json | jq .          one JSON object a line for each thing that happens
            """)

    /// What happens to running steps when the host stops.
    enum StepsAtStop: String, ExpressibleByArgument, CaseIterable {
        case leave
        case cancel
    }

    @Option(help: "The port for AWS clients, on the loopback address; 0 takes any free one.")
    var port = 4566
    @Flag(help: "Stop once everything that has arrived is through and nothing new came for three seconds.")
    var untilIdle = false
    @Flag(help: "Print notices only.")
    var quiet = false
    @Option(help: ArgumentHelp("Seconds to wait for running invocations when stopping.", valueName: "seconds"))
    var drain = 30
    @Option(
        help: "What happens to running steps when the host stops: they are left running and found again, or cancelled.")
    var stepsAtStop = StepsAtStop.leave
    @Option(
        name: .customLong("retry-delay"),
        help: ArgumentHelp(
            "Wait before the second try of an event, and again for the third (default: 60s and 120s).", valueName: "10s"
        ))
    var retryDelays: [String] = []
    @Option(
        help: ArgumentHelp(
            "How many of one function's events are worked on at once, where it reserves no concurrency of its own.",
            valueName: "count"))
    var concurrency = 4
    @Option(
        name: .customLong("parameter"),
        help: ArgumentHelp("A value for one of the template's Parameters.", valueName: "name=value"))
    var parameters: [String] = []
    @Option(help: "The Python for functions with a python3 runtime; it must have the package awslambdaric.")
    var python = "python3"
    @Option(help: "The region that events and ARNs name.")
    var region = "us-east-1"
    @Option(help: "The account that events and ARNs name, twelve digits.")
    var account = "000000000000"
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port must be 0 to 65535") }
        guard (1...1000).contains(concurrency) else { throw ValidationError("--concurrency must be 1 to 1000") }
        guard drain >= 0 else { throw ValidationError("--drain must not be negative") }
        guard retryDelays.count <= 2, retryDelays.allSatisfy({ Duration(short: $0) != nil }) else {
            throw ValidationError("--retry-delay takes a time such as 10s or 2m, at most twice")
        }
        guard parameters.allSatisfy({ $0.contains("=") }) else { throw ValidationError("--parameter takes name=value") }
        guard account.count == 12, account.allSatisfy({ $0.isASCII && $0.isNumber }) else {
            throw ValidationError("--account takes twelve digits")
        }
        guard region.wholeMatch(of: /[a-z]{2,}(-[a-z]+)+-[0-9]+/) != nil else {
            throw ValidationError("--region takes a region's name, such as eu-central-1")
        }
    }

    func run() async throws {
        let project = try project.find()
        try await Host(project: project, options: self).run()
    }

    /// What the template needs to know of the command line.
    var settings: PipelineConfiguration.Settings {
        var settings = PipelineConfiguration.Settings()
        settings.place = AccountRegion(account: account, region: region)
        settings.python = python
        settings.concurrency = concurrency
        let delays = retryDelays.compactMap { Duration(short: $0) }
        if let first = delays.first { settings.retryDelays = [first, delays.count > 1 ? delays[1] : first] }
        for parameter in parameters {
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            settings.parameters[String(parts[0])] = String(parts[1])
        }
        return settings
    }
}
