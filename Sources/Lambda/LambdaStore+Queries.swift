public import Events
import FoundationEssentials
import GRDB
public import Storage

/// An asynchronous invocation: its place in the queue, or how it ended.
public struct QueuedInvocation: Sendable, Hashable {
    /// Where it stands.
    public enum State: String, Sendable, Hashable {
        /// Waits, runs, or waits for a retry.
        case queued = "QUEUED"
        /// The function answered.
        case succeeded = "SUCCEEDED"
        /// It was given up: a dead letter, until it is redriven.
        case failed = "FAILED"
        /// The object had a newer version when the function answered; nobody was told.
        case superseded = "SUPERSEDED"
        /// A dead letter that was sent again, as another invocation.
        case redriven = "REDRIVEN"
    }

    /// The row's number, by which it is redriven.
    public var id: Int64
    /// The same for all its tries.
    public var requestID: String
    /// The function's name.
    public var functionName: String
    /// Where it stands.
    public var state: State
    /// The object that it is about, where it came from S3.
    public var source: ObjectVersion?
    /// When it was queued.
    public var received: Timestamp
    /// When it is tried next; only where ``state`` is queued.
    public var due: Timestamp
    /// Tries that have ended.
    public var tries: Int
    /// Since when it runs, where it has run for a second or more.
    public var runningSince: Timestamp?
    /// The stream of the last try.
    public var logStream: String?
    /// When it ended.
    public var ended: Timestamp?
    /// Why it ended.
    public var condition: InvocationRecord.Condition?
    /// The function's answer, up to 256 KB; longer ones are not kept.
    public var response: [UInt8]?
    /// The last error's type and message.
    public var errorType: String?
    /// The last error's message.
    public var errorMessage: String?
    /// The destination that could not be told, and why.
    public var deliveryTarget: String?
    /// Why the destination could not be told.
    public var deliveryError: String?

    init(_ row: Row) {
        func time(_ name: String) -> Timestamp? { (row[name] as Int64?).map { Timestamp(milliseconds: $0) } }
        id = row["id"]
        requestID = row["request_id"]
        functionName = row["function"]
        state = State(rawValue: row["state"]) ?? .failed
        source = LambdaStore.source(row)
        received = Timestamp(milliseconds: row["received"])
        due = Timestamp(milliseconds: row["due"])
        tries = row["tries"]
        runningSince = time("running_since")
        logStream = row["log_stream"]
        ended = time("ended")
        condition = (row["condition"] as String?).flatMap(InvocationRecord.Condition.init)
        response = (row["response"] as Data?).map { [UInt8]($0) }
        errorType = row["error_type"]
        errorMessage = row["error_message"]
        deliveryTarget = row["delivery_target"]
        deliveryError = row["delivery_error"]
    }
}

/// One try of an invocation.
public struct InvocationAttempt: Sendable, Hashable {
    /// The invocation's id.
    public var requestID: String
    /// Counted from 1.
    public var attempt: Int
    /// The function's name.
    public var functionName: String
    /// When it began.
    public var started: Timestamp
    /// Milliseconds.
    public var duration: Double
    /// Milliseconds, as REPORT says.
    public var billedDuration: Int
    /// Milliseconds of INIT; nil for a warm start.
    public var initDuration: Double?
    /// Megabytes.
    public var maxMemoryUsed: Int
    /// `success`, `error` or `timeout`.
    public var status: String
    /// The error's type.
    public var errorType: String?
    /// The error's message.
    public var errorMessage: String?
    /// Where its log is.
    public var logStream: String

    init(_ row: Row) {
        requestID = row["request_id"]
        attempt = row["attempt"]
        functionName = row["function"]
        started = Timestamp(milliseconds: row["started"])
        duration = row["duration"]
        billedDuration = row["billed"]
        initDuration = row["init_duration"]
        maxMemoryUsed = row["memory"]
        status = row["status"]
        errorType = row["error_type"]
        errorMessage = row["error_message"]
        logStream = row["log_stream"]
    }
}

