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

    /// Events that could not be delivered, newest first.
    public static func deadLetters(limit: Int = 100, in connection: Connection) throws -> [DeadLetter] {
        try connection.rows(
            "SELECT * FROM eventbridge_delivery WHERE is_dead = 1 ORDER BY due DESC, id DESC LIMIT ?", [limit]
        ).map { row in
            let delivery = pending(row)
            return DeadLetter(
                id: delivery.id, rule: delivery.rule, targetARN: delivery.targetARN, input: delivery.input,
                event: delivery.event, errorCode: delivery.errorCode, errorMessage: delivery.errorMessage,
                retryAttempts: max(delivery.attempts - 1, 0), time: Timestamp(milliseconds: row["due"]))
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
