public import Events
import GRDB
public import Storage

/// Jobs that tasks wait for: which token is to be completed when a step, an invocation or another execution has ended.
extension StepFunctionsStore {
    /// The table of jobs, and the way to an execution by the beginning of its name.
    public static let jobSchema = Schema(
        room: "StepFunctionsJobs",
        steps: [
            """
            CREATE TABLE stepfunctions_job (
                job TEXT PRIMARY KEY,
                token TEXT NOT NULL,
                resource TEXT NOT NULL,
                parameters TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX stepfunctions_job_token ON stepfunctions_job (token);
            CREATE INDEX stepfunctions_execution_name ON stepfunctions_execution (name);
            """
        ])

    /// What a task waits for.
    public struct Job: Sendable, Hashable {
        /// A step's id, an execution's ARN, or what else names the work.
        public var job: String
        /// The task that ends with it.
        public var token: String
        /// What was called, as the definition has it.
        public var resource: String
        /// What it was called with.
        public var parameters: JSON

        /// A job of a task.
        public init(job: String, token: String, resource: String, parameters: JSON) {
            self.job = job
            self.token = token
            self.resource = resource
            self.parameters = parameters
        }
    }

    /// Remembers what a task waits for.
    public static func put(_ job: Job, in connection: Connection) throws {
        try connection.execute(
            "INSERT OR REPLACE INTO stepfunctions_job (job, token, resource, parameters) VALUES (?, ?, ?, ?)",
            [job.job, job.token, job.resource, job.parameters.description])
    }

    /// Takes the job away and returns it; nil where no task waits for it.
    public static func take(_ job: String, in connection: Connection) throws -> Job? {
        guard let row = try connection.row("SELECT * FROM stepfunctions_job WHERE job = ?", [job]) else { return nil }
        try connection.execute("DELETE FROM stepfunctions_job WHERE job = ?", [job])
        return try self.job(row)
    }

    /// The job that a task waits for.
    public static func job(ofTask token: String, in connection: Connection) throws -> Job? {
        try connection.row("SELECT * FROM stepfunctions_job WHERE token = ?", [token]).map(job)
    }

    /// All jobs that tasks wait for, of resources whose ARN begins so.
    public static func jobs(resourcePrefix: String, in connection: Connection) throws -> [Job] {
        try connection.rows(
            "SELECT * FROM stepfunctions_job WHERE substr(resource, 1, ?) = ?",
            [resourcePrefix.utf8.count, resourcePrefix]
        ).map(job)
    }

    private static func job(_ row: Row) throws -> Job {
        Job(
            job: row["job"], token: row["token"], resource: row["resource"],
            parameters: try JSON(parsing: row["parameters"] as String))
    }

    /// The executions whose names begin so, oldest first: an event that a rule matched gives its id to what it starts.
    public static func executions(namePrefix: String, limit: Int = 100, in connection: Connection) throws -> [Execution]
    {
        try connection.rows(
            "SELECT arn FROM stepfunctions_execution WHERE name >= ? AND name < ? ORDER BY id LIMIT ?",
            [namePrefix, namePrefix + "\u{10FFFF}", limit]
        ).compactMap { try execution($0["arn"], in: connection) }
    }

    /// How many executions run.
    public static func runningCount(in connection: Connection) throws -> Int {
        try connection.value(
            Int.self, "SELECT count(*) FROM stepfunctions_execution WHERE stopped IS NULL AND status = 'RUNNING'") ?? 0
    }
}

extension StateMachines {
    /// Looks at what is due again: another process has written to the store.
    public func lookAgain() { waker.wake() }
}