/// What a function has done so far, and what its last invocation came to.
public struct FunctionFigures: Sendable, Hashable {
    /// The function's name.
    public var functionName: String
    /// Tries that have ended, synchronous ones included.
    public var invocations: Int
    /// Tries that failed.
    public var errors: Int
    /// The last invocation's id.
    public var lastRequestID: String
    /// When it began.
    public var lastStarted: Timestamp
    /// Milliseconds.
    public var lastDuration: Double
    /// `success`, `error` or `timeout`.
    public var lastStatus: String
    /// Its error's message.
    public var lastError: String?
    /// Where its log is.
    public var lastLogStream: String
}

/// How many events of a function wait.
public struct QueueDepth: Sendable, Hashable {
    /// The function's name.
    public var functionName: String
    /// Events that wait or run.
    public var queued: Int
    /// Events that wait for a retry.
    public var retrying: Int
    /// Events that have run for a second or more.
    public var running: Int
    /// When the oldest was queued.
    public var oldest: Timestamp?
    /// Events that were given up, and answers whose destination could not be told.
    public var deadLetters: Int
}

extension LambdaStore {
    private static let columns =
        """
        id, request_id, function, state, bucket, object_key, sequencer, received, due, tries, running_since, log_stream,
        ended, condition, response, error_type, error_message, delivery_target, delivery_error
        """

    /// The asynchronous invocations about an object, the oldest first; all its versions, or one.
    public static func invocations(
        bucket: String, key: String, sequencer: Sequencer? = nil, limit: Int = 1000, in connection: Connection
    ) throws -> [QueuedInvocation] {
        try connection.rows(
            """
            SELECT \(columns) FROM lambda_invocation
            WHERE bucket = ? AND object_key = ? AND (? IS NULL OR sequencer = ?) ORDER BY id LIMIT ?
            """, [bucket, key, sequencer?.text, sequencer?.text, limit]
        ).map(QueuedInvocation.init)
    }

    /// An asynchronous invocation by its request id.
    public static func invocation(requestID: String, in connection: Connection) throws -> QueuedInvocation? {
        try connection.row(
            "SELECT \(columns) FROM lambda_invocation WHERE request_id = ? ORDER BY id DESC LIMIT 1", [requestID]
        ).map(QueuedInvocation.init)
    }

    /// The tries of an invocation, in their order; one for a synchronous invocation.
    public static func attempts(requestID: String, in connection: Connection) throws -> [InvocationAttempt] {
        try connection.rows(
            "SELECT * FROM lambda_attempt WHERE request_id = ? ORDER BY id LIMIT 1000", [requestID]
        ).map(InvocationAttempt.init)
    }

    /// Events that wait or run, in the order in which they come up; of a function, or with a text in their last error.
    public static func queued(
        function: String? = nil, error: String? = nil, limit: Int = 100, in connection: Connection
    ) throws -> [QueuedInvocation] {
        try connection.rows(
            """
            SELECT \(columns) FROM lambda_invocation
            WHERE state = 'QUEUED' AND (?1 IS NULL OR function = ?1) AND \(matches("?2")) ORDER BY due, id LIMIT ?3
            """, [function, error, limit]
        ).map(QueuedInvocation.init)
    }

    /// Dead letters, and answers whose destination could not be told, the newest first; of a function, or with a text in
    /// their error.
    public static func deadLetters(
        function: String? = nil, error: String? = nil, limit: Int = 100, in connection: Connection
    ) throws -> [QueuedInvocation] {
        try connection.rows(
            """
            SELECT \(columns) FROM lambda_invocation
            WHERE \(isDead) AND (?1 IS NULL OR function = ?1) AND \(matches("?2")) ORDER BY id DESC LIMIT ?3
            """, [function, error, limit]
        ).map(QueuedInvocation.init)
    }

    /// The ids of dead letters beyond one and up to another, in their order.
    public static func deadLetterIDs(
        function: String? = nil, error: String? = nil, after id: Int64 = 0, through last: Int64 = .max, limit: Int,
        in connection: Connection
    ) throws -> [Int64] {
        try connection.rows(
            """
            SELECT id FROM lambda_invocation
            WHERE \(isDead) AND id > ?1 AND id <= ?2 AND (?3 IS NULL OR function = ?3) AND \(matches("?4"))
            ORDER BY id LIMIT ?5
            """, [id, last, function, error, limit]
        ).map { $0["id"] }
    }

