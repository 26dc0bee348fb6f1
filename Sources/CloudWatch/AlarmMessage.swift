import Events

/// What an alarm says to others when its state changes: topics, functions, the event bus.
struct AlarmMessage {
    let alarm: Alarm
    let previous: Alarm
    let place: AccountRegion

    private var configuration: AlarmConfiguration { alarm.configuration }
    private var arn: String { place.alarm(configuration.name).description }

    private func state(_ alarm: Alarm) -> JSON {
        .compact([
            "value": .string(alarm.state.rawValue), "reason": .string(alarm.stateReason),
            "reasonData": alarm.stateReasonData.map(JSON.string),
            "timestamp": .string(AlarmEvaluation.long(alarm.stateUpdatedTimestamp)),
        ])
    }

    /// The metric as events name it.
    private var metrics: JSON {
        let metric = configuration.metric
        return [
            [
                "id": "m1",
                "metricStat": .compact([
                    "metric": [
                        "namespace": .string(metric.namespace), "name": .string(metric.metricName),
                        "dimensions": .object(
                            JSONObject(
                                metric.dimensions.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) })),
                    ],
                    "period": JSON(configuration.period), "stat": .string(configuration.statistic),
                    "unit": configuration.unit.map(JSON.string),
                ]),
                "returnData": true,
            ]
        ]
    }

    private var eventConfiguration: JSON {
        .compact(["description": configuration.alarmDescription.map(JSON.string), "metrics": metrics])
    }

    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>
    func event(id: String) -> EventBridgeEvent {
        EventBridgeEvent(
            id: id, detailType: "CloudWatch Alarm State Change", source: "aws.cloudwatch", account: place.account,
            time: alarm.stateUpdatedTimestamp, region: place.region, resources: [arn],
            detail: [
                "alarmName": .string(configuration.name), "state": state(alarm), "previousState": state(previous),
                "configuration": eventConfiguration,
            ])
    }

    /// The event of a Lambda action.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html>
    var functionEvent: JSON {
        [
            "source": "aws.cloudwatch", "alarmArn": .string(arn), "accountId": .string(place.account),
            "time": .string(AlarmEvaluation.long(alarm.stateUpdatedTimestamp)), "region": .string(place.region),
            "alarmData": [
                "alarmName": .string(configuration.name), "state": state(alarm), "previousState": state(previous),
                "configuration": eventConfiguration,
            ],
        ]
    }

    /// A topic's subject: at most 100 characters.
    var subject: String {
        String("\(alarm.state.rawValue): \"\(configuration.name)\" in \(Self.region(place.region))".prefix(100))
    }

    /// The message that a topic gets.
    var topicMessage: JSON {
        let metric = configuration.metric
        let extended = if case .extended? = Statistic(configuration.statistic) { true } else { false }
        let name = configuration.statistic == "SampleCount" ? "SAMPLE_COUNT" : configuration.statistic.uppercased()
        func list(_ actions: [String]) -> JSON { .array(actions.map(JSON.string)) }
        return [
            "AlarmName": .string(configuration.name),
            "AlarmDescription": configuration.alarmDescription.map(JSON.string) ?? .null,
            "AWSAccountId": .string(place.account),
            "NewStateValue": .string(alarm.state.rawValue), "NewStateReason": .string(alarm.stateReason),
            "StateChangeTime": .string(AlarmEvaluation.long(alarm.stateUpdatedTimestamp)),
            "Region": .string(Self.region(place.region)), "AlarmArn": .string(arn),
            "OldStateValue": .string(previous.state.rawValue), "OKActions": list(configuration.okActions),
            "AlarmActions": list(configuration.alarmActions),
            "InsufficientDataActions": list(configuration.insufficientDataActions),
            "Trigger": .compact([
                "MetricName": .string(metric.metricName), "Namespace": .string(metric.namespace),
                "StatisticType": .string(extended ? "ExtendedStatistic" : "Statistic"),
                "Statistic": extended ? nil : .string(name),
                "ExtendedStatistic": extended ? .string(configuration.statistic) : nil,
                "Unit": configuration.unit.map(JSON.string) ?? .null,
                "Dimensions": .array(
                    metric.dimensions.sorted { $0.key < $1.key }.map {
                        ["value": .string($0.value), "name": .string($0.key)]
                    }),
                "Period": JSON(configuration.period), "EvaluationPeriods": JSON(configuration.evaluationPeriods),
                "DatapointsToAlarm": configuration.datapointsToAlarm.map { JSON($0) },
                "ComparisonOperator": .string(configuration.comparisonOperator.rawValue),
                "Threshold": JSON(configuration.threshold),
                "TreatMissingData": .string(configuration.treatMissingData.rawValue),
                "EvaluateLowSampleCountPercentile": .string(
                    configuration.evaluatesLowSampleCountPercentile ? "" : "ignore"),
            ]),
        ]
    }

    /// Messages name a region in words.
    private static func region(_ code: String) -> String {
        [
            "us-east-1": "US East (N. Virginia)", "us-east-2": "US East (Ohio)", "us-west-1": "US West (N. California)",
            "us-west-2": "US West (Oregon)", "eu-west-1": "EU (Ireland)", "eu-west-2": "EU (London)",
            "eu-west-3": "EU (Paris)", "eu-central-1": "EU (Frankfurt)", "eu-north-1": "EU (Stockholm)",
            "ap-southeast-1": "Asia Pacific (Singapore)", "ap-southeast-2": "Asia Pacific (Sydney)",
            "ap-northeast-1": "Asia Pacific (Tokyo)", "ap-northeast-2": "Asia Pacific (Seoul)",
            "ap-south-1": "Asia Pacific (Mumbai)", "ca-central-1": "Canada (Central)",
            "sa-east-1": "South America (Sao Paulo)",
        ][code] ?? code
    }
}
