import Events
import FoundationEssentials
import GRDB
public import Storage

/// Lambda's tables: the asynchronous queue, which is also its history, the tries, and each function's last figures.
public struct LambdaStore: Sendable {
    /// The tables, one script a version.
    public static let schema = Schema(
        room: "Lambda",
        steps: [
            """
            CREATE TABLE lambda_invocation (
              id INTEGER PRIMARY KEY,
              request_id TEXT NOT NULL,
              function TEXT NOT NULL,
              state TEXT NOT NULL CHECK (state IN ('QUEUED', 'SUCCEEDED', 'FAILED', 'SUPERSEDED', 'REDRIVEN')),
              bucket TEXT,
              object_key TEXT,
              sequencer TEXT,
              trace TEXT NOT NULL,
              payload BLOB,
              received INTEGER NOT NULL,
              due INTEGER NOT NULL,
              tries INTEGER NOT NULL DEFAULT 0,
              delays INTEGER NOT NULL DEFAULT 0,
              running_since INTEGER,
              log_stream TEXT,
              ended INTEGER,
              condition TEXT,
              response BLOB,
              error_type TEXT,
              error_message TEXT,
              delivery_target TEXT,
              delivery_error TEXT
            ) STRICT;
            CREATE INDEX lambda_invocation_queue ON lambda_invocation (function, due, id) WHERE state = 'QUEUED';
            CREATE INDEX lambda_invocation_dead ON lambda_invocation (id)
              WHERE state = 'FAILED' OR delivery_error IS NOT NULL;
            CREATE INDEX lambda_invocation_request ON lambda_invocation (request_id);
            CREATE INDEX lambda_invocation_object ON lambda_invocation (bucket, object_key) WHERE bucket IS NOT NULL;
            CREATE TABLE lambda_attempt (
              id INTEGER PRIMARY KEY,
              request_id TEXT NOT NULL,
              attempt INTEGER NOT NULL,
              function TEXT NOT NULL,
              started INTEGER NOT NULL,
              duration REAL NOT NULL,
              billed INTEGER NOT NULL,
              init_duration REAL,
              memory INTEGER NOT NULL,
              status TEXT NOT NULL,
              error_type TEXT,
              error_message TEXT,
              log_stream TEXT NOT NULL
            ) STRICT;
            CREATE INDEX lambda_attempt_request ON lambda_attempt (request_id);
            CREATE TABLE lambda_function (
              name TEXT PRIMARY KEY,
              invocations INTEGER NOT NULL,
              errors INTEGER NOT NULL,
              last_request_id TEXT NOT NULL,
              last_started INTEGER NOT NULL,
              last_duration REAL NOT NULL,
              last_status TEXT NOT NULL,
              last_error TEXT,
              last_log_stream TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;
            """,
            // The indices hold all that counting needs: a backlog of a million is counted without its rows.
            """
            DROP INDEX lambda_invocation_queue;
            CREATE INDEX lambda_invocation_queue ON lambda_invocation (function, due, id, received, running_since)
              WHERE state = 'QUEUED';
            DROP INDEX lambda_invocation_dead;
            CREATE INDEX lambda_invocation_dead ON lambda_invocation (id, function, state, delivery_error)
              WHERE state = 'FAILED' OR delivery_error IS NOT NULL;
            ALTER TABLE lambda_invocation DROP COLUMN delays;
            """,
        ])

    /// Bytes of an answer that are kept at most; a longer one is only in the destination's record.
    static let keptAnswer = 262_144

    init() {}

    // MARK: - The queue

