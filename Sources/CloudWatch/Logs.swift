public import Events
public import Storage
import Synchronization

/// CloudWatch Logs: groups, streams and events, with the metrics that events become.
///
/// Writing an event writes its metrics in the same transaction: those of the embedded metric format and those of the
/// metric filters. A NUL byte in a message, which the database's text can't hold, becomes U+FFFD.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html>
public final class Logs: Sendable {
    private struct StreamKey: Hashable {
        var group: String
        var stream: String
    }

    private struct Cache {
        var ids: [StreamKey: LogStore.StreamID] = [:]
        /// Grows whenever rows are deleted, so that an id learned before is not remembered after.
        var generation = 0
        var filters: [String: [MetricFilter]] = [:]
    }

    let store: Store
    let time: any TimeSource
    private let metrics: @Sendable ([MetricDatum], Connection) throws -> Void
    private let cache = Mutex(Cache())
    /// Streams remembered; beyond that the memory starts over.
    private static let cacheLimit = 10_000

    /// `metrics` takes what events become, inside the event's transaction; usually ``Metrics/put(_:in:)``.
    public init(
        store: Store, time: any TimeSource = SystemTime(),
        metrics: @escaping @Sendable ([MetricDatum], Connection) throws -> Void = { _, _ in }
    ) {
        self.store = store
        self.time = time
        self.metrics = metrics
    }

    // MARK: - Configuration

    /// Makes the groups with their retention, and sets the metric filters that apply from now on; those of an earlier call
    /// are forgotten. Groups of an earlier call keep what they have. Throws ``CloudWatchError``.
    public func configure(
        groups: [(name: String, retentionInDays: Int?)] = [], filters: [MetricFilter] = [], in connection: Connection
    ) throws {
        for group in groups { try putRetention(group.name, days: group.retentionInDays, in: connection) }
        let byGroup = Dictionary(grouping: filters, by: \.logGroupName)
        connection.afterCommit { [self] in cache.withLock { $0.filters = byGroup } }
    }

    /// The same in a transaction of its own.
    public func configure(
        groups: [(name: String, retentionInDays: Int?)] = [], filters: [MetricFilter] = []
    ) async throws {
        try await store.write { try self.configure(groups: groups, filters: filters, in: $0) }
    }

    private func putRetention(_ name: String, days: Int?, in connection: Connection) throws {
        if let days, !LogGroup.retentions.contains(days) {
            throw CloudWatchError.invalidLogsParameter(
                "1 validation error detected: Value '\(days)' at 'retentionInDays' failed to satisfy constraint: "
                    + "Member must satisfy enum value set: \(LogGroup.retentions)")
        }
        let id = try LogStore.makeGroup(name, at: time.now, in: connection)
        try LogStore.setRetention(days, group: id, in: connection)
    }

    // MARK: - Writing

    /// Writes the events; group and stream are made where they are not there yet.
    public func append(_ batch: LogBatch, in connection: Connection) throws {
        guard !batch.events.isEmpty else { return }
        let now = time.now
        let key = StreamKey(group: batch.logGroup, stream: batch.logStream)
        let (known, generation, filters) = cache.withLock { ($0.ids[key], $0.generation, $0.filters[key.group] ?? []) }
        let id: LogStore.StreamID
        if let known {
            id = known
        } else {
            id = try LogStore.makeStream(batch.logStream, group: batch.logGroup, at: now, in: connection)
            // An id is remembered once it is durable: a transaction that fails takes the row with it.
            connection.afterCommit { [self] in
                cache.withLock { cache in
                    guard cache.generation == generation else { return }
                    if cache.ids.count >= Self.cacheLimit { cache.ids = [:] }
                    cache.ids[key] = id
                }
            }
        }
        var events = batch.events
        for index in events.indices where events[index].message.utf8.contains(0) {
            events[index].message = String(events[index].message.map { $0 == "\0" ? "\u{FFFD}" : $0 })
        }
        try LogStore.insert(events, into: id, at: now, in: connection)
        var data: [MetricDatum] = []
        for event in events {
            switch EmbeddedMetricFormat.read(event) {
            case .none: break
            case .metrics(let found): data += found
            case .invalid(let error): data.append(error.datum(logGroup: batch.logGroup, at: event.timestamp))
            }
            for filter in filters { if let datum = filter.datum(for: event) { data.append(datum) } }
        }
        if !data.isEmpty { try metrics(data, connection) }
    }

