import ArgumentParser
import CloudWatch
import Events
import Storage

/// `sluice alarms`: the alarms and their states.
struct AlarmsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarms",
        abstract: "List the alarms with their states and reasons.",
        discussion: """
              sluice alarms
              sluice alarms --json | jq '.[] | select(.StateValue == "ALARM") | .AlarmName'
            """)

    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let store = try Records.open(try project.find())
        let alarms = Alarms(store: store, metrics: Metrics(store: store))
        let all = try await store.read { try alarms.alarms(limit: 10_000, in: $0) }
        if output.json { return _ = Terminal.output.line(JSON.array(all.map(\.json)).pretty) }
        if all.isEmpty { return _ = Terminal.output.line("no alarms") }
        var table = Table(
            .init(title: "ALARM"), .init(title: "STATE"), .init(title: "SINCE", isNumber: true), .init(title: "METRIC"),
            .init(title: "REASON", gives: true))
        for alarm in all {
            table.add(
                .init(alarm.configuration.name), .init(alarm.state.rawValue, alarm.state.colour),
                .init((Timestamp.now - alarm.stateTransitionedTimestamp).short),
                .init("\(alarm.configuration.metric.namespace) \(alarm.configuration.metric.metricName)"),
                .init(alarm.stateReason))
        }
        table.print()
    }
}

/// `sluice alerts`: what alarms said.
struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts",
        abstract: "Print the alert log: each time an alarm went off or came to rest, with its reason.",
        discussion: """
              sluice alerts
              sluice alerts --follow --json
            """)

    @Flag(name: .shortAndLong, help: "Go on printing what comes.")
    var follow = false
    @Flag(help: "Also print that a new alarm found nothing wrong at first.")
    var all = false
    @Option(help: ArgumentHelp("Where to start: a time ago or a time (default: everything).", valueName: "time"))
    var since: Moment?
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let store = try Records.open(try project.find())
        let alarms = Alarms(store: store, metrics: Metrics(store: store))
        let start = since?.resolved(now: .now)
        var cursor: Int64 = 0
        var printed = 0
        func more() async throws -> Bool {
            while true {
                let after = cursor
                let page = try await store.read { try alarms.alerts(after: after, limit: 200, in: $0) }
                for alert in page {
                    cursor = alert.id
                    if !all, alert.oldState == .insufficientData, alert.newState == .ok { continue }
                    guard start.map({ alert.timestamp >= $0 }) ?? true else { continue }
                    printed += 1
                    if !Terminal.output.line(output.json ? alert.json.description : alert.line(on: .output)) {
                        return false
                    }
                }
                if page.count < 200 { return true }
            }
        }
        guard try await more() else { return }
        if follow { return try await Sluice.follow { try await more() } }
        if printed == 0, !output.json { Terminal.output.line("no alerts") }
    }
}

extension AlarmState {
    var colour: Terminal.Colour {
        switch self {
        case .ok: .green
        case .alarm: .red
        case .insufficientData: .grey
        }
    }
}

extension Alarm {
    /// The alarm in the shape of CloudWatch's DescribeAlarms.
    var json: JSON {
        .compact([
            "AlarmName": .string(configuration.name),
            "AlarmDescription": configuration.alarmDescription.map(JSON.string),
            "StateValue": .string(state.rawValue), "StateReason": .string(stateReason),
            "StateReasonData": stateReasonData.map(JSON.string),
            "StateUpdatedTimestamp": .string(stateUpdatedTimestamp.iso8601),
            "StateTransitionedTimestamp": .string(stateTransitionedTimestamp.iso8601),
            "Namespace": .string(configuration.metric.namespace),
            "MetricName": .string(configuration.metric.metricName),
            "Dimensions": .array(
                configuration.metric.dimensions.sorted { $0.key < $1.key }.map {
                    ["Name": .string($0.key), "Value": .string($0.value)]
                }),
            "Statistic": .string(configuration.statistic), "Period": JSON(configuration.period),
            "EvaluationPeriods": JSON(configuration.evaluationPeriods), "Threshold": JSON(configuration.threshold),
            "ComparisonOperator": .string(configuration.comparisonOperator.rawValue),
            "TreatMissingData": .string(configuration.treatMissingData.rawValue),
        ])
    }
}

extension Alert {
    /// The alert for programs.
    var json: JSON {
        [
            "id": JSON(id), "alarmName": .string(alarmName), "timestamp": .string(timestamp.iso8601),
            "oldState": .string(oldState.rawValue), "newState": .string(newState.rawValue), "reason": .string(reason),
            "actions": .array(actions.map(JSON.string)),
        ]
    }

    /// The alert for a person.
    func line(on terminal: Terminal) -> String {
        terminal.paint(timestamp.iso8601(milliseconds: false), .grey) + "  "
            + terminal.paint(newState.rawValue, newState.colour) + "  \(alarmName)  \(reason.printable)"
    }
}
