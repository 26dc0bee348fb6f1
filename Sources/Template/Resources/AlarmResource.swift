public import Events

/// An alarm on a metric or on an expression over metrics: `AWS::CloudWatch::Alarm`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html>
public struct AlarmResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `AlarmName`; without it the logical id.
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// `AlarmDescription`.
    public internal(set) var alarmDescription: String?
    /// Whether anybody is told of changes of state.
    public internal(set) var actionsEnabled = true
    /// Who is told of a change to `OK`: topics and functions.
    public internal(set) var okActions: [ARN] = []
    /// Who is told of a change to `ALARM`: topics and functions.
    public internal(set) var alarmActions: [ARN] = []
    /// Who is told of a change to `INSUFFICIENT_DATA`: topics and functions.
    public internal(set) var insufficientDataActions: [ARN] = []
    /// nil where `metrics` says what is watched.
    public internal(set) var metric: MetricStat?
    /// Queries and expressions; the one whose `returnData` is true is watched. Empty where `metric` is set.
    public internal(set) var metrics: [MetricDataQuery] = []
    /// How many of the latest periods count.
    public internal(set) var evaluationPeriods = 1
    /// At most `evaluationPeriods`, and equal to it where it is not written.
    public internal(set) var datapointsToAlarm = 1
    /// What the value is compared with.
    public internal(set) var threshold = 0.0
    /// How the value is compared with the threshold.
    public internal(set) var comparisonOperator = ComparisonOperator.greaterThanOrEqualToThreshold
    /// `TreatMissingData`.
    public internal(set) var treatMissingData = TreatMissingData.missing
    /// `ignore` or `evaluate`, for percentiles of few samples.
    public internal(set) var evaluateLowSampleCountPercentile: String?

    /// One metric and how it is put together.
    public struct MetricStat: Sendable, Hashable {
        /// For example `AWS/Lambda`.
        public var namespace = ""
        /// `MetricName`.
        public var metricName = ""
        /// Names and values.
        public var dimensions: [String: String] = [:]
        /// Seconds: 10, 20, 30 or a multiple of 60.
        public var period = 60
        /// `Sum`, `Average`, …, or an extended statistic such as `p99`.
        public var statistic = ""
        /// One of CloudWatch's units; nil: any.
        public var unit: String?
    }

    /// One entry of `Metrics`: a metric or an expression over the other entries.
    public struct MetricDataQuery: Sendable, Hashable {
        /// What gives its values.
        public enum Source: Sendable, Hashable {
            case metric(MetricStat)
            case expression(String)
        }
        /// Its id within the resource.
        public var id: String
        /// Its logical id, type and place.
        public var source: Source
        /// A name for people.
        public var label: String?
        /// Seconds; for expressions only.
        public var period: Int?
        /// Whether the alarm watches this entry.
        public var returnData: Bool
        /// Where it stands.
        public var location: SourceLocation
    }

    /// How a value is compared with the threshold.
    public enum ComparisonOperator: String, Sendable, CaseIterable {
        case greaterThanOrEqualToThreshold = "GreaterThanOrEqualToThreshold"
        case greaterThanThreshold = "GreaterThanThreshold"
        case lessThanThreshold = "LessThanThreshold"
        case lessThanOrEqualToThreshold = "LessThanOrEqualToThreshold"
    }

    /// What a period without data counts as.
    public enum TreatMissingData: String, Sendable, CaseIterable {
        case breaching, notBreaching, ignore, missing
    }

    enum Statistic: String, CaseIterable {
        case sampleCount = "SampleCount"
        case average = "Average"
        case sum = "Sum"
        case minimum = "Minimum"
        case maximum = "Maximum"
    }
}

