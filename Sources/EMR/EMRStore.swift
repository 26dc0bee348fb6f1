import Events
import GRDB
public import Storage

/// The room's tables and every statement on them.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/Welcome.html>
public enum EMRStore {
    /// Clusters and steps. `sequence` is the order in which steps were added, and the order in which they start.
    public static let schema = Schema(
        room: "EMR",
        steps: [
            """
            CREATE TABLE emr_cluster (
                id TEXT PRIMARY KEY NOT NULL,
                name TEXT NOT NULL,
                state TEXT NOT NULL,
                level INTEGER NOT NULL,
                keeps_alive INTEGER NOT NULL,
                log_uri TEXT,
                release_label TEXT,
                created INTEGER NOT NULL,
                ended INTEGER,
                reason_code TEXT,
                reason TEXT
            ) STRICT;
            CREATE TABLE emr_step (
                sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                id TEXT NOT NULL UNIQUE,
                cluster TEXT NOT NULL REFERENCES emr_cluster (id),
                name TEXT NOT NULL,
                action TEXT NOT NULL,
                program TEXT NOT NULL,
                state TEXT NOT NULL,
                created INTEGER NOT NULL,
                started INTEGER,
                ended INTEGER,
                exit_code INTEGER,
                reason TEXT,
                message TEXT,
                log_file TEXT,
                log_folder TEXT NOT NULL,
                cancellation TEXT,
                progress TEXT
            ) STRICT;
            CREATE INDEX emr_step_of_cluster ON emr_step (cluster, sequence);
            CREATE INDEX emr_step_active ON emr_step (cluster, state)
                WHERE state IN ('PENDING', 'RUNNING', 'CANCEL_PENDING');
            """,
            // The boot of the machine in which the step's program may have begun.
            "ALTER TABLE emr_step ADD COLUMN launched TEXT",
        ])

    /// How many steps of a cluster may wait or run.
    ///
    /// <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-work-with-steps.html>
    static let activeLimit = 256

    private static let active = "state IN ('PENDING', 'RUNNING', 'CANCEL_PENDING')"

    // MARK: - Clusters

