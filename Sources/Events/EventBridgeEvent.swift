/// An event on an EventBridge bus.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html>
public struct EventBridgeEvent: Sendable, Hashable {
    public var id: String
    public var detailType: String
    public var source: String
    public var account: String
    public var time: Timestamp
    public var region: String
    public var resources: [String]
    public var detail: JSON

    public init(
        id: String, detailType: String, source: String, account: String, time: Timestamp, region: String,
        resources: [String] = [],
        detail: JSON
    ) {
        self.id = id
        self.detailType = detailType
        self.source = source
        self.account = account
        self.time = time
        self.region = region
        self.resources = resources
        self.detail = detail
    }

    /// The event as a rule's pattern and its targets see it; the time has whole seconds.
    public var json: JSON {
        [
            "version": "0", "id": .string(id), "detail-type": .string(detailType), "source": .string(source),
            "account": .string(account), "time": .string(time.iso8601(milliseconds: false)), "region": .string(region),
            "resources": .array(resources.map(JSON.string)), "detail": detail,
        ]
    }
}
