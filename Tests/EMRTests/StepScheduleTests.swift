import Testing

@testable import EMR

@Suite struct StepScheduleTests {
    private func schedule(
        level: Int = 1, state: ClusterState = .waiting, keepsAlive: Bool = true, running: Int = 0,
        pending: [String] = []
    ) -> StepSchedule {
        StepSchedule(level: level, state: state, keepsAlive: keepsAlive, running: running, pending: pending)
    }

    @Test("steps start in the order in which they were added, as many as the level allows")
    func order() {
        #expect(schedule(pending: ["a", "b"]).next() == .start(["a"]))
        #expect(schedule(level: 3, running: 1, pending: ["a", "b", "c"]).next() == .start(["a", "b"]))
        #expect(schedule(state: .running, running: 1, pending: ["b"]).next() == .nothing)
    }

    @Test("lowering the level lets running steps finish")
    func lowered() {
        #expect(schedule(level: 1, state: .running, running: 3, pending: ["a"]).next() == .nothing)
    }

    @Test("a cluster without steps waits, or ends if it was not to be kept alive")
    func idle() {
        #expect(schedule(state: .running).next() == .become(.waiting))
        #expect(schedule(state: .running, keepsAlive: false).next() == .become(.terminated))
        #expect(schedule().next() == .nothing)
        #expect(schedule(running: 1).next() == .become(.running))
    }

    @Test("a cluster that terminates starts nothing, and ends with its last step")
    func terminating() {
        #expect(schedule(state: .terminating, running: 1, pending: ["a"]).next() == .nothing)
        #expect(schedule(state: .terminating).next() == .become(.terminated))
        #expect(schedule(state: .terminated, pending: ["a"]).next() == .nothing)
    }

    @Test(
        "the action on failure applies at level 1 only, and cancelling only while no other step runs",
        arguments: [
            (ActionOnFailure.continue, 1, 0, StepSchedule.Consequence.goOn),
            (.cancelAndWait, 1, 0, .cancelPending), (.cancelAndWait, 1, 1, .goOn),
            (.terminateCluster, 1, 0, .terminate), (.terminateCluster, 1, 2, .terminate),
            (.terminateJobFlow, 1, 0, .terminate), (.terminateCluster, 2, 0, .goOn), (.cancelAndWait, 2, 0, .goOn),
        ])
    func consequences(action: ActionOnFailure, level: Int, others: Int, expected: StepSchedule.Consequence) {
        #expect(StepSchedule.consequence(of: action, level: level, othersRunning: others) == expected)
    }

    @Test("the outcome is the program's own: cancelling what completes all the same leaves it completed")
    func outcomes() {
        #expect(StepSchedule.outcome(of: .exited(0), whileIn: .running) == .completed)
        #expect(StepSchedule.outcome(of: .exited(0), whileIn: .cancelPending) == .completed)
        #expect(StepSchedule.outcome(of: .exited(143), whileIn: .cancelPending) == .cancelled)
        #expect(StepSchedule.outcome(of: .exited(1), whileIn: .running) == .failed)
        #expect(StepSchedule.outcome(of: .lost(.supervisorGone), whileIn: .running) == .failed)
        #expect(StepSchedule.outcome(of: .timedOut(seconds: 1), whileIn: .running) == .failed)
    }
}