    static func insertCluster(_ cluster: Cluster, _ connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO emr_cluster (id, name, state, level, keeps_alive, log_uri, release_label, created)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                cluster.id, cluster.name, cluster.state.rawValue, cluster.stepConcurrencyLevel,
                cluster.keepJobFlowAliveWhenNoSteps, cluster.logURI, cluster.releaseLabel,
                cluster.created.milliseconds,
            ])
    }

    /// What the template says now; a cluster that had ended stands up again, as a new deployment would make it.
    static func updateCluster(_ cluster: Cluster, _ connection: Connection) throws {
        try connection.execute(
            """
            UPDATE emr_cluster SET name = ?, state = ?, level = ?, keeps_alive = ?, log_uri = ?, release_label = ?,
                created = ?, ended = NULL, reason_code = NULL, reason = NULL WHERE id = ?
            """,
            [
                cluster.name, cluster.state.rawValue, cluster.stepConcurrencyLevel,
                cluster.keepJobFlowAliveWhenNoSteps, cluster.logURI, cluster.releaseLabel,
                cluster.created.milliseconds, cluster.id,
            ])
    }

    static func setState(of cluster: Cluster, _ connection: Connection) throws {
        try connection.execute(
            "UPDATE emr_cluster SET state = ?, level = ?, ended = ?, reason_code = ?, reason = ? WHERE id = ?",
            [
                cluster.state.rawValue, cluster.stepConcurrencyLevel, cluster.ended?.milliseconds, cluster.reasonCode,
                cluster.reason, cluster.id,
            ])
    }

    /// A cluster by its `JobFlowId`, or nil.
    public static func cluster(_ id: String, _ connection: Connection) throws -> Cluster? {
        try connection.row("SELECT * FROM emr_cluster WHERE id = ?", [id]).map(Cluster.init(row:))
    }

    /// All clusters, newest first.
    public static func clusters(_ connection: Connection) throws -> [Cluster] {
        try connection.rows("SELECT * FROM emr_cluster ORDER BY created DESC, id").map(Cluster.init(row:))
    }

    // MARK: - Steps

    static func insertStep(_ step: Step, _ connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO emr_step (id, cluster, name, action, program, state, created, log_folder)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                step.id, step.clusterID, step.name, step.actionOnFailure.rawValue, step.hadoopJarStep.json.description,
                step.state.rawValue, step.created.milliseconds, step.logFolder,
            ])
    }

    /// Writes what a change of state changes. Returns false, and writes nothing, where the step is not in one of `states`.
    static func setState(of step: Step, from states: [StepState], _ connection: Connection) throws -> Bool {
        guard let current = try state(of: step.id, connection), states.contains(current) else { return false }
        try connection.execute(
            """
            UPDATE emr_step SET state = ?, started = ?, ended = ?, exit_code = ?, reason = ?, message = ?, log_file = ?
            WHERE id = ?
            """,
            [
                step.state.rawValue, step.started?.milliseconds, step.ended?.milliseconds, step.exitCode,
                step.failure?.reason, step.failure?.message, step.failure?.logFile, step.id,
            ])
        return true
    }

    /// Writes down, before it happens, that the step's program may begin in this boot of the machine; nil takes it back, where it
    /// is known that it did not. Files alone can't tell that: others may remove them.
    static func setLaunched(_ boot: String?, of id: String, _ connection: Connection) throws {
        try connection.execute("UPDATE emr_step SET launched = ? WHERE id = ?", [boot, id])
    }

    /// The boot in which the step's program may have begun; nil where nobody has written that down.
    static func launched(_ id: String, _ connection: Connection) throws -> String? {
        try connection.value(String.self, "SELECT launched FROM emr_step WHERE id = ?", [id])
    }

    static func setCancellation(_ option: StepCancellationOption, of id: String, _ connection: Connection) throws {
        try connection.execute("UPDATE emr_step SET cancellation = ? WHERE id = ?", [option.rawValue, id])
    }

    static func cancellation(of id: String, _ connection: Connection) throws -> StepCancellationOption? {
        try connection.value(String.self, "SELECT cancellation FROM emr_step WHERE id = ?", [id])
            .flatMap(StepCancellationOption.init)
    }

    static func setProgress(_ progress: StepProgress, of id: String, _ connection: Connection) throws {
        try connection.execute(
            "UPDATE emr_step SET progress = ? WHERE id = ?", [progress.json.description, id])
    }

    private static func state(of id: String, _ connection: Connection) throws -> StepState? {
        try connection.value(String.self, "SELECT state FROM emr_step WHERE id = ?", [id])
            .flatMap(StepState.init)
    }

    /// A step by its id, or nil.
    public static func step(_ id: String, _ connection: Connection) throws -> Step? {
        try connection.row("SELECT * FROM emr_step WHERE id = ?", [id]).map(Step.init(row:))
    }

    /// Steps newest first, at most `limit`, those after the step `marker`. Nil for `cluster` and nil for `states` mean any.
    public static func steps(
        of cluster: String? = nil, states: [StepState]? = nil, after marker: String? = nil, limit: Int = 50,
        _ connection: Connection
    ) throws -> [Step] {
        // The states of an enum, quoted: no text from outside gets in here.
        let chosen = (states ?? StepState.allCases).map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return try connection.rows(
            """
            SELECT * FROM emr_step WHERE (?1 IS NULL OR cluster = ?1) AND state IN (\(chosen))
            AND sequence < coalesce((SELECT sequence FROM emr_step WHERE id = ?2), 9223372036854775807)
            ORDER BY sequence DESC LIMIT ?3
            """, [cluster, marker, limit]
        ).map(Step.init(row:))
    }

    /// The steps of a cluster that wait or run, oldest first; never more than EMR's limit of 256.
    static func activeSteps(of cluster: String, _ connection: Connection) throws -> [Step] {
        try connection.rows("SELECT * FROM emr_step WHERE cluster = ? AND \(active) ORDER BY sequence", [cluster])
            .map(Step.init(row:))
    }

    static func activeCount(of cluster: String, _ connection: Connection) throws -> Int {
        try connection.value(Int.self, "SELECT count(*) FROM emr_step WHERE cluster = ? AND \(active)", [cluster]) ?? 0
    }
}

extension Cluster {
    fileprivate init(row: Row) {
        self.init(
            id: row["id"], name: row["name"], state: ClusterState(rawValue: row["state"]) ?? .terminatedWithErrors,
            stepConcurrencyLevel: row["level"], keepJobFlowAliveWhenNoSteps: row["keeps_alive"],
            logURI: row["log_uri"], releaseLabel: row["release_label"],
            created: Timestamp(milliseconds: row["created"]),
            ended: (row["ended"] as Int64?).map(Timestamp.init(milliseconds:)),
            reasonCode: row["reason_code"], reason: row["reason"])
    }
}

extension Step {
    fileprivate init(row: Row) {
        let program = (try? JSON(parsing: row["program"] as String)) ?? .null
        let progress = (row["progress"] as String?).flatMap { try? JSON(parsing: $0) }
        let reason: String? = row["reason"]
        self.init(
            id: row["id"], clusterID: row["cluster"], name: row["name"],
            actionOnFailure: ActionOnFailure(rawValue: row["action"]) ?? .continue,
            hadoopJarStep: HadoopJarStep(stored: program), state: StepState(rawValue: row["state"]) ?? .failed,
            created: Timestamp(milliseconds: row["created"]),
            started: (row["started"] as Int64?).map(Timestamp.init(milliseconds:)),
            ended: (row["ended"] as Int64?).map(Timestamp.init(milliseconds:)), exitCode: row["exit_code"],
            failure: reason.map { FailureDetails(reason: $0, message: row["message"] ?? "", logFile: row["log_file"]) },
            progress: progress.flatMap(StepProgress.init(json:)), logFolder: row["log_folder"])
    }
}