    func insert(
        requestID: String, function: String, payload: [UInt8], source: ObjectVersion?, traceHeader: String,
        at time: Timestamp, in connection: Connection
    ) throws -> QueuedEvent {
        try connection.execute(
            """
            INSERT INTO lambda_invocation
              (request_id, function, state, bucket, object_key, sequencer, trace, payload, received, due)
            VALUES (?, ?, 'QUEUED', ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                requestID, function, source?.bucket, source?.key, source?.sequencer.text, traceHeader,
                payload.databaseBytes, time.milliseconds, time.milliseconds,
            ])
        return QueuedEvent(
            id: connection.lastInsertedID, requestID: requestID, payload: payload, source: source,
            traceHeader: traceHeader, received: time, tries: 0)
    }

    /// Rows that are due and not known yet, in their order, up to a number and to 8 MB of payload.
    func due(
        function: String, at time: Timestamp, count: Int, known: Set<Int64>, longestWait: Duration,
        in connection: Connection
    ) throws -> (events: [QueuedEvent], isAll: Bool, nextDue: Timestamp?) {
        var events: [QueuedEvent] = []
        var bytes = 0
        var isAll = true
        let rows = try Row.fetchCursor(
            connection.database.cachedStatement(
                sql: """
                    SELECT id, request_id, payload, bucket, object_key, sequencer, trace, received, tries
                    FROM lambda_invocation WHERE state = 'QUEUED' AND function = ? AND due <= ? ORDER BY due, id
                    """), arguments: [function, time.milliseconds])
        while let row = try rows.next() {
            let id: Int64 = row["id"]
            if known.contains(id) { continue }
            if events.count >= count || bytes > 8 << 20 {
                isAll = false
                break
            }
            let event = Self.event(row, id: id)
            bytes += event.payload.count
            events.append(event)
        }
        guard isAll else { return (events, false, nil) }
        let next = try connection.value(
            Int64.self,
            "SELECT min(due) FROM lambda_invocation WHERE state = 'QUEUED' AND function = ? AND due > ?",
            [function, time.milliseconds])
        let limit = time + longestWait
        if let next, next > limit.milliseconds {
            // No delay is so long: the clock was set back since.
            try connection.execute(
                """
                UPDATE lambda_invocation SET due = ?1, received = min(received, ?1)
                WHERE state = 'QUEUED' AND function = ?2 AND due > ?3
                """, [time.milliseconds, function, limit.milliseconds])
            return (events, false, nil)
        }
        return (events, true, next.map { Timestamp(milliseconds: $0) })
    }

    private static func event(_ row: Row, id: Int64) -> QueuedEvent {
        QueuedEvent(
            id: id, requestID: row["request_id"], payload: [UInt8](row["payload"] as Data? ?? Data()),
            source: source(row), traceHeader: row["trace"], received: Timestamp(milliseconds: row["received"]),
            tries: row["tries"])
    }

    static func source(_ row: Row) -> ObjectVersion? {
        guard let bucket: String = row["bucket"], let key: String = row["object_key"],
            let sequencer: String = row["sequencer"]
        else { return nil }
        return ObjectVersion(bucket: bucket, key: key, sequencer: Sequencer(sequencer))
    }

    func isQueued(_ id: Int64, in connection: Connection) throws -> Bool {
        try connection.value(String.self, "SELECT state FROM lambda_invocation WHERE id = ?", [id]) == "QUEUED"
    }

    func lastAnswer(_ id: Int64, in connection: Connection) throws -> [UInt8]? {
        try connection.value(Data.self, "SELECT response FROM lambda_invocation WHERE id = ?", [id])
            .map { [UInt8]($0) }
    }

    func markRunning(_ id: Int64, since: Timestamp, logStream: String, in connection: Connection) throws {
        try connection.execute(
            "UPDATE lambda_invocation SET running_since = ?, log_stream = ? WHERE id = ? AND state = 'QUEUED'",
            [since.milliseconds, logStream, id])
    }

    /// After a start nothing runs.
    func clearRunning(in connection: Connection) throws {
        try connection.execute(
            "UPDATE lambda_invocation SET running_since = NULL WHERE state = 'QUEUED' AND running_since IS NOT NULL")
    }

    func retry(_ id: Int64, tries: Int, due: Timestamp, outcome: Outcome, in connection: Connection) throws {
        let answer = Answer(outcome)
        try connection.execute(
            """
            UPDATE lambda_invocation SET due = ?, tries = ?, running_since = NULL, log_stream = ?, response = ?,
              error_type = ?, error_message = ? WHERE id = ?
            """,
            [due.milliseconds, tries, outcome.logStream, answer.kept, answer.errorType, answer.errorMessage, id])
    }

    func finish(
        _ id: Int64, _ state: QueuedInvocation.State, condition: InvocationRecord.Condition? = nil, tries: Int,
        outcome: Outcome, in connection: Connection
    ) throws {
        let answer = Answer(outcome)
        let keepsPayload = state == .failed
        try connection.execute(
            """
            UPDATE lambda_invocation SET state = ?, condition = ?, tries = ?, ended = ?, running_since = NULL,
              log_stream = ?, response = ?, error_type = ?, error_message = ?,
              payload = CASE WHEN ? THEN payload END WHERE id = ?
            """,
            [
                state.rawValue, (condition ?? (state == .succeeded ? .success : nil))?.rawValue, tries,
                outcome.ended.milliseconds, outcome.logStream, answer.kept, answer.errorType, answer.errorMessage,
                keepsPayload, id,
            ])
    }

    func drop(
        _ id: Int64, condition: InvocationRecord.Condition, message: String, at time: Timestamp,
        in connection: Connection
    ) throws {
        try connection.execute(
            """
            UPDATE lambda_invocation SET state = 'FAILED', condition = ?, ended = ?, running_since = NULL,
              error_message = coalesce(error_message, ?) WHERE id = ?
            """, [condition.rawValue, time.milliseconds, message, id])
    }

    func deliveryFailed(
        _ id: Int64, target: ARN, error: String, payload: [UInt8], in connection: Connection
    ) throws {
        try connection.execute(
            "UPDATE lambda_invocation SET delivery_target = ?, delivery_error = ?, payload = ? WHERE id = ?",
            [target.description, error, payload.databaseBytes, id])
    }

    private struct Answer {
        var kept: Data?
        var errorType: String?
        var errorMessage: String?

        init(_ outcome: Outcome) {
            switch outcome.result {
            case .success(let payload): kept = payload.count <= keptAnswer ? payload.databaseBytes : nil
            case .failure(let payload, let type, let message):
                kept = payload.count <= keptAnswer ? payload.databaseBytes : nil
                errorType = type
                errorMessage = String(message.prefix(4096))
            }
        }
    }

    // MARK: - History

    func insertAttempt(_ outcome: Outcome, attempt: Int, in connection: Connection) throws {
        let answer = Answer(outcome)
        try connection.execute(
            """
            INSERT INTO lambda_attempt (request_id, attempt, function, started, duration, billed, init_duration, memory,
              status, error_type, error_message, log_stream) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                outcome.requestID, attempt, outcome.function.name, outcome.started.milliseconds,
                outcome.figures.duration, outcome.figures.billed, outcome.figures.initDuration,
                outcome.figures.maximumMemory, Self.status(outcome), answer.errorType, answer.errorMessage,
                outcome.logStream,
            ])
    }

    private static func status(_ outcome: Outcome) -> String {
        switch outcome.figures.status {
        case .success: "success"
        case .error, .crash: "error"
        case .timeout: "timeout"
        }
    }

    /// What is gathered of a function in one transaction.
    struct LastFigures {
        var invocations = 0
        var errors = 0
        var last: Outcome?

        mutating func add(_ outcome: Outcome) {
            invocations += 1
            if case .failure = outcome.result { errors += 1 }
            last = outcome
        }
    }

    func updateFigures(_ name: String, _ figures: LastFigures, in connection: Connection) throws {
        guard let last = figures.last else { return }
        try connection.execute(
            """
            INSERT INTO lambda_function VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET invocations = invocations + excluded.invocations,
              errors = errors + excluded.errors, last_request_id = excluded.last_request_id,
              last_started = excluded.last_started, last_duration = excluded.last_duration,
              last_status = excluded.last_status, last_error = excluded.last_error,
              last_log_stream = excluded.last_log_stream
            """,
            [
                name, figures.invocations, figures.errors, last.requestID, last.started.milliseconds,
                last.figures.duration, Self.status(last), Answer(last).errorMessage, last.logStream,
            ])
    }

    /// Removes attempts and ended invocations that are older than a time, up to 2,048 rows of each, and goes on behind `id`;
    /// returns where the next call is to go on. Dead letters stay, however many lie in the way.
    func prune(before time: Timestamp, after id: Int64, in connection: Connection) throws -> Int64 {
        try connection.execute(
            """
            DELETE FROM lambda_attempt WHERE id <= (SELECT min(id) + 2047 FROM lambda_attempt) AND started < ?
            """, [time.milliseconds])
        let rows = try connection.rows(
            "SELECT id, received FROM lambda_invocation WHERE id > ? ORDER BY id LIMIT 2048", [id])
        guard let last = rows.prefix(while: { ($0["received"] as Int64) < time.milliseconds }).last?["id"] as Int64?
        else { return id }
        try connection.execute(
            """
            DELETE FROM lambda_invocation WHERE id > ? AND id <= ?
              AND state NOT IN ('QUEUED', 'FAILED') AND delivery_error IS NULL AND ended < ?
            """, [id, last, time.milliseconds])
        return last
    }
}

extension [UInt8] {
    /// The bytes as the database takes them.
    var databaseBytes: Data { Data(self) }
}
