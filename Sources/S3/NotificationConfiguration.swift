public import Events

/// What a bucket tells, and whom.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_NotificationConfiguration.html>
public struct NotificationConfiguration: Sendable, Hashable {
    /// The functions that are invoked.
    public var lambdaFunctionConfigurations: [LambdaFunctionConfiguration]
    /// Whether every event goes to EventBridge too (`EventBridgeConfiguration: {}`).
    public var sendsToEventBridge: Bool

    /// Makes a configuration, unchecked; see ``validate()``.
    public init(
        lambdaFunctionConfigurations: [LambdaFunctionConfiguration] = [], sendsToEventBridge: Bool = false
    ) {
        self.lambdaFunctionConfigurations = lambdaFunctionConfigurations
        self.sendsToEventBridge = sendsToEventBridge
    }

    /// Throws what S3 answers to PutBucketNotificationConfiguration for a configuration that it refuses.
    public func validate() throws(S3Error) {
        for configuration in lambdaFunctionConfigurations { try configuration.validate() }
        for (index, one) in lambdaFunctionConfigurations.enumerated() {
            for other in lambdaFunctionConfigurations[..<index] {
                if one.id == other.id {
                    throw S3Error(
                        code: "InvalidArgument",
                        message: "Same ID used for multiple configurations. IDs must be unique", argument: one.id)
                }
                if one.overlaps(other) {
                    throw S3Error(
                        code: "InvalidArgument",
                        message: "Configurations overlap. Configurations on the same bucket cannot share a common "
                            + "event type.", argument: "\(other.id), \(one.id)")
                }
            }
        }
    }

    /// The configuration as GetBucketNotificationConfiguration answers it.
    public var json: JSON {
        .compact([
            "LambdaFunctionConfigurations": lambdaFunctionConfigurations.isEmpty
                ? nil : .array(lambdaFunctionConfigurations.map(\.json)),
            "EventBridgeConfiguration": sendsToEventBridge ? [:] : nil,
        ])
    }

    /// Reads the shape that ``json`` writes. Throws `ShapeError` for another shape, ``S3Error`` for a faulty filter.
    public init(json: JSON) throws {
        self.init(sendsToEventBridge: json["EventBridgeConfiguration"] != nil)
        for (index, one) in (json["LambdaFunctionConfigurations"]?.array ?? []).enumerated() {
            lambdaFunctionConfigurations.append(
                try LambdaFunctionConfiguration(json: one, path: "LambdaFunctionConfigurations[\(index)]"))
        }
    }
}

/// One function, the events that invoke it, and a filter of keys.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_LambdaFunctionConfiguration.html>
public struct LambdaFunctionConfiguration: Sendable, Hashable {
    /// The `configurationId` of the events.
    public var id: String
    /// For example `s3:ObjectCreated:*`.
    public var events: [String]
    /// The function.
    public var lambdaFunctionArn: ARN
    /// Only keys that start so; nil where no such rule was given.
    public var prefix: String?
    /// Only keys that end so; nil where no such rule was given.
    public var suffix: String?

    /// Makes a configuration, unchecked; see ``validate()``.
    public init(
        id: String, events: [String], lambdaFunctionArn: ARN, prefix: String? = nil, suffix: String? = nil
    ) {
        self.id = id
        self.events = events
        self.lambdaFunctionArn = lambdaFunctionArn
        self.prefix = prefix
        self.suffix = suffix
    }

    /// The events that S3 knows.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
    public static let knownEvents: Set<String> = [
        "s3:TestEvent", "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRestore:*", "s3:ObjectRestore:Post",
        "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete", "s3:ReducedRedundancyLostObject", "s3:Replication:*",
        "s3:Replication:OperationFailedReplication", "s3:Replication:OperationMissedThreshold",
        "s3:Replication:OperationReplicatedAfterThreshold", "s3:Replication:OperationNotTracked",
        "s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
        "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ObjectTagging:*", "s3:ObjectTagging:Put",
        "s3:ObjectTagging:Delete", "s3:ObjectAcl:Put",
    ]

