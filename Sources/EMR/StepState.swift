/// Where a step stands.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_StepStatus.html>
public enum StepState: String, Sendable, Hashable, Codable, CaseIterable {
    case pending = "PENDING"
    case cancelPending = "CANCEL_PENDING"
    case running = "RUNNING"
    case completed = "COMPLETED"
    case cancelled = "CANCELLED"
    case failed = "FAILED"
    case interrupted = "INTERRUPTED"

    /// Whether nothing will happen to the step any more.
    public var isFinal: Bool {
        switch self {
        case .pending, .cancelPending, .running: false
        case .completed, .cancelled, .failed, .interrupted: true
        }
    }

    /// The severity that the state's event carries.
    var severity: String {
        switch self {
        case .pending, .running, .completed: "INFO"
        case .cancelPending, .cancelled, .interrupted: "WARN"
        case .failed: "ERROR"
        }
    }
}

/// What becomes of the cluster when a step fails.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_StepConfig.html>
public enum ActionOnFailure: String, Sendable, Hashable, Codable, CaseIterable {
    /// The old name of ``terminateCluster``.
    case terminateJobFlow = "TERMINATE_JOB_FLOW"
    case terminateCluster = "TERMINATE_CLUSTER"
    case cancelAndWait = "CANCEL_AND_WAIT"
    case `continue` = "CONTINUE"
}

/// How a running step is cancelled.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_CancelSteps.html>
public enum StepCancellationOption: String, Sendable, Hashable, Codable {
    /// SIGTERM; what still runs after a while is killed.
    case sendInterrupt = "SEND_INTERRUPT"
    /// SIGKILL to the step and its descendants.
    case terminateProcess = "TERMINATE_PROCESS"
}

/// Where a cluster stands.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_ClusterStatus.html>
public enum ClusterState: String, Sendable, Hashable, Codable, CaseIterable {
    case starting = "STARTING"
    case bootstrapping = "BOOTSTRAPPING"
    case running = "RUNNING"
    case waiting = "WAITING"
    case terminating = "TERMINATING"
    case terminated = "TERMINATED"
    case terminatedWithErrors = "TERMINATED_WITH_ERRORS"

    /// Whether steps may be added.
    public var acceptsSteps: Bool {
        switch self {
        case .starting, .bootstrapping, .running, .waiting: true
        case .terminating, .terminated, .terminatedWithErrors: false
        }
    }
}
