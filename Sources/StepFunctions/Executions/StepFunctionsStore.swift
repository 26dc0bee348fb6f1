public import Events
import GRDB
public import Storage

/// The room's tables, and all SQL on them.
public enum StepFunctionsStore {
    /// The tables of this room.
    public static let schema = Schema(
        room: "StepFunctions",
        steps: [
            """
            CREATE TABLE stepfunctions_revision (
                id INTEGER PRIMARY KEY,
                arn TEXT NOT NULL,
                name TEXT NOT NULL,
                role TEXT NOT NULL,
                definition TEXT NOT NULL,
                created INTEGER NOT NULL,
                is_current INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX stepfunctions_revision_arn ON stepfunctions_revision (arn, is_current);
            CREATE TABLE stepfunctions_execution (
                id INTEGER PRIMARY KEY,
                arn TEXT NOT NULL UNIQUE,
                machine TEXT NOT NULL,
                name TEXT NOT NULL,
                revision INTEGER NOT NULL,
                status TEXT NOT NULL,
                input TEXT NOT NULL,
                output TEXT,
                error TEXT,
                cause TEXT,
                started INTEGER NOT NULL,
                stopped INTEGER,
                due INTEGER,
                state TEXT
            ) STRICT;
            CREATE INDEX stepfunctions_execution_due ON stepfunctions_execution (due) WHERE due IS NOT NULL;
            CREATE INDEX stepfunctions_execution_machine ON stepfunctions_execution (machine, id);
            CREATE INDEX stepfunctions_execution_stopped ON stepfunctions_execution (stopped) WHERE stopped IS NOT NULL;
            CREATE TABLE stepfunctions_history (
                execution INTEGER NOT NULL,
                id INTEGER NOT NULL,
                previous INTEGER NOT NULL,
                type TEXT NOT NULL,
                time INTEGER NOT NULL,
                details_name TEXT,
                details TEXT NOT NULL,
                PRIMARY KEY (execution, id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE stepfunctions_task (
                token TEXT PRIMARY KEY,
                execution INTEGER NOT NULL,
                is_completed INTEGER NOT NULL DEFAULT 0
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX stepfunctions_task_execution ON stepfunctions_task (execution);
            CREATE TABLE stepfunctions_message (
                id INTEGER PRIMARY KEY,
                execution INTEGER NOT NULL,
                token TEXT NOT NULL,
                kind TEXT NOT NULL,
                payload TEXT NOT NULL,
                cause TEXT NOT NULL
            ) STRICT;
            CREATE INDEX stepfunctions_message_execution ON stepfunctions_message (execution, id);
            """
        ])

    // MARK: - State machines

    struct Revision {
        var id: Int64
        var arn: String
        var name: String
        var role: String
        var definition: JSON
    }

    /// Makes a revision the current one; where it is the same as the current one, that stays.
    static func put(
        arn: String, name: String, role: String, definition: JSON, now: Timestamp, in connection: Connection
    ) throws {
        if let current = try currentRevision(arn: arn, in: connection),
            current.definition.description == definition.description, current.role == role
        {
            return
        }
        try connection.execute("UPDATE stepfunctions_revision SET is_current = 0 WHERE arn = ?", [arn])
        try connection.execute(
            """
            INSERT INTO stepfunctions_revision (arn, name, role, definition, created, is_current)
            VALUES (?, ?, ?, ?, ?, 1)
            """, [arn, name, role, definition.description, now.milliseconds])
    }

    /// Takes machines away that are none of these; their executions go on with the revision that they have.
    static func retire(except arns: Set<String>, in connection: Connection) throws {
        for row in try connection.rows("SELECT DISTINCT arn FROM stepfunctions_revision WHERE is_current = 1") {
            let arn: String = row[0]
            if !arns.contains(arn) {
                try connection.execute("UPDATE stepfunctions_revision SET is_current = 0 WHERE arn = ?", [arn])
            }
        }
    }

    static func currentRevision(arn: String, in connection: Connection) throws -> Revision? {
        try connection.row("SELECT * FROM stepfunctions_revision WHERE arn = ? AND is_current = 1", [arn])
            .map(revision)
    }

    static func revision(_ id: Int64, in connection: Connection) throws -> Revision? {
        try connection.row("SELECT * FROM stepfunctions_revision WHERE id = ?", [id]).map(revision)
    }

    private static func revision(_ row: Row) throws -> Revision {
        Revision(
            id: row["id"], arn: row["arn"], name: row["name"], role: row["role"],
            definition: try JSON(parsing: row["definition"] as String))
    }

    // MARK: - Executions

    /// What the interpreter needs of an execution.
    struct Running {
        var id: Int64
        var execution: Execution
        var revision: Int64
        var state: String
    }

