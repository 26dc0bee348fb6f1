/// An alarm's three states.
public enum AlarmState: String, Sendable, Hashable, Codable {
    /// The metric is within its threshold.
    case ok = "OK"
    /// The metric is beyond its threshold.
    case alarm = "ALARM"
    /// Nothing can be said yet, or any more.
    case insufficientData = "INSUFFICIENT_DATA"
}

/// What an alarm watches and when it goes off.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>
public struct AlarmConfiguration: Sendable, Hashable, Codable {
    /// How a value is compared with the threshold.
    public enum ComparisonOperator: String, Sendable, Hashable, Codable {
        /// `>=`
        case greaterThanOrEqualToThreshold = "GreaterThanOrEqualToThreshold"
        /// `>`
        case greaterThanThreshold = "GreaterThanThreshold"
        /// `<`
        case lessThanThreshold = "LessThanThreshold"
        /// `<=`
        case lessThanOrEqualToThreshold = "LessThanOrEqualToThreshold"

        func holds(_ value: Double, _ threshold: Double) -> Bool {
            switch self {
            case .greaterThanOrEqualToThreshold: value >= threshold
            case .greaterThanThreshold: value > threshold
            case .lessThanThreshold: value < threshold
            case .lessThanOrEqualToThreshold: value <= threshold
            }
        }

        var words: String {
            switch self {
            case .greaterThanOrEqualToThreshold: "greater than or equal to"
            case .greaterThanThreshold: "greater than"
            case .lessThanThreshold: "less than"
            case .lessThanOrEqualToThreshold: "less than or equal to"
            }
        }
    }

    /// What a period without data counts as.
    public enum TreatMissingData: String, Sendable, Hashable, Codable {
        /// Beyond the threshold.
        case breaching
        /// Within the threshold.
        case notBreaching
        /// The state stays.
        case ignore
        /// Nothing; without any data the state is `INSUFFICIENT_DATA`.
        case missing
    }

    /// Unique.
    public var name: String
    /// For people.
    public var alarmDescription: String?
    /// False: states change, but no action is taken.
    public var actionsEnabled = true
    /// ARNs of topics and functions for a change to `OK`.
    public var okActions: [String] = []
    /// ARNs of topics and functions for a change to `ALARM`.
    public var alarmActions: [String] = []
    /// ARNs of topics and functions for a change to `INSUFFICIENT_DATA`.
    public var insufficientDataActions: [String] = []
    /// The metric watched.
    public var metric: MetricIdentity
    /// `Sum`, `p99` and so on.
    public var statistic: String
    /// Seconds: 10, 20, 30 or a multiple of 60.
    public var period = 60
    /// Only data of this unit; nil: all.
    public var unit: String?
    /// How many periods are looked at: N.
    public var evaluationPeriods = 1
    /// How many of them must breach: M; nil: all.
    public var datapointsToAlarm: Int?
    /// What values are compared with.
    public var threshold = 0.0
    /// How.
    public var comparisonOperator = ComparisonOperator.greaterThanOrEqualToThreshold
    /// What periods without data mean.
    public var treatMissingData = TreatMissingData.missing
    /// False: a percentile of too few values leaves the state as it is (`EvaluateLowSampleCountPercentile: ignore`).
    public var evaluatesLowSampleCountPercentile = true

    /// An alarm on one statistic of one metric; the other properties have CloudWatch's defaults.
    public init(
        name: String, metric: MetricIdentity, statistic: String, comparisonOperator: ComparisonOperator,
        threshold: Double, evaluationPeriods: Int = 1, period: Int = 60
    ) {
        self.name = name
        self.metric = metric
        self.statistic = statistic
        self.comparisonOperator = comparisonOperator
        self.threshold = threshold
        self.evaluationPeriods = evaluationPeriods
        self.period = period
    }

    /// M of "M out of N".
    var required: Int { datapointsToAlarm ?? evaluationPeriods }

    /// Seconds between evaluations: a minute, or ten seconds for shorter periods.
    var cadence: Int { period < 60 ? 10 : 60 }

    /// Checks it as `PutMetricAlarm` does and returns the statistic. Throws ``CloudWatchError``.
    func check() throws(CloudWatchError) -> Statistic {
        guard (1...255).contains(name.count) else {
            throw .invalidParameterValue("An alarm's name has 1 to 255 characters; found \(name.count).")
        }
        guard let statistic = Statistic(statistic) else {
            throw .invalidParameterValue("\(name): '\(statistic)' is no statistic.")
        }
        guard [10, 20, 30].contains(period) || (period > 0 && period % 60 == 0) else {
            throw .invalidParameterValue("\(name): Period must be 10, 20, 30 or a multiple of 60; found \(period).")
        }
        guard evaluationPeriods >= 1, (1...evaluationPeriods).contains(required) else {
            throw .invalidParameterValue(
                "\(name): DatapointsToAlarm must be from 1 to EvaluationPeriods; found \(required) of \(evaluationPeriods)."
            )
        }
        let limit = period >= 3600 ? 604_800 : 86_400
        guard evaluationPeriods <= limit / period else {
            throw .invalidParameterValue(
                "\(name): \(evaluationPeriods) periods of \(period) seconds are longer than \(limit) seconds.")
        }
        guard MetricUnits.isAllowed(threshold) else {
            throw .invalidParameterValue("\(name): the threshold \(threshold) is out of range.")
        }
        guard max(okActions.count, alarmActions.count, insufficientDataActions.count) <= 5 else {
            throw .invalidParameterValue("\(name): more than five actions.")
        }
        return statistic
    }

    func actions(for state: AlarmState) -> [String] {
        switch state {
        case .ok: okActions
        case .alarm: alarmActions
        case .insufficientData: insufficientDataActions
        }
    }
}