    /// Throws what S3 answers to a configuration that is faulty by itself.
    public func validate() throws(S3Error) {
        func refuse(_ message: String, _ argument: String) -> S3Error {
            S3Error(code: "InvalidArgument", message: message, argument: argument)
        }
        if events.isEmpty { throw refuse("A configuration needs at least one event", id) }
        for event in events where !Self.knownEvents.contains(event) {
            throw refuse("The event is not supported for notifications", event)
        }
        if id.utf8.count > 255 { throw refuse("An ID has at most 255 characters", id) }
        for value in [prefix, suffix] {
            if let value, value.utf8.count > ObjectPath.maximumKeyLength {
                throw refuse("filter rule value cannot exceed 1024 bytes", value)
            }
        }
        if lambdaFunctionArn.service != "lambda" {
            throw refuse("The ARN could not be parsed", lambdaFunctionArn.description)
        }
    }

    /// Whether an event of an object invokes the function. `eventName` is without `s3:`, `key` plain.
    public func matches(eventName: String, key: String) -> Bool {
        events.contains { Self.event($0, covers: "s3:\(eventName)") }
            && key.utf8.starts(with: (prefix ?? "").utf8)
            && key.utf8.reversed().starts(with: (suffix ?? "").utf8.reversed())
    }

    /// Whether some event of some object would invoke both.
    func overlaps(_ other: Self) -> Bool {
        func oneStartsOther(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
            zip(left, right).allSatisfy { $0 == $1 }
        }
        let sharesEvent = events.contains { mine in
            other.events.contains { Self.event(mine, covers: $0) || Self.event($0, covers: mine) }
        }
        return sharesEvent && oneStartsOther((prefix ?? "").utf8, (other.prefix ?? "").utf8)
            && oneStartsOther((suffix ?? "").utf8.reversed(), (other.suffix ?? "").utf8.reversed())
    }

    private static func event(_ pattern: String, covers event: String) -> Bool {
        pattern == event || (pattern.hasSuffix(":*") && event.hasPrefix(pattern.dropLast()))
    }

    /// The configuration as S3 answers it: the names of filter rules come back with a capital.
    public var json: JSON {
        let rules = [("Prefix", prefix), ("Suffix", suffix)].compactMap { name, value -> JSON? in
            value.map { ["Name": .string(name), "Value": .string($0)] }
        }
        return .compact([
            "Id": .string(id), "LambdaFunctionArn": .string(lambdaFunctionArn.description),
            "Events": .array(events.map(JSON.string)),
            "Filter": rules.isEmpty ? nil : ["Key": ["FilterRules": .array(rules)]],
        ])
    }

    init(json: JSON, path: String) throws {
        let read = ShapeReader(json, path: path)
        let arn = try read.string("LambdaFunctionArn")
        guard let function = ARN(arn) else {
            throw S3Error(code: "InvalidArgument", message: "The ARN could not be parsed", argument: arn)
        }
        self.init(
            id: json["Id"]?.string ?? Identifier.uuid(),
            events: try read.array("Events").map { event in
                guard let event = event.string else {
                    throw ShapeError("\(path).Events", expected: "string", found: event)
                }
                return event
            }, lambdaFunctionArn: function)
        for rule in json["Filter"]?["Key"]?["FilterRules"]?.array ?? [] {
            let rule = ShapeReader(rule, path: "\(path).Filter.Key.FilterRules")
            let (name, value) = (try rule.string("Name").lowercased(), try rule.string("Value"))
            switch name {
            case "prefix":
                guard prefix == nil else { throw Self.twice(name) }
                prefix = value
            case "suffix":
                guard suffix == nil else { throw Self.twice(name) }
                suffix = value
            default:
                throw S3Error(
                    code: "InvalidArgument", message: "filter rule name must be either prefix or suffix", argument: name
                )
            }
        }
    }

    private static func twice(_ name: String) -> S3Error {
        S3Error(
            code: "InvalidArgument", message: "Cannot specify more than one \(name) rule in a filter.", argument: name)
    }
}

/// A bucket and what it notifies.
public struct BucketConfiguration: Sendable, Hashable {
    /// The bucket's name, which is its folder's too.
    public var name: String
    /// What it tells, and whom.
    public var notificationConfiguration: NotificationConfiguration

    /// Makes a bucket's configuration.
    public init(name: String, notificationConfiguration: NotificationConfiguration = .init()) {
        self.name = name
        self.notificationConfiguration = notificationConfiguration
    }
}
