import CloudWatch
import Events
import Template

extension PipelineConfiguration {
    /// The alarms, metric filters and log groups; what CloudWatch would refuse becomes a fault at the template's line.
    mutating func readAlarms(_ faults: inout [Diagnostic]) {
        for resource in template.alarms {
            guard let metric = resource.metric else {
                faults.append(
                    Diagnostic(
                        .error, "an alarm on metric math (Metrics) is not supported; name one MetricName",
                        at: resource.location(of: "Metrics"), path: resource.source.path(of: "Metrics")))
                continue
            }
            var alarm = AlarmConfiguration(
                name: resource.name,
                metric: MetricIdentity(metric.metricName, namespace: metric.namespace, dimensions: metric.dimensions),
                statistic: metric.statistic,
                comparisonOperator: AlarmConfiguration.ComparisonOperator(
                    rawValue: resource.comparisonOperator.rawValue)
                    ?? .greaterThanOrEqualToThreshold,
                threshold: resource.threshold, evaluationPeriods: resource.evaluationPeriods, period: metric.period)
            alarm.alarmDescription = resource.alarmDescription
            alarm.actionsEnabled = resource.actionsEnabled
            alarm.okActions = resource.okActions.map(\.description)
            alarm.alarmActions = resource.alarmActions.map(\.description)
            alarm.insufficientDataActions = resource.insufficientDataActions.map(\.description)
            alarm.unit = metric.unit
            alarm.datapointsToAlarm = resource.datapointsToAlarm
            alarm.treatMissingData =
                AlarmConfiguration.TreatMissingData(rawValue: resource.treatMissingData.rawValue) ?? .missing
            alarm.evaluatesLowSampleCountPercentile = resource.evaluateLowSampleCountPercentile != "ignore"
            alarms.append(alarm)
        }
        for resource in template.metricFilters {
            do {
                metricFilters.append(
                    try MetricFilter(
                        name: resource.name, logGroupName: resource.logGroupName, filterPattern: resource.filterPattern,
                        metricNamespace: resource.transformation.metricNamespace,
                        metricName: resource.transformation.metricName,
                        metricValue: resource.transformation.metricValue,
                        defaultValue: resource.transformation.defaultValue,
                        dimensions: resource.transformation.dimensions,
                        unit: resource.transformation.unit ?? "None"))
            } catch {
                faults.append(
                    Diagnostic(
                        .error, "\(error)", at: resource.location, path: "Resources.\(resource.logicalID).Properties"))
            }
        }
    }
}
