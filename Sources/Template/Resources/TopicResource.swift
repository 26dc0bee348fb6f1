public import Events

/// A topic, which alarms and destinations send to: `AWS::SNS::Topic`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html>
public struct TopicResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `TopicName`; without it the logical id.
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// `DisplayName`.
    public let displayName: String?
    /// Its own, and those of `AWS::SNS::Subscription`.
    public internal(set) var subscriptions: [Subscription] = []

    /// Who gets the topic's messages.
    public struct Subscription: Sendable, Hashable {
        /// For example `email`, `lambda` or `sqs`.
        public var subscriptionProtocol: String
        /// An address or an ARN.
        public var endpoint: String
        /// Where it stands.
        public var location: SourceLocation
    }

    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        arn = properties.scope.account.topic(name)
        _ = properties.string("TopicName", length: 1...256, allowed: "letters, digits, '-' and '_'") {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
        }
        displayName = properties.string("DisplayName")
        for entry in properties.objects("Subscription") ?? [] {
            entry.require("Endpoint", "Protocol")
            if let subscription = Subscription(entry) { subscriptions.append(subscription) }
            entry.finish()
        }
        if properties.bool("FifoTopic") == true { properties.error("FIFO topics are not supported", "FifoTopic") }
        properties.unsupported(["ArchivePolicy": "", "DataProtectionPolicy": ""])
        properties.mattersOnlyOnAWS(
            "ContentBasedDeduplication", "DeliveryStatusLogging", "FifoThroughputScope", "KmsMasterKeyId",
            "SignatureVersion", "Tags", "TracingConfig")
        properties.finish()
    }
}

extension TopicResource.Subscription {
    private static let protocols = [
        "application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs",
    ]

    init?(_ entry: PropertyReader) {
        guard let name = entry.string("Protocol") else { return nil }
        guard Self.protocols.contains(name) else {
            entry.error(
                "'\(name)' is none of \(Self.protocols.joined(separator: ", "))", "Protocol",
                suggestion: Suggestion.closest(to: name, in: Self.protocols))
            return nil
        }
        let endpoint: String?
        if name == "lambda" || name == "sqs" {
            endpoint = entry.arn("Endpoint", services: [name])?.description
        } else {
            endpoint = entry.string("Endpoint")
            entry.diagnostics.warning(
                "messages go out by \(name) only on AWS; here they stand in the alert log", at: entry.place("Protocol"),
                path: entry.path("Protocol"))
        }
        guard let endpoint else { return nil }
        self.init(subscriptionProtocol: name, endpoint: endpoint, location: entry.location)
    }

    /// Reads `AWS::SNS::Subscription`: the topic that it belongs to, and itself.
    static func read(_ properties: PropertyReader) -> (topic: ARN, subscription: Self)? {
        properties.require("TopicArn", "Protocol", "Endpoint")
        let topic = properties.arn("TopicArn", services: ["sns"])
        let subscription = Self(properties)
        properties.unsupported([
            "FilterPolicy": "", "FilterPolicyScope": "", "RawMessageDelivery": "", "RedrivePolicy": "",
            "ReplayPolicy": "",
        ])
        properties.mattersOnlyOnAWS("DeliveryPolicy", "Region", "SubscriptionRoleArn")
        properties.finish()
        guard let topic, let subscription else { return nil }
        return (topic, subscription)
    }
}
