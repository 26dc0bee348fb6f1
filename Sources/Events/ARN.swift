/// An Amazon Resource Name: `arn:partition:service:region:account:resource`.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
public struct ARN: Sendable, Hashable, Codable, CustomStringConvertible {
    public var partition: String
    public var service: String
    /// Empty where the resource has no region, as S3's buckets.
    public var region: String
    /// Empty where the resource has no account, as S3's buckets.
    public var account: String
    /// All that follows the account, with its `:` and `/`.
    public var resource: String

    public init(service: String, region: String = "", account: String = "", resource: String, partition: String = "aws")
    {
        self.partition = partition
        self.service = service
        self.region = region
        self.account = account
        self.resource = resource
    }

    /// Reads an ARN; nil where it has fewer than six parts or does not start with `arn:`.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == "arn", !parts[1].isEmpty, !parts[2].isEmpty, !parts[5].isEmpty else {
            return nil
        }
        self.init(service: parts[2], region: parts[3], account: parts[4], resource: parts[5], partition: parts[1])
    }

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let arn = ARN(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no ARN"))
        }
        self = arn
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String { "arn:\(partition):\(service):\(region):\(account):\(resource)" }

    /// The last part of the resource: a function's, queue's, rule's or state machine's name.
    public var name: String {
        // `function:NAME`, `function:NAME:$LATEST`, `stateMachine:NAME`, `rule/NAME`, `rule/BUS/NAME`, `event-bus/NAME`, or a bare name.
        let parts = resource.split(separator: ":").map(String.init)
        if service == "lambda", parts.count >= 2 { return parts[1] }
        return (parts.last ?? resource).split(separator: "/").last.map(String.init) ?? resource
    }
}

/// The account and region that the host stands for; they appear in ARNs, events and log lines.
public struct AccountRegion: Sendable, Hashable, Codable {
    /// Twelve digits.
    public var account: String
    /// For example `us-east-1`.
    public var region: String

    public init(account: String = "000000000000", region: String = "us-east-1") {
        self.account = account
        self.region = region
    }

    private func arn(_ service: String, _ resource: String) -> ARN {
        ARN(service: service, region: region, account: account, resource: resource)
    }

    public func function(_ name: String) -> ARN { arn("lambda", "function:\(name)") }
    public func stateMachine(_ name: String) -> ARN { arn("states", "stateMachine:\(name)") }
    public func execution(_ stateMachine: String, _ name: String) -> ARN {
        arn("states", "execution:\(stateMachine):\(name)")
    }
    public func eventBus(_ name: String = "default") -> ARN { arn("events", "event-bus/\(name)") }
    public func rule(_ name: String, bus: String = "default") -> ARN {
        arn("events", bus == "default" ? "rule/\(name)" : "rule/\(bus)/\(name)")
    }
    public func topic(_ name: String) -> ARN { arn("sns", name) }
    public func queue(_ name: String) -> ARN { arn("sqs", name) }
    public func alarm(_ name: String) -> ARN { arn("cloudwatch", "alarm:\(name)") }
    public func logGroup(_ name: String) -> ARN { arn("logs", "log-group:\(name)") }
    public func cluster(_ id: String) -> ARN { arn("elasticmapreduce", "cluster/\(id)") }
    /// Buckets have neither region nor account.
    public func bucket(_ name: String) -> ARN { ARN(service: "s3", resource: name) }
}
