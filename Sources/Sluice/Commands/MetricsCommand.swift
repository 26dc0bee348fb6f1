import ArgumentParser
import CloudWatch
import Events
import Storage

/// `sluice metrics`: what was measured.
struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "List the metrics, or show one over time as a table or a plot.",
        discussion: """
            Statistics are CloudWatch's: SampleCount, Average, Sum, Minimum, Maximum, and p50, p99.9 and so on.

              sluice metrics                                        what there is
              sluice metrics Duration --statistic p99 --since 1h
              sluice metrics rowsRejected --plot
              sluice metrics Invocations --dimension FunctionName=validate-flights
            """)

    @Argument(help: "A metric's name; without it, all metrics are listed.")
    var name: String?
    @Option(help: "Only metrics of this namespace, for example AWS/Lambda.")
    var namespace: String?
    @Option(
        name: .customLong("dimension"), help: ArgumentHelp("Only metrics with this dimension.", valueName: "name=value")
    )
    var dimensions: [String] = []
    @Option(help: "The statistic (default: Sum for counts, Average for the rest).")
    var statistic: String?
    @Option(help: ArgumentHelp("Where to start: a time ago or a time.", valueName: "time"))
    var since: Moment = .ago(.seconds(3600))
    @Option(help: ArgumentHelp("Seconds a period: 1, 5, 10, 20, 30 or a multiple of 60.", valueName: "seconds"))
    var period = 60
    @Flag(help: "Draw the values.")
    var plot = false
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard dimensions.allSatisfy({ $0.contains("=") }) else { throw ValidationError("--dimension takes name=value") }
        if let statistic, Statistic(statistic) == nil {
            throw ValidationError("'\(statistic)' is no statistic of CloudWatch")
        }
        guard [1, 5, 10, 20, 30].contains(period) || (period > 0 && period % 60 == 0 && period <= 86400) else {
            throw ValidationError("--period must be 1, 5, 10, 20, 30 or a multiple of 60, at most 86400")
        }
    }

    func run() async throws {
        let store = try Records.open(try project.find())
        let metrics = Metrics(store: store)
        let found = try await list(metrics, in: store)
        guard let name else { return printList(found) }
        guard !found.isEmpty else {
            throw CommandError(
                "no metric '\(name)' with these dimensions in the last two weeks; 'sluice metrics' lists what there is",
                status: ExitStatus.notFound)
        }
        let (from, to) = (since.resolved(now: .now), Timestamp.now)
        var all: [JSON] = []
        for metric in found {
            let statistic = self.statistic.flatMap { Statistic($0) } ?? Self.usual(metric)
            let series = try await metrics.series(of: metric, statistic: statistic, from: from, to: to, period: period)
            if output.json {
                all.append(Self.json(metric, statistic, series))
            } else if plot {
                let chart = Plot(
                    title: "\(Self.title(metric))  \(statistic) per \(period) s",
                    points: series.points.map { ($0.timestamp, $0.value) }, from: from, to: to)
                for line in chart.lines(width: min(Terminal.output.width, 110)) { Terminal.output.line(line) }
            } else {
                printTable(metric, statistic, series)
            }
        }
        if output.json { Terminal.output.line(JSON.array(all).pretty) }
    }

    private func list(_ metrics: Metrics, in store: Store) async throws -> [MetricIdentity] {
        let wanted = dimensions.map { text -> (name: String, value: String?) in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }
        let (namespace, name) = (namespace, name)
        return try await store.read { connection in
            var all: [MetricIdentity] = []
            var token: String?
            repeat {
                let page = try metrics.list(
                    namespace: namespace, metricName: name, dimensions: wanted, nextToken: token, in: connection)
                all += page.metrics
                token = page.nextToken
            } while token != nil
            return all.sorted { Self.title($0) < Self.title($1) }
        }
    }

    private func printList(_ found: [MetricIdentity]) {
        if output.json { return _ = Terminal.output.line(JSON.array(found.map { Self.json($0) }).pretty) }
        var table = Table(.init(title: "NAMESPACE"), .init(title: "METRIC"), .init(title: "DIMENSIONS", gives: true))
        for metric in found {
            table.add(.init(metric.namespace), .init(metric.metricName), .init(Self.text(metric.dimensions)))
        }
        found.isEmpty ? _ = Terminal.output.line("no metrics in the last two weeks") : table.print()
    }

    private func printTable(_ metric: MetricIdentity, _ statistic: Statistic, _ series: MetricSeries) {
        Terminal.output.line(Terminal.output.paint(Self.title(metric), .bold))
        var table = Table(
            .init(title: "TIME"), .init(title: statistic.description, isNumber: true),
            .init(title: "SAMPLES", isNumber: true))
        for point in series.points {
            table.add(
                .init(point.timestamp.iso8601(milliseconds: false)), .init(Plot.number(point.value)),
                .init(Plot.number(point.sampleCount)))
        }
        series.points.isEmpty ? _ = Terminal.output.line("(no data in this time)") : table.print()
    }

    /// Counts are added up, everything else is averaged: what one looks for first.
    private static func usual(_ metric: MetricIdentity) -> Statistic {
        let averages = [
            "Duration", "AsyncEventAge", "Age", "Latency", "Time", "Percentage", "ConcurrentExecutions", "IsIdle",
        ]
        return averages.contains { metric.metricName.hasSuffix($0) } ? .average : .sum
    }

    private static func text(_ dimensions: [String: String]) -> String {
        dimensions.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    private static func title(_ metric: MetricIdentity) -> String {
        "\(metric.namespace) \(metric.metricName) \(text(metric.dimensions))"
    }

    private static func json(_ metric: MetricIdentity) -> JSON {
        [
            "namespace": .string(metric.namespace), "metricName": .string(metric.metricName),
            "dimensions": .object(
                JSONObject(metric.dimensions.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
        ]
    }

    private static func json(_ metric: MetricIdentity, _ statistic: Statistic, _ series: MetricSeries) -> JSON {
        var json = json(metric)
        json["statistic"] = .string(statistic.description)
        json["period"] = JSON(series.period)
        json["points"] = .array(
            series.points.map {
                [
                    "timestamp": .string($0.timestamp.iso8601(milliseconds: false)), "value": JSON($0.value),
                    "sampleCount": JSON($0.sampleCount),
                ]
            })
        return json
    }
}
