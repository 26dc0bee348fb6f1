import Events
import GRDB
import Storage

/// The SQL of log groups, streams and events.
enum LogStore {
    // Event ids are never used twice (AUTOINCREMENT), also after retention has emptied the table: followers remember an id.
    static let tables = """
        CREATE TABLE log_groups (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            retention_days INTEGER,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE log_streams (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            group_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            created INTEGER NOT NULL,
            last_ingestion INTEGER NOT NULL,
            UNIQUE (group_id, name)
        ) STRICT;
        CREATE TABLE log_events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            group_id INTEGER NOT NULL,
            stream_id INTEGER NOT NULL,
            timestamp INTEGER NOT NULL,
            ingestion INTEGER NOT NULL,
            message TEXT NOT NULL
        ) STRICT;
        CREATE INDEX log_events_by_group ON log_events (group_id, timestamp, id);
        CREATE INDEX log_events_by_stream ON log_events (stream_id, timestamp, id);
        """

    struct StreamID: Sendable {
        let group: Int64
        let stream: Int64
    }

    static func groupID(_ name: String, in connection: Connection) throws -> Int64? {
        try connection.value(Int64.self, "SELECT id FROM log_groups WHERE name = ?", [name])
    }

    static func makeGroup(_ name: String, at now: Timestamp, in connection: Connection) throws -> Int64 {
        if let id = try groupID(name, in: connection) { return id }
        try connection.execute("INSERT INTO log_groups (name, created) VALUES (?, ?)", [name, now.milliseconds])
        return connection.lastInsertedID
    }

    static func setRetention(_ days: Int?, group: Int64, in connection: Connection) throws {
        try connection.execute("UPDATE log_groups SET retention_days = ? WHERE id = ?", [days, group])
    }

    static func streamID(_ name: String, group: Int64, in connection: Connection) throws -> Int64? {
        try connection.value(
            Int64.self, "SELECT id FROM log_streams WHERE group_id = ? AND name = ?", [group, name])
    }

    static func makeStream(_ name: String, group: String, at now: Timestamp, in connection: Connection) throws
        -> StreamID
    {
        let groupID = try makeGroup(group, at: now, in: connection)
        if let id = try streamID(name, group: groupID, in: connection) { return StreamID(group: groupID, stream: id) }
        try connection.execute(
            "INSERT INTO log_streams (group_id, name, created, last_ingestion) VALUES (?, ?, ?, ?)",
            [groupID, name, now.milliseconds, now.milliseconds])
        return StreamID(group: groupID, stream: connection.lastInsertedID)
    }

    static func insert(_ events: [LogEvent], into id: StreamID, at now: Timestamp, in connection: Connection) throws {
        let statement = try connection.database.cachedStatement(
            sql: "INSERT INTO log_events (group_id, stream_id, timestamp, ingestion, message) VALUES (?, ?, ?, ?, ?)")
        for event in events {
            try statement.execute(arguments: [
                id.group, id.stream, event.timestamp.milliseconds, now.milliseconds, event.message,
            ])
        }
        try connection.execute(
            "UPDATE log_streams SET last_ingestion = ? WHERE id = ?", [now.milliseconds, id.stream])
    }

    static func groups(prefix: String, after: String, limit: Int, in connection: Connection) throws -> [LogGroup] {
        try connection.rows(
            """
            SELECT name, retention_days, created FROM log_groups
            WHERE name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?
            """, [after, prefix, prefix, limit]
        ).map { LogGroup(name: $0[0], retentionInDays: $0[1], creationTime: Timestamp(milliseconds: $0[2])) }
    }

    static func streams(group: Int64, prefix: String, after: String, limit: Int, in connection: Connection) throws
        -> [LogStream]
    {
        try connection.rows(
            """
            SELECT s.name, s.created, s.last_ingestion,
                (SELECT min(timestamp) FROM log_events e WHERE e.stream_id = s.id),
                (SELECT max(timestamp) FROM log_events e WHERE e.stream_id = s.id)
            FROM log_streams s WHERE s.group_id = ? AND s.name > ? AND substr(s.name, 1, length(?)) = ?
            ORDER BY s.name LIMIT ?
            """, [group, after, prefix, prefix, limit]
        ).map { row in
            LogStream(
                name: row[0], creationTime: Timestamp(milliseconds: row[1]),
                lastIngestionTime: Timestamp(milliseconds: row[2]),
                firstEventTimestamp: (row[3] as Int64?).map(Timestamp.init(milliseconds:)),
                lastEventTimestamp: (row[4] as Int64?).map(Timestamp.init(milliseconds:)))
        }
    }