    /// The same in a transaction of its own.
    public func append(_ batch: LogBatch) async throws {
        try await store.write { try self.append(batch, in: $0) }
    }

    // MARK: - Deleting

    private func forget() {
        cache.withLock {
            $0.ids = [:]
            $0.generation += 1
        }
    }

    /// Deletes a group with its streams and events. Throws ``CloudWatchError/logResourceNotFound(_:)``.
    public func deleteGroup(_ name: String, in connection: Connection) throws {
        guard let id = try LogStore.groupID(name, in: connection) else { throw Self.noGroup }
        forget()
        try LogStore.deleteGroup(id, in: connection)
    }

    /// Deletes events past their group's retention, then streams that are empty and as old, at most `limit` rows a
    /// transaction so that nobody waits long. Returns how many events and streams went.
    @discardableResult
    public func enforceRetention(limit: Int = 5000) async throws -> Int {
        let now = time.now
        var total = 0
        for (group, days) in try await store.read({ try LogStore.retentions(in: $0) }) {
            let before = now.milliseconds - Int64(days) * 86_400_000
            while true {
                let count = try await store.write { connection in
                    let events = try LogStore.deleteEvents(group: group, before: before, limit: limit, in: connection)
                    if events > 0 { return events }
                    let streams = try LogStore.deleteEmptyStreams(
                        group: group, before: before, limit: limit, in: connection)
                    if streams > 0 { self.forget() }
                    return streams
                }
                total += count
                if count == 0 { break }
                try Task.checkCancellation()
            }
        }
        return total
    }

    // MARK: - Reading

    static let noGroup = CloudWatchError.logResourceNotFound("The specified log group does not exist.")
    static let noStream = CloudWatchError.logResourceNotFound("The specified log stream does not exist.")

    /// Groups by name, after `after`, at most `limit`.
    public func groups(prefix: String = "", after: String = "", limit: Int = 50, in connection: Connection) throws
        -> [LogGroup]
    {
        try LogStore.groups(prefix: prefix, after: after, limit: limit, in: connection)
    }

    /// Streams of a group by name, after `after`, at most `limit`. Throws ``CloudWatchError/logResourceNotFound(_:)``.
    public func streams(
        group: String, prefix: String = "", after: String = "", limit: Int = 50, in connection: Connection
    ) throws -> [LogStream] {
        guard let id = try LogStore.groupID(group, in: connection) else { throw Self.noGroup }
        return try LogStore.streams(group: id, prefix: prefix, after: after, limit: limit, in: connection)
    }

    /// What to read of a group.
    public struct Query: Sendable {
        /// The group's name.
        public var logGroup: String
        /// One stream; nil: all of the group.
        public var logStream: String?
        /// Only streams whose names start so.
        public var logStreamPrefix: String?
        /// The first moment; nil: since ever.
        public var startTime: Timestamp?
        /// The moment behind the last; nil: no end.
        public var endTime: Timestamp?
        /// Nil: every event.
        public var filterPattern: FilterPattern?
        /// Events a page at most, 1 to 10,000.
        public var limit = 10_000
        /// Whether to read from the oldest on; false: from the newest back.
        public var startFromHead = true
        /// Where the last page ended.
        public var nextToken: String?

        /// All events of a group.
        public init(logGroup: String) { self.logGroup = logGroup }
    }

    /// A page of events.
    public struct Page: Sendable {
        /// Oldest first, whichever way the reader goes.
        public var events: [StoredLogEvent]
        /// Goes on towards newer events; give it back in `nextToken`. At the end it stays the same.
        public var nextForwardToken: String
        /// Goes on towards older events.
        public var nextBackwardToken: String
        /// Whether the range held no more behind this page.
        public var isComplete: Bool
    }

    /// How many events one page looks at where a pattern or prefix leaves most of them out.
    private static let scanLimit = 100_000

