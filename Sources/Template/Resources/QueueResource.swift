public import Events

/// A queue that keeps what failed: the target of a dead-letter queue or of a destination. `AWS::SQS::Queue`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html>
public struct QueueResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `QueueName`; without it the logical id.
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// Seconds that a message is kept.
    public let messageRetentionPeriod: Int

    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        arn = properties.scope.account.queue(name)
        _ = properties.string("QueueName", length: 1...80, allowed: "letters, digits, '-' and '_'") {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
        }
        messageRetentionPeriod =
            properties.int("MessageRetentionPeriod", in: 60...1_209_600, unit: "seconds") ?? 345_600
        if properties.bool("FifoQueue") == true {
            properties.error("FIFO queues are not supported: destinations take standard queues", "FifoQueue")
        }
        properties.unsupported(["RedrivePolicy": "nothing here takes messages from a queue by itself"])
        properties.mattersOnlyOnAWS(
            "ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoThroughputLimit",
            "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "ReceiveMessageWaitTimeSeconds",
            "RedriveAllowPolicy", "SqsManagedSseEnabled", "Tags", "VisibilityTimeout")
        properties.finish()
    }
}
