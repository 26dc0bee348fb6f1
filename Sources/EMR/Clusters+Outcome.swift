import Events

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
