import CloudWatch
import EMR
import EventBridge
import Events
import Lambda
import S3
import StepFunctions
import Storage

extension Pipeline {
    /// The host's state on one line, for a terminal.
    func statusLine() async throws -> String {
        let alarms = alarms
        let (depths, undelivered, steps, executions, alarming) = try await store.read { connection in
            (
                try LambdaStore.depths(at: .now, in: connection),
                try EventBridgeStore.deadLetterCount(in: connection).count,
                try EMRStore.steps(states: [.pending, .running, .cancelPending], limit: 50, connection),
                try StepFunctionsStore.runningCount(in: connection),
                try alarms.alarms(limit: 1000, in: connection).filter { $0.state == .alarm }.map(\.configuration.name)
            )
        }
        let running = depths.map(\.running).reduce(0, +)
        var parts = [
            "\(s3.eventCount) events", "\(depths.map(\.queued).reduce(0, +) - running) waiting", "\(running) running",
            "\(executions) executions",
        ]
        if let step = steps.last(where: { $0.state == .running }) {
            let progress = step.progress.map { " \($0.tasksDone)/\($0.tasks) tasks" } ?? ""
            parts.append(
                "step \(step.name)\(progress) \(step.elapsed)" + (steps.count > 1 ? " +\(steps.count - 1)" : ""))
        }
        let dead = depths.map(\.deadLetters).reduce(undelivered, +)
        if dead > 0 { parts.append("\(dead) dead letters") }
        if !alarming.isEmpty { parts.append("ALARM \(alarming.joined(separator: ", "))") }
        return parts.joined(separator: " · ")
    }

    /// How many steps run, here or by themselves.
    func runningSteps() async throws -> Int {
        try await store.read { try EMRStore.steps(states: [.running, .cancelPending], limit: 1000, $0).count }
    }
}
