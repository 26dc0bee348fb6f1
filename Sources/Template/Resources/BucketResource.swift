public import Events

/// A bucket and what it notifies: `AWS::S3::Bucket`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>
public struct BucketResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `BucketName`; without it the logical id in lower case.
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// The functions that it notifies: those of its own `NotificationConfiguration`, and those that SAM adds for the
    /// `S3` events
    /// of functions.
    public internal(set) var lambdaConfigurations: [LambdaFunctionConfiguration] = []
    /// Whether every event of the bucket goes to EventBridge too.
    public internal(set) var sendsToEventBridge = false

    /// One entry of a bucket's notification configuration.
    public struct LambdaFunctionConfiguration: Sendable, Hashable {
        /// The `configurationId` of its events.
        public var id: String
        /// For example `s3:ObjectCreated:*`.
        public var events: [String]
        /// Only keys that start so; nil for all.
        public var prefix: String?
        /// Only keys that end so; nil for all.
        public var suffix: String?
        /// Who is notified.
        public var function: ARN
        /// Where it stands, for a fault that shows only together with another configuration.
        public var location: SourceLocation
        /// Its path, for the same purpose.
        public var path: String
    }
}

extension BucketResource {
    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        arn = properties.scope.account.bucket(name)
        Self.checkName(name, properties)
        if let notification = properties.object("NotificationConfiguration") {
            notification.unsupported([
                "QueueConfigurations": "let the bucket notify a function, or EventBridge",
                "TopicConfigurations": "let the bucket notify a function, or EventBridge",
            ])
            for (index, entry) in (notification.objects("LambdaConfigurations") ?? []).enumerated() {
                entry.require("Event", "Function")
                let arn = entry.arn("Function", services: ["lambda"])
                let filter = KeyFilter(entry)
                let events = entry.string("Event").map { S3EventName.check([$0], entry, "Event") } ?? []
                entry.finish()
                guard let arn, !events.isEmpty else { continue }
                lambdaConfigurations.append(
                    LambdaFunctionConfiguration(
                        id: "\(resource.id)LambdaConfiguration\(index)", events: events, prefix: filter.prefix,
                        suffix: filter.suffix, function: arn, location: entry.location, path: entry.path))
            }
            if let bridge = notification.object("EventBridgeConfiguration") {
                sendsToEventBridge = bridge.bool("EventBridgeEnabled") ?? true
                bridge.finish()
            }
            notification.finish()
        }
        if let versioning = properties.object("VersioningConfiguration") {
            if versioning.string("Status") == "Enabled" { versioning.error("versioning is not supported", "Status") }
            versioning.finish()
        }
        properties.unsupported([
            "LifecycleConfiguration": "", "ObjectLockConfiguration": "", "ObjectLockEnabled": "",
            "ReplicationConfiguration": "", "InventoryConfigurations": "", "MetadataConfiguration": "",
            "MetadataTableConfiguration": "",
        ])
        properties.mattersOnlyOnAWS(
            "AbacStatus", "AccelerateConfiguration", "AccessControl", "AnalyticsConfigurations", "BucketEncryption",
            "CorsConfiguration", "IntelligentTieringConfigurations", "LoggingConfiguration", "MetricsConfigurations",
            "OwnershipControls", "PublicAccessBlockConfiguration", "Tags", "WebsiteConfiguration")
        properties.finish()
    }

    /// The rules of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
    private static func checkName(_ name: String, _ properties: PropertyReader) {
        func refuse(_ rule: String) {
            properties.diagnostics.error(
                "'\(name)' is no bucket name: \(rule)", at: properties.place("BucketName"),
                path: properties.path("BucketName"))
        }
        _ = properties.raw("BucketName")
        if properties.has("BucketName"), properties.value("BucketName")?.text == nil { return }
        let allowed = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
        if !(3...63).contains(name.utf8.count) {
            refuse("it must have 3 to 63 characters")
        } else if !allowed {
            refuse("only a-z, 0-9, '.' and '-' are allowed")
        } else if ["-", "."].contains(where: { name.hasPrefix($0) || name.hasSuffix($0) }) {
            refuse("it must start and end with a letter or digit")
        } else if name.contains("..") {
            refuse("two dots may not follow each other")
        } else if name.split(separator: ".", omittingEmptySubsequences: false).count == 4,
            name.split(separator: ".").allSatisfy({ UInt8($0) != nil })
        {
            refuse("it may not look like an IP address")
        } else if ["xn--", "sthree-", "amzn-s3-demo-"].contains(where: name.hasPrefix)
            || ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].contains(where: name.hasSuffix)
        {
            refuse("that prefix or suffix is reserved")
        }
    }
}

/// `Filter: S3Key: Rules:` of a notification.
struct KeyFilter {
    var prefix: String?
    var suffix: String?

    init(_ entry: PropertyReader) {
        guard let filter = entry.object("Filter") else { return }
        defer { filter.finish() }
        filter.require("S3Key")
        guard let key = filter.object("S3Key") else { return }
        defer { key.finish() }
        key.require("Rules")
        for rule in key.objects("Rules") ?? [] {
            rule.require("Name", "Value")
            let value = rule.string("Value")
            switch rule.string("Name")?.lowercased() {
            case "prefix":
                if prefix != nil { rule.error("a second prefix rule; one is allowed", "Name") }
                prefix = value
            case "suffix":
                if suffix != nil { rule.error("a second suffix rule; one is allowed", "Name") }
                suffix = value
            case let name?:
                rule.error(
                    "'\(name)' is neither prefix nor suffix", "Name",
                    suggestion: Suggestion.closest(to: name, in: ["prefix", "suffix"]))
            case nil: break
            }
            if let value, value.utf8.count > 1024 { rule.error("longer than 1024 bytes", "Value") }
            rule.finish()
        }
    }
}

/// The events that S3 notifies of.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
enum S3EventName {
    private static let here = [
        "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete",
    ]
    private static let onlyOnAWS = [
        "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRestore:*", "s3:ObjectRestore:Post",
        "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete", "s3:ReducedRedundancyLostObject", "s3:Replication:*",
        "s3:Replication:OperationFailedReplication", "s3:Replication:OperationNotTracked",
        "s3:Replication:OperationMissedThreshold", "s3:Replication:OperationReplicatedAfterThreshold",
        "s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
        "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ObjectTagging:*", "s3:ObjectTagging:Put",
        "s3:ObjectTagging:Delete", "s3:ObjectAcl:Put", "s3:TestEvent",
    ]

    /// Those of the events that can happen here; tells the ones that can't, and the ones that are none.
    static func check(_ events: [String], _ reader: PropertyReader, _ key: String) -> [String] {
        events.filter { event in
            if here.contains(event) { return true }
            if onlyOnAWS.contains(event) {
                reader.diagnostics.warning(
                    "\(event) never happens here", at: reader.place(key), path: reader.path(key))
                return true
            }
            reader.error(
                "'\(event)' is no event of S3", key, suggestion: Suggestion.closest(to: event, in: here + onlyOnAWS))
            return false
        }
    }
}
