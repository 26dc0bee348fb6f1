import Events
import GRDB
public import Storage

/// The room's tables, and all SQL on them.
public enum EventBridgeStore {
    /// The tables of this room.
    public static let schema = Schema(
        room: "EventBridge",
        steps: [
            """
            CREATE TABLE eventbridge_schedule (
                rule TEXT PRIMARY KEY,
                expression TEXT NOT NULL,
                last_fired INTEGER NOT NULL
            ) STRICT;
            CREATE TABLE eventbridge_delivery (
                id INTEGER PRIMARY KEY,
                rule TEXT NOT NULL,
                target_id TEXT NOT NULL,
                target_arn TEXT NOT NULL,
                input TEXT NOT NULL,
                event TEXT NOT NULL,
                attempts INTEGER NOT NULL,
                created INTEGER NOT NULL,
                due INTEGER NOT NULL,
                error_code TEXT NOT NULL,
                error_message TEXT NOT NULL,
                is_dead INTEGER NOT NULL DEFAULT 0
            ) STRICT;
            CREATE INDEX eventbridge_delivery_due ON eventbridge_delivery (is_dead, due);
            CREATE TABLE eventbridge_unmatched (
                bus TEXT PRIMARY KEY,
                count INTEGER NOT NULL,
                last_time INTEGER NOT NULL,
                last_source TEXT NOT NULL,
                last_detail_type TEXT NOT NULL
            ) STRICT;
            """
        ])

    /// A delivery that waits for its next try.
    struct Pending {
        var id: Int64
        var rule: String
        var targetID: String
        var targetARN: String
        var input: JSON
        var event: JSON
        var attempts: Int
        var created: Timestamp
        var errorCode: String
        var errorMessage: String
    }

    // MARK: - Schedules

    static func lastFired(rule: String, expression: String, else now: Timestamp, in connection: Connection) throws
        -> Timestamp
    {
        let kept = try connection.value(
            Int64.self, "SELECT last_fired FROM eventbridge_schedule WHERE rule = ? AND expression = ?",
            [rule, expression])
        if let kept { return Timestamp(milliseconds: kept) }
        try setLastFired(rule: rule, expression: expression, now, in: connection)
        return now
    }