    /// A page of events, found by index and read one after another: memory is bounded by the page.
    ///
    /// A page may hold fewer events than its limit, even none, though more follow: see ``Page/isComplete``.
    /// Throws ``CloudWatchError``.
    public func events(_ query: Query, in connection: Connection) throws -> Page {
        guard (1...10_000).contains(query.limit) else {
            throw CloudWatchError.invalidLogsParameter("limit must be from 1 to 10000, found \(query.limit)")
        }
        guard let group = try LogStore.groupID(query.logGroup, in: connection) else { throw Self.noGroup }
        var stream: Int64?
        if let name = query.logStream {
            stream = try LogStore.streamID(name, group: group, in: connection)
            if stream == nil { throw Self.noStream }
        }
        var forward = query.startFromHead
        var position: LogStore.Position?
        if let token = query.nextToken {
            (forward, position) = try Self.read(token)
        }
        var events: [StoredLogEvent] = []
        var seen = 0
        var last = position
        var first = position
        var isComplete = true
        // The position narrows the range, so that a late page costs no more than the first.
        var from = query.startTime?.milliseconds ?? .min
        var to = query.endTime?.milliseconds ?? .max
        if let position {
            if forward {
                from = max(from, position.timestamp)
            } else if position.timestamp < .max {
                to = min(to, position.timestamp + 1)
            }
        }
        try LogStore.scan(
            group: group, stream: stream, from: from, to: to, beyond: position, forward: forward, in: connection
        ) { event in
            guard events.count < query.limit, seen < Self.scanLimit else {
                isComplete = false
                return false
            }
            seen += 1
            let place = LogStore.Position(timestamp: event.timestamp.milliseconds, id: event.id)
            last = place
            if first == nil || (seen == 1) { first = place }
            if let prefix = query.logStreamPrefix, !event.logStream.hasPrefix(prefix) { return true }
            if let pattern = query.filterPattern, !pattern.matches(event.message) { return true }
            var event = event
            event.logGroup = query.logGroup
            events.append(event)
            return true
        }
        if !forward {
            events.reverse()
            swap(&first, &last)
        }
        // Where nothing was read, the way back starts with the event at which the reader stands.
        if seen == 0, let position, position.id > .min, position.id < .max {
            if forward { first?.id = position.id + 1 } else { last?.id = position.id - 1 }
        }
        let empty = LogStore.Position(timestamp: forward ? .min : .max, id: forward ? -1 : .max)
        return Page(
            events: events, nextForwardToken: Self.token(true, last ?? empty),
            nextBackwardToken: Self.token(false, first ?? empty), isComplete: isComplete)
    }

    /// The same in a snapshot of its own.
    public func events(_ query: Query) async throws -> Page {
        try await store.read { try self.events(query, in: $0) }
    }

    private static func token(_ forward: Bool, _ place: LogStore.Position) -> String {
        "\(forward ? "f" : "b")/\(place.timestamp)/\(place.id)"
    }

    private static func read(_ token: String) throws -> (Bool, LogStore.Position) {
        let parts = token.split(separator: "/")
        guard parts.count == 3, parts[0] == "f" || parts[0] == "b", let timestamp = Int64(parts[1]),
            let id = Int64(parts[2])
        else { throw CloudWatchError.invalidLogsParameter("The specified nextToken is invalid.") }
        return (parts[0] == "f", LogStore.Position(timestamp: timestamp, id: id))
    }

    // MARK: - Following

    /// The id of the newest event of all groups: where a follower starts that wants only what is new.
    public func lastEventID(in connection: Connection) throws -> Int64 { try LogStore.lastEventID(in: connection) }

    /// What a follower gets in one look.
    public struct Tail: Sendable {
        /// In the order in which they were written.
        public var events: [StoredLogEvent]
        /// Where to go on, also when nothing matched.
        public var cursor: Int64
        /// Whether more waits behind the cursor now.
        public var hasMore: Bool
    }

    /// The events written since `cursor`, of the groups and streams whose names start so and that match. It looks at `limit`
    /// events at most.
    public func tail(
        after cursor: Int64, groupPrefix: String = "", streamPrefix: String = "", filterPattern: FilterPattern? = nil,
        limit: Int = 1000, in connection: Connection
    ) throws -> Tail {
        let found = try LogStore.after(cursor, limit: limit, in: connection)
        return Tail(
            events: found.filter {
                $0.logGroup.hasPrefix(groupPrefix) && $0.logStream.hasPrefix(streamPrefix)
                    && (filterPattern?.matches($0.message) ?? true)
            }, cursor: found.last?.id ?? cursor, hasMore: found.count == limit)
    }

    /// The same in a snapshot of its own.
    public func tail(
        after cursor: Int64, groupPrefix: String = "", streamPrefix: String = "", filterPattern: FilterPattern? = nil,
        limit: Int = 1000
    ) async throws -> Tail {
        try await store.read {
            try self.tail(
                after: cursor, groupPrefix: groupPrefix, streamPrefix: streamPrefix, filterPattern: filterPattern,
                limit: limit, in: $0)
        }
    }
}
