import Events
import S3
import Template

extension PipelineConfiguration {
    /// The buckets with what they notify; what S3 would refuse becomes a fault at the template's line.
    mutating func readNotifications(_ faults: inout [Diagnostic]) {
        let known = Set(template.functions.map(\.arn))
        for resource in template.buckets {
            var accepted: [S3.LambdaFunctionConfiguration] = []
            for configuration in resource.lambdaConfigurations {
                let one = S3.LambdaFunctionConfiguration(
                    id: configuration.id, events: configuration.events, lambdaFunctionArn: configuration.function,
                    prefix: configuration.prefix, suffix: configuration.suffix)
                func refuse(_ message: String) {
                    faults.append(
                        Diagnostic(.error, message, at: configuration.location, path: configuration.path))
                }
                do throws(S3Error) {
                    // Each with those before it, so that the fault stands at the configuration that brought it in.
                    try NotificationConfiguration(lambdaFunctionConfigurations: accepted + [one]).validate()
                } catch {
                    refuse("bucket '\(resource.name)': \(error)")
                    continue
                }
                guard known.contains(configuration.function) else {
                    refuse(
                        "bucket '\(resource.name)': Unable to validate the following destination configurations: "
                            + "\(configuration.function) is no function of this template")
                    continue
                }
                for event in one.events
                where !event.hasPrefix("s3:ObjectCreated:") && !event.hasPrefix("s3:ObjectRemoved:") {
                    faults.append(
                        Diagnostic(
                            .warning, "\(event) never happens here: objects are only created and removed",
                            at: configuration.location, path: configuration.path))
                }
                accepted.append(one)
            }
            buckets.append(
                BucketConfiguration(
                    name: resource.name,
                    notificationConfiguration: NotificationConfiguration(
                        lambdaFunctionConfigurations: accepted, sendsToEventBridge: resource.sendsToEventBridge)))
        }
    }
}
