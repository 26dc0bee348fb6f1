import Crypto
import Events
import Storage

/// Turns observations into objects, events and deliveries, inside one transaction.
struct EventPublisher: Sendable {
    let place: AccountRegion
    let time: any TimeSource
    let configurations: [String: NotificationConfiguration]
    let deliver: @Sendable (S3Event.Record, ObjectOrigin, ARN, Connection) throws -> Void
    let bus: @Sendable (EventBridgeEvent, Connection) throws -> Void
    /// The canonical user that owns the buckets: made from the account, so that it stays the same.
    let owner: String

    init(
        place: AccountRegion, time: any TimeSource, configurations: [String: NotificationConfiguration],
        deliver: @escaping @Sendable (S3Event.Record, ObjectOrigin, ARN, Connection) throws -> Void,
        bus: @escaping @Sendable (EventBridgeEvent, Connection) throws -> Void
    ) {
        self.place = place
        self.time = time
        self.configurations = configurations
        self.deliver = deliver
        self.bus = bus
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
        let digest = Insecure.MD5.hash(data: Array(place.account.utf8))
        owner = "A" + String(decoding: digest.prefix(13).map { alphabet[Int($0) % alphabet.count] }, as: UTF8.self)
    }

    /// Applies observations in their order; returns how many events came of them.
    func apply(_ observations: [Observation], in connection: Connection) throws -> Int {
        var last = try S3Store.lastSequence(in: connection)
        let before = last
        var events = 0
        for observation in observations {
            if try apply(observation, &last, connection) { events += 1 }
        }
        if last != before { try S3Store.setLastSequence(last, in: connection) }
        return events
    }

    /// Removes the objects below a prefix whose files are gone, up to a number of keys; returns the last key looked at while
    /// there are more.
    func removeMissing(
        bucket: String, prefix: String, after: String, limit: Int, in connection: Connection,
        current: (String) -> FileIdentity?
    ) throws -> String? {
        let objects = try S3Store.objects(bucket: bucket, prefix: prefix, after: after, limit: limit, in: connection)
        _ = try apply(
            objects.map { .absent(bucket: bucket, key: $0.key, current: current($0.key)) }, in: connection)
        return objects.count == limit ? objects.last?.key : nil
    }

    private func apply(_ observation: Observation, _ last: inout Int64, _ connection: Connection) throws -> Bool {
        let (bucket, key) = (observation.bucket, observation.key)
        let known = try S3Store.object(bucket: bucket, key: key, in: connection)
        let name: String
        var found: (identity: FileIdentity, eTag: String)?
        switch ObjectChange(known: known, observation: observation) {
        case .nothing: return false
        case .sameContent(let identity):
            try S3Store.setIdentity(identity, bucket: bucket, key: key, in: connection)
            return false
        case .created(let identity, let eTag):
            name = ETag.eventName(of: eTag)
            found = (identity, eTag)
        case .removed: name = "ObjectRemoved:Delete"
        }
        let now = time.now
        last = Sequencer.next(after: last, now: now)
        let version = ObjectVersion(bucket: bucket, key: key, sequencer: Sequencer(UInt64(bitPattern: last)))
        if let found {
            try S3Store.put(
                StoredObject(
                    bucket: bucket, key: key, size: found.identity.size, eTag: found.eTag,
                    sequencer: version.sequencer, lastModified: now, identity: found.identity),
                sequence: last, in: connection)
        } else {
            try S3Store.remove(bucket: bucket, key: key, in: connection)
        }
        let event = StoredEvent(
            version: version, eventName: name, eventTime: now, size: found?.identity.size, eTag: found?.eTag,
            requestID: Self.requestID(), hostID: Self.hostID())
        try S3Store.append(event, sequence: last, in: connection)
        var origin = ObjectOrigin()
        if let found { origin.written = Timestamp(milliseconds: found.identity.changed / 1_000_000) }
        if case .present(_, _, _, _, let header, _) = observation { origin.traceHeader = header }
        try publish(event, origin, connection)
        return true
    }

    private func publish(_ event: StoredEvent, _ origin: ObjectOrigin, _ connection: Connection) throws {
        guard let configuration = configurations[event.version.bucket] else { return }
        for target in configuration.lambdaFunctionConfigurations
        where target.matches(eventName: event.eventName, key: event.version.key) {
            try deliver(record(event, configurationId: target.id), origin, target.lambdaFunctionArn, connection)
        }
        if configuration.sendsToEventBridge { try bus(busEvent(event), connection) }
    }

    /// The event as a function gets it.
    func record(_ event: StoredEvent, configurationId: String) -> S3Event.Record {
        S3Event.Record(
            awsRegion: place.region, eventTime: event.eventTime, eventName: event.eventName,
            userIdentity: .init(principalId: "AWS:\(place.account)"), requestID: event.requestID,
            hostID: event.hostID,
            s3: .init(
                configurationId: configurationId,
                bucket: .init(name: event.version.bucket, ownerIdentity: .init(principalId: owner)),
                object: .init(
                    urlDecodedKey: event.version.key, size: event.size, eTag: event.eTag,
                    sequencer: event.version.sequencer.text)))
    }

    /// The event as EventBridge gets it.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
    func busEvent(_ event: StoredEvent) -> EventBridgeEvent {
        let isRemoval = event.size == nil
        let reason: JSON =
            isRemoval
            ? "DeleteObject" : event.eventName.hasSuffix(":Put") ? "PutObject" : "CompleteMultipartUpload"
        return EventBridgeEvent(
            id: Identifier.uuid(), detailType: isRemoval ? "Object Deleted" : "Object Created", source: "aws.s3",
            account: place.account, time: event.eventTime, region: place.region,
            resources: [place.bucket(event.version.bucket).description],
            detail: .compact([
                "version": "0", "event-version": "1.0", "bucket": ["name": .string(event.version.bucket)],
                "object": .compact([
                    "key": .string(event.version.key), "size": event.size.map { JSON($0) },
                    "etag": event.eTag.map(JSON.string), "sequencer": .string(event.version.sequencer.text),
                ]),
                "request-id": .string(event.requestID), "requester": .string(place.account),
                "source-ip-address": "127.0.0.1", "reason": reason,
                "deletion-type": isRemoval ? "Permanently Deleted" : nil,
            ]))
    }

    // MARK: Identifiers

    private static func requestID() -> String {
        text(length: 16, alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
    }

    private static func hostID() -> String {
        text(length: 75, alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") + "="
    }

    /// Random characters of an alphabet whose size is a power of two, ten a random number.
    private static func text(length: Int, alphabet: StaticString) -> String {
        var random = SystemRandomNumberGenerator()
        let mask = UInt64(alphabet.utf8CodeUnitCount - 1)
        return String(unsafeUninitializedCapacity: length) { out in
            var bits: UInt64 = 0
            for at in 0..<length {
                if at % 10 == 0 { bits = random.next() }
                out[at] = alphabet.utf8Start[Int(bits & mask)]
                bits >>= 6
            }
            return length
        }
    }
}