    static func insert(
        _ execution: Execution, revision: Int64, state: ExecutionState, due: Timestamp, in connection: Connection
    ) throws -> Int64 {
        try connection.execute(
            """
            INSERT INTO stepfunctions_execution
                (arn, machine, name, revision, status, input, started, due, state)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                execution.arn, execution.stateMachineARN, execution.name, revision, execution.status.rawValue,
                execution.input.description, execution.startDate.milliseconds, due.milliseconds,
                state.json.description,
            ])
        return connection.lastInsertedID
    }

    static func due(at now: Timestamp, limit: Int, in connection: Connection) throws -> [Int64] {
        try connection.rows(
            "SELECT id FROM stepfunctions_execution WHERE due IS NOT NULL AND due <= ? ORDER BY due LIMIT ?",
            [now.milliseconds, limit]
        ).map { $0[0] }
    }

    static func nextDue(in connection: Connection) throws -> Timestamp? {
        try connection.value(
            Int64.self, "SELECT due FROM stepfunctions_execution WHERE due IS NOT NULL ORDER BY due LIMIT 1"
        ).map(Timestamp.init(milliseconds:))
    }

    static func running(_ id: Int64, in connection: Connection) throws -> Running? {
        guard let row = try connection.row("SELECT * FROM stepfunctions_execution WHERE id = ?", [id]) else {
            return nil
        }
        return Running(id: id, execution: try execution(row), revision: row["revision"], state: row["state"] ?? "{}")
    }

    static func save(_ state: ExecutionState, of id: Int64, due: Timestamp?, in connection: Connection) throws {
        try connection.execute(
            "UPDATE stepfunctions_execution SET state = ?, due = ? WHERE id = ?",
            [state.json.description, due?.milliseconds, id])
    }

    static func setDue(_ now: Timestamp, of id: Int64, in connection: Connection) throws {
        try connection.execute(
            "UPDATE stepfunctions_execution SET due = ? WHERE id = ? AND status = 'RUNNING'", [now.milliseconds, id])
    }

    static func finish(
        _ id: Int64, _ status: ExecutionStatus, output: JSON?, _ failure: StateFailure?, now: Timestamp,
        in connection: Connection
    ) throws {
        try connection.execute(
            """
            UPDATE stepfunctions_execution
            SET status = ?, output = ?, error = ?, cause = ?, stopped = ?, due = NULL, state = NULL WHERE id = ?
            """,
            [status.rawValue, output?.description, failure?.error, failure?.cause, now.milliseconds, id])
        try connection.execute("DELETE FROM stepfunctions_task WHERE execution = ?", [id])
        try connection.execute("DELETE FROM stepfunctions_message WHERE execution = ?", [id])
    }

    /// Deletes executions that ended before a time, with their histories, up to a number. Returns how many.
    static func deleteExecutions(stoppedBefore time: Timestamp, limit: Int, in connection: Connection) throws -> Int {
        let rows = try connection.rows(
            "SELECT id FROM stepfunctions_execution WHERE stopped IS NOT NULL AND stopped < ? ORDER BY stopped LIMIT ?",
            [time.milliseconds, limit])
        for row in rows {
            let id: Int64 = row[0]
            try connection.execute("DELETE FROM stepfunctions_history WHERE execution = ?", [id])
            try connection.execute("DELETE FROM stepfunctions_execution WHERE id = ?", [id])
        }
        return rows.count
    }

    static func id(of arn: String, in connection: Connection) throws -> Int64? {
        try connection.value(Int64.self, "SELECT id FROM stepfunctions_execution WHERE arn = ?", [arn])
    }

    // MARK: - Tasks and messages

    static func addTask(_ token: String, _ execution: Int64, in connection: Connection) throws {
        try connection.execute("INSERT INTO stepfunctions_task (token, execution) VALUES (?, ?)", [token, execution])
    }

    static func deleteTask(_ token: String, in connection: Connection) throws {
        try connection.execute("DELETE FROM stepfunctions_task WHERE token = ?", [token])
    }

    /// The execution that a task belongs to; nil where it has been completed or given up.
    static func execution(ofTask token: String, in connection: Connection) throws -> Int64? {
        try connection.value(
            Int64.self, "SELECT execution FROM stepfunctions_task WHERE token = ? AND is_completed = 0", [token])
    }

    static func markCompleted(_ token: String, in connection: Connection) throws {
        try connection.execute("UPDATE stepfunctions_task SET is_completed = 1 WHERE token = ?", [token])
    }

    struct Message {
        enum Kind: String {
            case succeeded, failed, submitted, heartbeat, stop
        }
        var id: Int64
        var token: String
        var kind: Kind
        var payload: String
        var cause: String
    }

    static func post(
        _ kind: Message.Kind, to execution: Int64, token: String, payload: String, cause: String = "",
        in connection: Connection
    ) throws {
        try connection.execute(
            "INSERT INTO stepfunctions_message (execution, token, kind, payload, cause) VALUES (?, ?, ?, ?, ?)",
            [execution, token, kind.rawValue, payload, cause])
    }

    /// Takes the messages for an execution, oldest first.
    static func takeMessages(for execution: Int64, in connection: Connection) throws -> [Message] {
        let rows = try connection.rows(
            "SELECT * FROM stepfunctions_message WHERE execution = ? ORDER BY id", [execution])
        if !rows.isEmpty {
            try connection.execute("DELETE FROM stepfunctions_message WHERE execution = ?", [execution])
        }
        return rows.compactMap { row in
            Message.Kind(rawValue: row["kind"]).map {
                Message(id: row["id"], token: row["token"], kind: $0, payload: row["payload"], cause: row["cause"])
            }
        }
    }

    static func hasMessages(for execution: Int64, in connection: Connection) throws -> Bool {
        try connection.row("SELECT 1 FROM stepfunctions_message WHERE execution = ? LIMIT 1", [execution]) != nil
    }

    // MARK: - History

    static func record(_ event: HistoryEvent, of execution: Int64, in connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO stepfunctions_history (execution, id, previous, type, time, details_name, details)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                execution, event.id, event.previousEventID, event.type, event.timestamp.milliseconds,
                event.detailsName, event.details.description,
            ])
    }

    /// The events of an execution, oldest first or newest first. `after` is the id to go on behind.
    public static func history(
        of executionARN: String, isReversed: Bool = false, after: Int? = nil, limit: Int = 1000,
        in connection: Connection
    ) throws -> [HistoryEvent] {
        guard let id = try id(of: executionARN, in: connection) else { return [] }
        let sql =
            isReversed
            ? "SELECT * FROM stepfunctions_history WHERE execution = ? AND id < ? ORDER BY id DESC LIMIT ?"
            : "SELECT * FROM stepfunctions_history WHERE execution = ? AND id > ? ORDER BY id LIMIT ?"
        return try connection.rows(sql, [id, after ?? (isReversed ? Int.max : 0), limit]).map { row in
            HistoryEvent(
                id: row["id"], previousEventID: row["previous"], type: row["type"],
                timestamp: Timestamp(milliseconds: row["time"]), detailsName: row["details_name"],
                details: try JSON(parsing: row["details"] as String))
        }
    }

    // MARK: - Queries

    /// One execution by its ARN.
    public static func execution(_ arn: String, in connection: Connection) throws -> Execution? {
        try connection.row("SELECT * FROM stepfunctions_execution WHERE arn = ?", [arn]).map(execution)
    }

    /// Executions, newest first; `before` is the ARN to go on behind.
    public static func executions(
        of stateMachineARN: String? = nil, status: ExecutionStatus? = nil, before: String? = nil, limit: Int = 100,
        in connection: Connection
    ) throws -> [Execution] {
        let last = try before.flatMap { try id(of: $0, in: connection) } ?? Int64.max
        return try connection.rows(
            """
            SELECT * FROM stepfunctions_execution
            WHERE (?1 IS NULL OR machine = ?1) AND (?2 IS NULL OR status = ?2) AND id < ?3 ORDER BY id DESC LIMIT ?4
            """, [stateMachineARN, status?.rawValue, last, limit]
        ).map(execution)
    }

    /// The state that each line of a running execution is in, for a person: `Load`, or `Fan/0/Load` in a branch.
    public static func currentStates(of executionARN: String, in connection: Connection) throws -> [String] {
        let text = try connection.value(
            String.self, "SELECT state FROM stepfunctions_execution WHERE arn = ? AND state IS NOT NULL",
            [executionARN])
        guard let text else { return [] }
        return try ExecutionState(json: try JSON(parsing: text)).frames.map {
            ($0.scope + [$0.state]).joined(separator: "/")
        }
    }

    /// The state machines by name: ARN, name and definition.
    public static func stateMachines(in connection: Connection) throws -> [(
        arn: String, name: String, definition: JSON
    )] {
        try connection.rows("SELECT * FROM stepfunctions_revision WHERE is_current = 1 ORDER BY name").map { row in
            let revision = try revision(row)
            return (revision.arn, revision.name, revision.definition)
        }
    }

    private static func execution(_ row: Row) throws -> Execution {
        let stopped: Int64? = row["stopped"]
        let output: String? = row["output"]
        let error: String? = row["error"]
        return Execution(
            arn: row["arn"], stateMachineARN: row["machine"], name: row["name"],
            status: ExecutionStatus(rawValue: row["status"]) ?? .running,
            startDate: Timestamp(milliseconds: row["started"]),
            stopDate: stopped.map(Timestamp.init(milliseconds:)), input: try JSON(parsing: row["input"] as String),
            output: try output.map { try JSON(parsing: $0) },
            failure: error.map { StateFailure(error: $0, cause: row["cause"] ?? "") })
    }
}
