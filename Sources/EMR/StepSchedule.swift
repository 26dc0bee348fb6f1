/// The rules by which a cluster runs its steps. It does nothing by itself: what stands in the database goes in, the next
/// action comes out.
///
/// <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-concurrent-steps.html>
struct StepSchedule: Sendable, Hashable {
    /// How many steps may run at a time.
    var level: Int
    var state: ClusterState
    var keepsAlive: Bool
    /// Steps that run or are being cancelled.
    var running: Int
    /// Steps that wait, oldest first.
    var pending: [String]

    /// What to do now.
    enum Action: Sendable, Hashable {
        /// Start these, in this order.
        case start([String])
        /// Go into this state: nothing is to be started.
        case become(ClusterState)
        case nothing
    }

    func next() -> Action {
        guard state.acceptsSteps else {
            return state == .terminating && running == 0 ? .become(.terminated) : .nothing
        }
        let room = max(0, level - running)
        if room > 0, !pending.isEmpty { return .start(Array(pending.prefix(room))) }
        if running > 0 { return state == .running ? .nothing : .become(.running) }
        guard pending.isEmpty else { return .nothing }
        if !keepsAlive { return .become(.terminated) }
        return state == .waiting ? .nothing : .become(.waiting)
    }

    /// What a failed step does to its cluster.
    enum Consequence: Sendable, Hashable {
        case goOn
        /// Cancel what waits; the cluster waits for new steps.
        case cancelPending
        /// Cancel what waits, end what runs, terminate.
        case terminate
    }

    /// The consequence of a failure, with the others that run at that time. Above level 1 no action on failure applies; at
    /// level 1 with others still running (after the level was lowered), `CANCEL_AND_WAIT` does not.
    static func consequence(of action: ActionOnFailure, level: Int, othersRunning: Int) -> Consequence {
        guard level == 1 else { return .goOn }
        switch action {
        case .continue: return .goOn
        case .cancelAndWait: return othersRunning > 0 ? .goOn : .cancelPending
        case .terminateCluster, .terminateJobFlow: return .terminate
        }
    }

    /// How a step ended, from what is known of its program.
    enum Ending: Sendable, Hashable {
        /// The program ended by itself or by a signal.
        case exited(Int)
        /// The program is gone, as far as anybody can know, and left no exit status behind.
        case lost(Loss)
        /// It could not be started; why.
        case neverStarted(String)
        /// It took longer than the cluster allows.
        case timedOut(seconds: Int64)
    }

    /// Why nobody knows how a program ended.
    enum Loss: Sendable, Hashable {
        /// It began, and its supervisor is gone.
        case supervisorGone
        /// It may have begun, and somebody has removed what it wrote down.
        case recordsGone
        /// The machine stopped when it was about to begin.
        case machineStopped
    }

    /// The final state: cancelling a step that completes all the same leaves it completed.
    static func outcome(of ending: Ending, whileIn state: StepState) -> StepState {
        switch ending {
        case .exited(0): .completed
        case .exited, .lost, .neverStarted: state == .cancelPending ? .cancelled : .failed
        case .timedOut: .failed
        }
    }
}
