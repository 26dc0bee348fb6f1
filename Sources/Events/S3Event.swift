/// What S3 tells a function: an object was created or removed.
///
/// The shape is S3's own, in the version that `eventVersion` names; members that we do not know are passed over, as S3 asks.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
public struct S3Event: Sendable, Hashable {
    /// One event each; S3 normally sends one a message, a handler must loop all the same.
    public var records: [Record]

    public init(records: [Record]) { self.records = records }

    /// One event.
    public struct Record: Sendable, Hashable {
        /// `2.6` when made here. Compare the major part by equality, the minor one by `>=`.
        public var eventVersion = S3Event.eventVersion
        public var awsRegion: String
        public var eventTime: Timestamp
        /// Without the prefix `s3:`, for example `ObjectCreated:Put`.
        public var eventName: String
        public var userIdentity: Principal
        public var sourceIPAddress: String
        /// The answer's `x-amz-request-id`, the same as in the upload's own answer.
        public var requestID: String
        /// The answer's `x-amz-id-2`.
        public var hostID: String
        public var s3: Entity

        public init(
            awsRegion: String, eventTime: Timestamp, eventName: String, userIdentity: Principal,
            sourceIPAddress: String = "127.0.0.1",
            requestID: String, hostID: String, s3: Entity
        ) {
            self.awsRegion = awsRegion
            self.eventTime = eventTime
            self.eventName = eventName
            self.userIdentity = userIdentity
            self.sourceIPAddress = sourceIPAddress
            self.requestID = requestID
            self.hostID = hostID
            self.s3 = s3
        }
    }

    /// Who caused an event or owns a bucket.
    public struct Principal: Sendable, Hashable {
        public var principalId: String
        public init(principalId: String) { self.principalId = principalId }
    }

    /// The bucket and the object of an event.
    public struct Entity: Sendable, Hashable {
        /// The id of the notification configuration that matched.
        public var configurationId: String
        public var bucket: Bucket
        public var object: Object

        public init(configurationId: String, bucket: Bucket, object: Object) {
            self.configurationId = configurationId
            self.bucket = bucket
            self.object = object
        }
    }

    public struct Bucket: Sendable, Hashable {
        public var name: String
        public var ownerIdentity: Principal
        public var arn: String

        public init(name: String, ownerIdentity: Principal, arn: String? = nil) {
            self.name = name
            self.ownerIdentity = ownerIdentity
            self.arn = arn ?? "arn:aws:s3:::\(name)"
        }
    }

    public struct Object: Sendable, Hashable {
        /// The key as S3 writes it into an event: form-url-encoded (`a+b%40c`). See ``urlDecodedKey``.
        public var key: String
        /// Bytes; nil for a removal.
        public var size: Int64?
        /// Without quotes; nil for a removal.
        public var eTag: String?
        /// Only in a bucket with versions.
        public var versionId: String?
        /// A hexadecimal string that orders the events of one key; see ``Sequencer``.
        public var sequencer: String?

        /// An object by its plain key, which is encoded here.
        public init(
            urlDecodedKey key: String, size: Int64? = nil, eTag: String? = nil, versionId: String? = nil,
            sequencer: String? = nil
        ) {
            self.key = FormURLEncoding.encode(key)
            self.size = size
            self.eTag = eTag
            self.versionId = versionId
            self.sequencer = sequencer
        }

        /// The object's key as its writer named it.
        public var urlDecodedKey: String { FormURLEncoding.decode(key) }
    }

    /// The version of the shape that is written here.
    public static let eventVersion = "2.6"
}

extension S3Event {
    /// The event as S3 sends it.
    public var json: JSON { ["Records": .array(records.map(\.json))] }

    /// Reads an event of any version 2.x. Throws `ShapeError` where a member that every event has is missing or no string.
    public init(json: JSON) throws {
        guard let records = json["Records"]?.array else {
            throw ShapeError("Records", expected: "array", found: json["Records"])
        }
        self.records = try records.enumerated().map { try Record(json: $1, path: "Records[\($0)]") }
    }
}

extension S3Event.Record {
    public var json: JSON {
        var object: JSON = ["key": .string(s3.object.key)]
        if let size = s3.object.size { object["size"] = JSON(size) }
        if let eTag = s3.object.eTag { object["eTag"] = .string(eTag) }
        if let versionId = s3.object.versionId { object["versionId"] = .string(versionId) }
        if let sequencer = s3.object.sequencer { object["sequencer"] = .string(sequencer) }
        return [
            "eventVersion": .string(eventVersion), "eventSource": "aws:s3", "awsRegion": .string(awsRegion),
            "eventTime": .string(eventTime.iso8601), "eventName": .string(eventName),
            "userIdentity": ["principalId": .string(userIdentity.principalId)],
            "requestParameters": ["sourceIPAddress": .string(sourceIPAddress)],
            "responseElements": ["x-amz-request-id": .string(requestID), "x-amz-id-2": .string(hostID)],
            "s3": [
                "s3SchemaVersion": "1.0", "configurationId": .string(s3.configurationId),
                "bucket": [
                    "name": .string(s3.bucket.name),
                    "ownerIdentity": ["principalId": .string(s3.bucket.ownerIdentity.principalId)],
                    "arn": .string(s3.bucket.arn),
                ],
                "object": object,
            ],
        ]
    }

    init(json: JSON, path: String) throws {
        let read = ShapeReader(json, path: path)
        let bucket = try read.member("s3").member("bucket")
        let object = try read.member("s3").member("object")
        self.init(
            awsRegion: try read.string("awsRegion"),
            eventTime: Timestamp(iso8601: try read.string("eventTime")) ?? Timestamp(milliseconds: 0),
            eventName: try read.string("eventName"),
            userIdentity: .init(principalId: json["userIdentity"]?["principalId"]?.string ?? ""),
            sourceIPAddress: json["requestParameters"]?["sourceIPAddress"]?.string ?? "",
            requestID: json["responseElements"]?["x-amz-request-id"]?.string ?? "",
            hostID: json["responseElements"]?["x-amz-id-2"]?.string ?? "",
            s3: .init(
                configurationId: json["s3"]?["configurationId"]?.string ?? "",
                bucket: .init(
                    name: try bucket.string("name"),
                    ownerIdentity: .init(principalId: bucket.json["ownerIdentity"]?["principalId"]?.string ?? ""),
                    arn: bucket.json["arn"]?.string),
                object: .init(
                    urlDecodedKey: "", size: object.json["size"]?.int.map(Int64.init),
                    eTag: object.json["eTag"]?.string,
                    versionId: object.json["versionId"]?.string, sequencer: object.json["sequencer"]?.string)))
        s3.object.key = try object.string("key")
        eventVersion = json["eventVersion"]?.string ?? "2.0"
    }
}

extension S3Event: Codable {
    public init(from decoder: any Decoder) throws { try self.init(json: JSON(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
}
