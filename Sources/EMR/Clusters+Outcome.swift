import Events
import Glibc

extension Clusters {
    /// What a person is to know of a failure; nil where the program succeeded.
    static func failure(_ ending: StepSchedule.Ending, folders: StepFolders) -> FailureDetails? {
        switch ending {
        case .exited(0): return nil
        case .exited(let code):
            let (message, inStdout) = FailureMessage.find(
                stdout: TextFile.tail(folders.stdout, bytes: 65536) ?? "",
                stderr: TextFile.tail(folders.stderr, bytes: 65536) ?? "", exitCode: code)
            return FailureDetails(message: message, logFile: inStdout ? folders.stdout : folders.stderr)
        case .lost(let loss):
            let what =
                switch loss {
                case .supervisorGone:
                    "The step was running when this machine or its supervisor was stopped, and left no exit status."
                case .recordsGone:
                    "The step had been started, and somebody has removed the records of its run (\(folders.run)): how it "
                        + "ended can't be known."
                case .machineStopped:
                    "This machine was stopped when the step was about to begin; whether it did can't be known."
                }
            return FailureDetails(
                message: "\(what) What it had written by then may be incomplete. It was not run again.",
                logFile: folders.controller)
        case .neverStarted(let why):
            return FailureDetails(reason: "The step could not be started", message: why, logFile: folders.controller)
        case .timedOut(let seconds):
            return FailureDetails(
                reason: "Timeout", message: "The step ran longer than its limit of \(seconds) seconds and was ended.",
                logFile: folders.controller)
        }
    }

    /// How a step ended whose row says that it runs, though its run has no records: the database was restored from a backup that was
    /// made while it ran, or somebody removed them. Its log, which lies elsewhere, says that it began, and mostly how it ended.
    /// Nil where the log knows of no beginning.
    static func recorded(_ folders: StepFolders, of step: String) -> StepSchedule.Ending? {
        guard let log = TextFile.tail(folders.controller, bytes: 65536) else { return nil }
        // The supervisor's own line, which is written without the help of another process, has no time before it.
        let lines = log.split(separator: "\n").map { line in
            line.first?.isNumber ?? false ? line.drop { $0 != " " }.dropFirst() : line
        }
        // What an earlier attempt came to, or a run before a restore, says nothing of the last one.
        let run = lines.suffix(from: (lines.lastIndex { $0.hasPrefix("INFO \(step) '") } ?? -1) + 1)
        if run.contains(where: { $0.hasPrefix(notBegun) }) { return nil }
        let ends = ["INFO waitProcessCompletion ", "INFO Step succeeded ", "WARN Step failed ", "WARN Step was "]
        for line in run.reversed() where ends.contains(where: { line.hasPrefix($0) }) {
            let words = line.prefix { $0 != ":" }.split(separator: " ").map(String.init)
            let code = zip(words, words.dropFirst()).first { ["code", "exitCode"].contains($0.0) }?.1
            if let code = code.flatMap({ Int($0) }) { return .exited(code) }
        }
        return run.contains { $0.hasPrefix("INFO Started under supervisor ") } ? .lost(.recordsGone) : nil
    }

    /// How the controller's log tells of an attempt that came to nothing.
    static let notBegun = "WARN Not begun: "

    /// The steps whose programs run now, by the locks of their supervisors and by these themselves. Asks files and processes only,
    /// so that it needs no database.
    public static func runningSteps(stateFolder: String) -> [String] {
        let runs = EMRSettings.runs(in: stateFolder)
        let held = TextFile.names(in: runs).filter { StepSupervisor.status("\(runs)/\($0)") == .running }
        return Set(held + StepSupervisor.livingSteps(in: runs)).sorted()
    }

    /// The last line of the controller's log.
    static func summary(_ step: Step, at time: Timestamp) -> String {
        let seconds = (time - (step.started ?? time)).milliseconds / 1000
        let code = step.exitCode.map { " with exitCode \($0)" } ?? ""
        let what =
            switch step.state {
            case .completed: "INFO Step succeeded\(code) and took \(seconds) seconds"
            case .cancelled: "WARN Step was cancelled\(code) after \(seconds) seconds"
            case .interrupted: "WARN Step was interrupted\(code) after \(seconds) seconds"
            case .failed, .pending, .running, .cancelPending:
                "WARN Step failed\(code) and took \(seconds) seconds: \(step.failure?.message ?? "unknown cause")"
            }
        return "\(time.iso8601) \(what)"
    }
}

extension StepProgress {
    /// Reads the listener's file; nil where there is none yet.
    init?(file path: String) {
        guard let text = TextFile.read(path), let json = try? JSON(parsing: text) else { return nil }
        self.init(json: json)
    }
}