    /// Where a reader stands: the last event that it has seen, by time and id.
    struct Position: Sendable, Hashable {
        var timestamp: Int64
        var id: Int64
    }

    /// Events of a group or of one stream between two times, from a position on, oldest or newest first. `body` answers
    /// whether it wants more.
    static func scan(
        group: Int64, stream: Int64?, from: Int64, to: Int64, beyond position: Position?, forward: Bool,
        in connection: Connection, _ body: (StoredLogEvent) throws -> Bool
    ) throws {
        let column = stream == nil ? "group_id" : "stream_id"
        let comparison = forward ? ">" : "<"
        let order = forward ? "" : "DESC"
        let start = position ?? Position(timestamp: forward ? from : to, id: forward ? -1 : .max)
        let statement = try connection.database.cachedStatement(
            sql: """
                SELECT e.id, e.timestamp, e.ingestion, e.message, s.name FROM log_events e
                CROSS JOIN log_streams s ON s.id = e.stream_id
                WHERE e.\(column) = ? AND e.timestamp >= ? AND e.timestamp < ?
                    AND (e.timestamp, e.id) \(comparison) (?, ?)
                ORDER BY e.timestamp \(order), e.id \(order)
                """)
        let cursor = try Row.fetchCursor(
            statement, arguments: [stream ?? group, from, to, start.timestamp, start.id])
        while let row = try cursor.next() {
            guard try body(StoredLogEvent(row, group: "")) else { return }
        }
    }

    /// Events with an id above `id`, in the order in which they were written.
    static func after(_ id: Int64, limit: Int, in connection: Connection) throws -> [StoredLogEvent] {
        try connection.rows(
            """
            SELECT e.id, e.timestamp, e.ingestion, e.message, s.name, g.name FROM log_events e
            CROSS JOIN log_streams s ON s.id = e.stream_id CROSS JOIN log_groups g ON g.id = e.group_id
            WHERE e.id > ? ORDER BY e.id LIMIT ?
            """, [id, limit]
        ).map { StoredLogEvent($0, group: $0[5]) }
    }

    static func lastEventID(in connection: Connection) throws -> Int64 {
        try connection.value(Int64.self, "SELECT seq FROM sqlite_sequence WHERE name = 'log_events'") ?? 0
    }

    /// Groups that keep their events only for a time.
    static func retentions(in connection: Connection) throws -> [(group: Int64, days: Int)] {
        try connection.rows("SELECT id, retention_days FROM log_groups WHERE retention_days IS NOT NULL")
            .map { ($0[0], $0[1]) }
    }

    static func deleteEvents(group: Int64, before: Int64, limit: Int, in connection: Connection) throws -> Int {
        try connection.execute(
            """
            DELETE FROM log_events WHERE id IN (
                SELECT id FROM log_events WHERE group_id = ? AND timestamp < ? ORDER BY timestamp, id LIMIT ?)
            """, [group, before, limit])
        return connection.changes
    }

    static func deleteEmptyStreams(group: Int64, before: Int64, limit: Int, in connection: Connection) throws -> Int {
        try connection.execute(
            """
            DELETE FROM log_streams WHERE id IN (
                SELECT id FROM log_streams s WHERE group_id = ? AND last_ingestion < ?
                    AND NOT EXISTS (SELECT 1 FROM log_events e WHERE e.stream_id = s.id) LIMIT ?)
            """, [group, before, limit])
        return connection.changes
    }

    static func deleteEvents(stream: Int64, limit: Int, in connection: Connection) throws -> Int {
        try connection.execute(
            "DELETE FROM log_events WHERE id IN (SELECT id FROM log_events WHERE stream_id = ? LIMIT ?)",
            [stream, limit])
        return connection.changes
    }

    static func deleteStream(_ id: Int64, in connection: Connection) throws {
        try connection.execute("DELETE FROM log_events WHERE stream_id = ?", [id])
        try connection.execute("DELETE FROM log_streams WHERE id = ?", [id])
    }

    static func deleteGroup(_ id: Int64, in connection: Connection) throws {
        try connection.execute("DELETE FROM log_events WHERE group_id = ?", [id])
        try connection.execute("DELETE FROM log_streams WHERE group_id = ?", [id])
        try connection.execute("DELETE FROM log_groups WHERE id = ?", [id])
    }
}

extension StoredLogEvent {
    fileprivate init(_ row: Row, group: String) {
        self.init(
            id: row[0], logGroup: group, logStream: row[4], timestamp: Timestamp(milliseconds: row[1]),
            ingestionTime: Timestamp(milliseconds: row[2]), message: row[3])
    }
}