    static func setLastFired(rule: String, expression: String, _ time: Timestamp, in connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO eventbridge_schedule (rule, expression, last_fired) VALUES (?, ?, ?)
            ON CONFLICT (rule) DO UPDATE SET expression = excluded.expression, last_fired = excluded.last_fired
            """, [rule, expression, time.milliseconds])
    }

    static func forgetSchedules(except rules: Set<String>, in connection: Connection) throws {
        for row in try connection.rows("SELECT rule FROM eventbridge_schedule") {
            let rule: String = row[0]
            if !rules.contains(rule) {
                try connection.execute("DELETE FROM eventbridge_schedule WHERE rule = ?", [rule])
            }
        }
    }

    // MARK: - Deliveries

    static func insert(_ delivery: Pending, due: Timestamp, isDead: Bool, in connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO eventbridge_delivery
                (rule, target_id, target_arn, input, event, attempts, created, due, error_code, error_message, is_dead)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                delivery.rule, delivery.targetID, delivery.targetARN, delivery.input.description,
                delivery.event.description, delivery.attempts, delivery.created.milliseconds, due.milliseconds,
                delivery.errorCode, delivery.errorMessage, isDead,
            ])
    }

    static func due(at now: Timestamp, limit: Int, in connection: Connection) throws -> [Pending] {
        try connection.rows(
            "SELECT * FROM eventbridge_delivery WHERE is_dead = 0 AND due <= ? ORDER BY due LIMIT ?",
            [now.milliseconds, limit]
        ).map(pending)
    }

    /// Deliveries that would come later than any delay lets them, as the clock was set back, come now.
    static func hasten(to now: Timestamp, after limit: Timestamp, in connection: Connection) throws {
        try connection.execute(
            "UPDATE eventbridge_delivery SET due = ?, created = min(created, ?) WHERE is_dead = 0 AND due > ?",
            [now.milliseconds, now.milliseconds, limit.milliseconds])
    }

    static func nextDue(in connection: Connection) throws -> Timestamp? {
        try connection.value(Int64.self, "SELECT due FROM eventbridge_delivery WHERE is_dead = 0 ORDER BY due LIMIT 1")
            .map(Timestamp.init(milliseconds:))
    }

    static func delete(_ id: Int64, in connection: Connection) throws {
        try connection.execute("DELETE FROM eventbridge_delivery WHERE id = ?", [id])
    }

    /// Makes a dead letter due again, with its tries counted anew; false where there is no such dead letter.
    static func revive(_ id: Int64, now: Timestamp, in connection: Connection) throws -> Bool {
        try connection.execute(
            """
            UPDATE eventbridge_delivery SET is_dead = 0, attempts = 0, created = ?, due = ?
            WHERE id = ? AND is_dead = 1
            """, [now.milliseconds, now.milliseconds, id])
        return connection.changes > 0
    }

    /// Events that could not be delivered, newest first; to one function, or with a text in their error.
    public static func deadLetters(
        function: String? = nil, error: String? = nil, limit: Int = 100, in connection: Connection
    ) throws -> [DeadLetter] {
        try deliveries(isDead: true, function, error, limit, connection)
    }

    /// Deliveries that failed and wait for their next try, the next one first; ``DeadLetter/time`` is when that is due.
    public static func retrying(
        function: String? = nil, error: String? = nil, limit: Int = 100, in connection: Connection
    ) throws -> [DeadLetter] {
        try deliveries(isDead: false, function, error, limit, connection)
    }

    /// How many deliveries wait for their next try.
    public static func retryingCount(
        function: String? = nil, error: String? = nil, in connection: Connection
    ) throws -> Int {
        try connection.value(
            Int.self, "SELECT count(*) FROM eventbridge_delivery WHERE \(condition)", [false, function, error]) ?? 0
    }

    /// How many deliveries were given up, and the id of the newest.
    public static func deadLetterCount(
        function: String? = nil, error: String? = nil, in connection: Connection
    ) throws -> (count: Int, last: Int64) {
        let row = try connection.row(
            """
            SELECT count(*) AS count, coalesce(max(id), 0) AS last FROM eventbridge_delivery WHERE \(condition)
            """, [true, function, error])
        return (row?["count"] ?? 0, row?["last"] ?? 0)
    }

    /// The ids of dead letters beyond one and up to another, in their order.
    public static func deadLetterIDs(
        function: String? = nil, error: String? = nil, after id: Int64 = 0, through last: Int64 = .max, limit: Int,
        in connection: Connection
    ) throws -> [Int64] {
        try connection.rows(
            """
            SELECT id FROM eventbridge_delivery WHERE \(condition) AND id > ?4 AND id <= ?5 ORDER BY id LIMIT ?6
            """, [true, function, error, id, last, limit]
        ).map { $0["id"] }
    }

    private static let condition =
        """
        is_dead = ?1 AND (?2 IS NULL OR substr(target_arn, -length(?2) - 10) = ':function:' || ?2)
          AND (?3 IS NULL OR instr(lower(error_code || ' ' || error_message), lower(?3)) > 0)
        """

    private static func deliveries(
        isDead: Bool, _ function: String?, _ error: String?, _ limit: Int, _ connection: Connection
    ) throws -> [DeadLetter] {
        let order = isDead ? "due DESC, id DESC" : "due, id"
        return try connection.rows(
            "SELECT * FROM eventbridge_delivery WHERE \(condition) ORDER BY \(order) LIMIT ?4",
            [isDead, function, error, limit]
        ).map { row in
            let delivery = pending(row)
            return DeadLetter(
                id: delivery.id, rule: delivery.rule, targetARN: delivery.targetARN, input: delivery.input,
                event: delivery.event, errorCode: delivery.errorCode, errorMessage: delivery.errorMessage,
                retryAttempts: max(delivery.attempts - 1, 0), time: Timestamp(milliseconds: row["due"]),
                created: delivery.created)
        }
    }

    private static func pending(_ row: Row) -> Pending {
        func json(_ column: String) -> JSON { (try? JSON(parsing: row[column] as String)) ?? .null }
        return Pending(
            id: row["id"], rule: row["rule"], targetID: row["target_id"], targetARN: row["target_arn"],
            input: json("input"), event: json("event"), attempts: row["attempts"],
            created: Timestamp(milliseconds: row["created"]), errorCode: row["error_code"],
            errorMessage: row["error_message"])
    }

    // MARK: - Events that no rule matched

    static func countUnmatched(_ event: EventBridgeEvent, bus: String, in connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO eventbridge_unmatched (bus, count, last_time, last_source, last_detail_type)
            VALUES (?, 1, ?, ?, ?)
            ON CONFLICT (bus) DO UPDATE SET count = count + 1, last_time = excluded.last_time,
                last_source = excluded.last_source, last_detail_type = excluded.last_detail_type
            """, [bus, event.time.milliseconds, event.source, event.detailType])
    }

    /// How many events of a bus no rule matched, over its whole life.
    public static func unmatchedCount(bus: String = "default", in connection: Connection) throws -> Int {
        try connection.value(Int.self, "SELECT count FROM eventbridge_unmatched WHERE bus = ?", [bus]) ?? 0
    }
}