extension AlarmResource {
    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        arn = properties.scope.account.alarm(name)
        _ = properties.string("AlarmName", length: 1...255)
        alarmDescription = properties.string("AlarmDescription", length: 0...1024)
        actionsEnabled = properties.bool("ActionsEnabled") ?? true
        okActions = Self.actions("OKActions", properties)
        alarmActions = Self.actions("AlarmActions", properties)
        insufficientDataActions = Self.actions("InsufficientDataActions", properties)
        properties.unsupported([
            "EvaluationCriteria": "", "EvaluationInterval": "",
            "ThresholdMetricId": "anomaly detection is not there; give a Threshold",
        ])
        properties.require("ComparisonOperator", "EvaluationPeriods", "Threshold")
        if let text = properties.string("ComparisonOperator"),
            text.contains("LowerThreshold")
                || text.contains("UpperThreshold")
        {
            properties.error("anomaly detection is not supported", "ComparisonOperator")
        } else {
            comparisonOperator = properties.choice("ComparisonOperator", ComparisonOperator.self) ?? comparisonOperator
        }
        threshold = properties.double("Threshold") ?? 0
        evaluationPeriods = properties.int("EvaluationPeriods", in: 1...86400) ?? 1
        datapointsToAlarm = properties.int("DatapointsToAlarm", in: 1...86400) ?? evaluationPeriods
        if datapointsToAlarm > evaluationPeriods {
            properties.error(
                "\(datapointsToAlarm) of \(evaluationPeriods) EvaluationPeriods can never be reached",
                "DatapointsToAlarm")
        }
        treatMissingData = properties.choice("TreatMissingData", TreatMissingData.self) ?? .missing
        evaluateLowSampleCountPercentile = properties.string("EvaluateLowSampleCountPercentile")
        if let text = evaluateLowSampleCountPercentile, !["evaluate", "ignore"].contains(text) {
            properties.error("'\(text)' is neither evaluate nor ignore", "EvaluateLowSampleCountPercentile")
        }
        if properties.raw("Metrics") != nil {
            readQueries(properties)
        } else {
            readMetric(properties)
        }
        properties.mattersOnlyOnAWS("Tags")
        properties.finish()
        checkRange(properties)
    }

    private static func actions(_ key: String, _ properties: PropertyReader) -> [ARN] {
        let texts = properties.strings(key) ?? []
        if texts.count > 5 { properties.error("\(texts.count) actions; five are allowed", key) }
        let elements = properties.value(key)?.sequence ?? []
        return zip(texts, elements).enumerated().compactMap { index, pair in
            let path = "\(properties.path(key))[\(index)]"
            guard
                let arn = properties.arn(pair.0, at: pair.1.location, path: path, services: nil)
            else { return nil }
            if arn.service == "sns" || arn.service == "lambda" { return arn }
            properties.diagnostics.error(
                "an action of \(arn.service) is not supported: a topic or a function is expected", at: pair.1.location,
                path: path)
            return nil
        }
    }

    private mutating func readMetric(_ properties: PropertyReader) {
        properties.require("MetricName", "Namespace", "Period")
        var stat = MetricStat(dimensionsOf: properties)
        stat.period = Self.period(properties) ?? stat.period
        let standard = properties.choice("Statistic", Statistic.self)?.rawValue
        let extended = properties.string("ExtendedStatistic")
        if let extended { Self.checkExtended(extended, properties, "ExtendedStatistic") }
        if properties.has("Statistic"), properties.has("ExtendedStatistic") {
            properties.error("Statistic and ExtendedStatistic exclude each other", "ExtendedStatistic")
        } else if !properties.has("Statistic"), !properties.has("ExtendedStatistic") {
            properties.diagnostics.error(
                "Statistic or ExtendedStatistic is missing", at: properties.location, path: properties.path)
        }
        stat.statistic = standard ?? extended ?? ""
        stat.unit = properties.choice("Unit", MetricUnit.self)?.rawValue
        metric = stat
    }

    private static func period(_ reader: PropertyReader) -> Int? {
        guard let period = reader.int("Period", in: 1...86400, unit: "seconds") else { return nil }
        if ![10, 20, 30].contains(period), period % 60 != 0 {
            reader.error("\(period) is not allowed: 10, 20, 30 or a multiple of 60 seconds", "Period")
            return nil
        }
        return period
    }

    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>
    private static func checkExtended(_ text: String, _ reader: PropertyReader, _ key: String) {
        let simple = text.wholeMatch(of: /(?:p|tm|tc|ts|wm)(?:100|\d{1,2}(?:\.\d{0,10})?)/) != nil
        let range = text.wholeMatch(of: /(?:TM|TC|TS|WM|PR)\([\d.%]*:[\d.%]*\)/) != nil
        if !simple, !range, text != "IQM" { reader.error("'\(text)' is no extended statistic (p99, tm95, …)", key) }
    }

    private mutating func readQueries(_ properties: PropertyReader) {
        for key in ["MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit"]
        where properties.raw(key) != nil {
            properties.error("\(key) and Metrics exclude each other", key)
        }
        let entries = properties.objects("Metrics") ?? []
        for entry in entries {
            entry.require("Id")
            let id = entry.string("Id") ?? ""
            if !id.isEmpty, id.wholeMatch(of: /[a-z][A-Za-z0-9_]{0,254}/) == nil {
                entry.error("an id is a small letter, then letters, digits and '_'", "Id")
            } else if metrics.contains(where: { $0.id == id }) {
                entry.error("a second '\(id)'", "Id")
            }
            let expression = entry.string("Expression", length: 1...2048)
            let stat = entry.object("MetricStat").map { Self.metricStat($0) }
            if (expression == nil) == (stat == nil), !entry.has("Expression") || stat != nil {
                entry.diagnostics.error(
                    "one of MetricStat and Expression is expected", at: entry.location, path: entry.path)
            }
            entry.unsupported(["AccountId": ""])
            let period = entry.raw("Period") == nil ? nil : Self.period(entry)
            metrics.append(
                MetricDataQuery(
                    id: id, source: stat.map { .metric($0) } ?? .expression(expression ?? ""),
                    label: entry.string("Label"), period: period,
                    returnData: entry.bool("ReturnData") ?? (entries.count == 1), location: entry.location))
            entry.finish()
        }
        if !entries.isEmpty, metrics.count(where: \.returnData) != 1 {
            properties.error("exactly one entry must have ReturnData: true", "Metrics")
        }
    }

    private static func metricStat(_ reader: PropertyReader) -> MetricStat {
        reader.require("Metric", "Period", "Stat")
        var stat = MetricStat()
        if let metric = reader.object("Metric") {
            metric.require("MetricName", "Namespace")
            stat = MetricStat(dimensionsOf: metric)
            metric.finish()
        }
        stat.period = period(reader) ?? stat.period
        stat.statistic = reader.string("Stat") ?? ""
        if !stat.statistic.isEmpty, Statistic(rawValue: stat.statistic) == nil {
            checkExtended(stat.statistic, reader, "Stat")
        }
        stat.unit = reader.choice("Unit", MetricUnit.self)?.rawValue
        reader.finish()
        return stat
    }

    /// An alarm may look back a day, or a week in periods of an hour and more.
    private func checkRange(_ properties: PropertyReader) {
        let periods =
            metric.map { [$0.period] }
            ?? metrics.map { query in
                if case .metric(let stat) = query.source { stat.period } else { query.period ?? 60 }
            }
        guard let period = periods.max() else { return }
        let (span, overflow) = period.multipliedReportingOverflow(by: evaluationPeriods)
        let limit = period >= 3600 ? 604_800 : 86_400
        if overflow || span > limit {
            properties.error(
                "\(evaluationPeriods) periods of \(period) seconds are longer than \(limit) seconds",
                "EvaluationPeriods")
        }
    }
}

extension AlarmResource.MetricStat {
    /// Reads the metric's name, namespace and dimensions.
    init(dimensionsOf reader: PropertyReader) {
        metricName = reader.string("MetricName", length: 1...255) ?? ""
        namespace = reader.string("Namespace", length: 1...255) ?? ""
        for dimension in reader.objects("Dimensions") ?? [] {
            dimension.require("Name", "Value")
            if let name = dimension.string("Name", length: 1...255),
                let value = dimension.string("Value", length: 1...1024)
            {
                if dimensions[name] != nil { dimension.error("a second dimension '\(name)'", "Name") }
                dimensions[name] = value
            }
            dimension.finish()
        }
        if dimensions.count > 30 { reader.error("\(dimensions.count) dimensions; 30 are allowed", "Dimensions") }
    }
}