    /// How many dead letters there are, and the id of the newest.
    public static func deadLetterCount(
        function: String? = nil, error: String? = nil, in connection: Connection
    ) throws -> (count: Int, last: Int64) {
        let row = try connection.row(
            """
            SELECT count(*) AS count, coalesce(max(id), 0) AS last FROM lambda_invocation
            WHERE \(isDead) AND (?1 IS NULL OR function = ?1) AND \(matches("?2"))
            """, [function, error])
        return (row?["count"] ?? 0, row?["last"] ?? 0)
    }

    private static let isDead = "(state = 'FAILED' OR delivery_error IS NOT NULL)"

    /// The condition that a row's error, as `sluice queue` shows it, holds a text, in any case of its letters; true for NULL.
    private static func matches(_ text: String) -> String {
        """
        (\(text) IS NULL OR instr(lower(coalesce(error_type, '') || ' ' || coalesce(error_message, '') || ' '
          || coalesce(delivery_error, '')), lower(\(text))) > 0)
        """
    }

    /// Whether an event waits or runs for one of some functions.
    public static func hasQueued(functions: [String], in connection: Connection) throws -> Bool {
        try functions.contains { name in
            try connection.row(
                "SELECT 1 FROM lambda_invocation WHERE state = 'QUEUED' AND function = ? LIMIT 1", [name]) != nil
        }
    }

    /// How many events wait, by function.
    public static func depths(at time: Timestamp, in connection: Connection) throws -> [QueueDepth] {
        try connection.rows(
            """
            SELECT function, sum(queued) AS queued, sum(retrying) AS retrying, sum(running) AS running,
              min(oldest) AS oldest, sum(dead) AS dead
            FROM (SELECT function, count(*) AS queued, sum(due > ?) AS retrying, count(running_since) AS running,
                    min(received) AS oldest, 0 AS dead
                  FROM lambda_invocation WHERE state = 'QUEUED' GROUP BY function
                  UNION ALL
                  SELECT function, 0, 0, 0, NULL, count(*) FROM lambda_invocation WHERE \(isDead) GROUP BY function)
            GROUP BY function ORDER BY function
            """, [time.milliseconds]
        ).map { row in
            QueueDepth(
                functionName: row["function"], queued: row["queued"], retrying: row["retrying"],
                running: row["running"],
                oldest: (row["oldest"] as Int64?).map { Timestamp(milliseconds: $0) }, deadLetters: row["dead"])
        }
    }

    /// What each function has done so far.
    public static func figures(in connection: Connection) throws -> [FunctionFigures] {
        try connection.rows("SELECT * FROM lambda_function ORDER BY name").map { row in
            FunctionFigures(
                functionName: row["name"], invocations: row["invocations"], errors: row["errors"],
                lastRequestID: row["last_request_id"], lastStarted: Timestamp(milliseconds: row["last_started"]),
                lastDuration: row["last_duration"], lastStatus: row["last_status"], lastError: row["last_error"],
                lastLogStream: row["last_log_stream"])
        }
    }

    // MARK: - Redrive

    /// What a redrive needs of a row.
    struct DeadRow {
        let invocation: QueuedInvocation
        let payload: [UInt8]
    }

    func deadRow(_ id: Int64, in connection: Connection) throws -> DeadRow? {
        try connection.row(
            """
            SELECT \(Self.columns), payload FROM lambda_invocation
            WHERE id = ? AND \(Self.isDead)
            """, [id]
        ).map { DeadRow(invocation: QueuedInvocation($0), payload: [UInt8]($0["payload"] as Data? ?? Data())) }
    }

    func markRedriven(_ id: Int64, in connection: Connection) throws {
        try connection.execute(
            "UPDATE lambda_invocation SET state = 'REDRIVEN', payload = NULL, delivery_error = NULL WHERE id = ?", [id])
    }

    func markDelivered(_ id: Int64, in connection: Connection) throws {
        try connection.execute(
            """
            UPDATE lambda_invocation SET delivery_error = NULL, payload = CASE WHEN state = 'FAILED' THEN payload END
            WHERE id = ?
            """, [id])
    }
}
