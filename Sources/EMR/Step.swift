public import Events

/// A step of a cluster: what it runs, where it stands, how far it is, how it ended.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_Step.html>
public struct Step: Sendable, Hashable {
    /// `s-` and 13 letters and digits.
    public var id: String
    /// The cluster's `JobFlowId`.
    public var clusterID: String
    /// The name that people gave it.
    public var name: String
    /// What becomes of the cluster if it fails.
    public var actionOnFailure: ActionOnFailure
    /// The program.
    public var hadoopJarStep: HadoopJarStep
    /// Where it stands.
    public var state: StepState
    /// When it was added.
    public var created: Timestamp
    /// When it began to run.
    public var started: Timestamp?
    /// When it reached its final state.
    public var ended: Timestamp?
    /// The program's exit status; 128 and the signal's number where a signal ended it.
    public var exitCode: Int?
    /// Why it failed; nil unless it did.
    public var failure: FailureDetails?
    /// How far it is; nil before Spark has said so, and for other programs.
    public var progress: StepProgress?
    /// The folder with `controller`, `stdout` and `stderr`.
    public var logFolder: String

    /// The answer of `DescribeStep` and an element of `ListSteps`.
    public var json: JSON {
        .compact([
            "Id": .string(id), "Name": .string(name), "Config": hadoopJarStep.json,
            "ActionOnFailure": .string(actionOnFailure.rawValue),
            "Status": .compact([
                "State": .string(state.rawValue), "StateChangeReason": [:], "FailureDetails": failure?.json,
                "Timeline": .compact([
                    "CreationDateTime": JSON(created.seconds), "StartDateTime": started.map { JSON($0.seconds) },
                    "EndDateTime": ended.map { JSON($0.seconds) },
                ]),
            ]),
        ])
    }
}

/// Why a step failed.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_FailureDetails.html>
public struct FailureDetails: Sendable, Hashable {
    /// `Unknown Error` where EMR would not know either.
    public var reason: String
    /// The last word of the program, for a person.
    public var message: String
    /// The file that holds the whole story.
    public var logFile: String?

    /// Details; the log is optional.
    public init(reason: String = "Unknown Error", message: String, logFile: String? = nil) {
        self.reason = reason
        self.message = message
        self.logFile = logFile
    }

    var json: JSON {
        .compact([
            "Reason": .string(reason), "Message": .string(message), "LogFile": logFile.map(JSON.string),
        ])
    }
}

/// How far a Spark step is. The totals grow with each job that the program starts.
public struct StepProgress: Sendable, Hashable, Codable {
    /// Stages of the jobs that the program has started so far.
    public var stages = 0
    /// Stages that are done.
    public var stagesDone = 0
    /// Tasks of those stages.
    public var tasks = 0
    /// Tasks that succeeded.
    public var tasksDone = 0
    /// Attempts at a task that failed.
    public var tasksFailed = 0
    /// Rows and bytes that tasks have read from and written to objects so far.
    public var rowsRead: Int64 = 0
    /// Bytes that tasks have read so far.
    public var bytesRead: Int64 = 0
    /// Rows that tasks have written so far.
    public var rowsWritten: Int64 = 0
    /// Bytes that tasks have written so far.
    public var bytesWritten: Int64 = 0

    /// Nothing done yet.
    public init() {}

    /// Reads what the listener inside Spark writes; nil where it is none.
    init?(json: JSON) {
        guard let stages = json["stages"]?.int, let tasks = json["tasks"]?.int else { return nil }
        func number(_ name: String) -> Int { json[name]?.int ?? 0 }
        self.stages = stages
        self.tasks = tasks
        stagesDone = number("stagesDone")
        tasksDone = number("tasksDone")
        tasksFailed = number("tasksFailed")
        rowsRead = Int64(number("rowsRead"))
        bytesRead = Int64(number("bytesRead"))
        rowsWritten = Int64(number("rowsWritten"))
        bytesWritten = Int64(number("bytesWritten"))
    }

    /// The members by their own names.
    public var json: JSON {
        [
            "stages": JSON(stages), "stagesDone": JSON(stagesDone), "tasks": JSON(tasks), "tasksDone": JSON(tasksDone),
            "tasksFailed": JSON(tasksFailed), "rowsRead": JSON(rowsRead), "bytesRead": JSON(bytesRead),
            "rowsWritten": JSON(rowsWritten), "bytesWritten": JSON(bytesWritten),
        ]
    }
}
