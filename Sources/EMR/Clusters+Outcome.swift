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
        case .lost:
            return FailureDetails(
                message:
                    "The step was running when this machine or its supervisor was stopped, and left no exit status. "
                    + "What it had written by then may be incomplete. It was not run again.",
                logFile: folders.controller)
        case .neverStarted(let why):
            return FailureDetails(reason: "The step could not be started", message: why, logFile: folders.controller)
        case .timedOut(let seconds):
            return FailureDetails(
                reason: "Timeout", message: "The step ran longer than its limit of \(seconds) seconds and was ended.",
                logFile: folders.controller)
        }
    }

    /// How a step ended whose row says that it runs, though its run was cleaned up: the database was restored from a backup that was
    /// made while it ran. Its log, which stays, says that it began, and mostly how it ended. Nil where it never began.
    static func recorded(_ folders: StepFolders) -> StepSchedule.Ending? {
        guard access(folders.run, F_OK) != 0, let log = TextFile.tail(folders.controller, bytes: 65536),
            log.contains(" INFO Started under supervisor ")
        else { return nil }
        let words = [" INFO Step succeeded", " WARN Step failed", " WARN Step was "]
        let line = log.split(separator: "\n").last { line in words.contains { line.contains($0) } }
        let code = line?.split(separator: " ").drop { $0 != "exitCode" }.dropFirst().first
        return code.flatMap { Int($0.prefix { $0.isNumber }) }.map { .exited($0) } ?? .lost
    }

    /// The steps whose programs run now, by the locks of their supervisors. Asks the files only, so that it needs no database.
    public static func runningSteps(stateFolder: String) -> [String] {
        let runs = EMRSettings.runs(in: stateFolder)
        return TextFile.names(in: runs).filter { StepSupervisor.status("\(runs)/\($0)") == .running }.sorted()
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
