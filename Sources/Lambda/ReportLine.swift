import Events

/// Lambda's own lines in a function's log.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html>
enum ReportLine {
    /// Milliseconds with two digits after the point.
    static func milliseconds(_ value: Double) -> String {
        let hundredths = Int64((max(0, value) * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    static func initStart(runtime: String, region: String) -> String {
        let name = runtime.replacing("provided.", with: "provided:").replacing("python", with: "python:")
        return
            "INIT_START Runtime Version: \(name).v1\tRuntime Version ARN: arn:aws:lambda:\(region)::runtime:\(runtime)"
    }

    static func start(_ requestID: String) -> String { "START RequestId: \(requestID) Version: $LATEST" }
    static func end(_ requestID: String) -> String { "END RequestId: \(requestID)" }

    static func report(_ figures: Figures, requestID: String, memorySize: Int) -> String {
        var line =
            "REPORT RequestId: \(requestID)\tDuration: \(milliseconds(figures.duration)) ms\tBilled Duration: "
            + "\(figures.billed) ms\tMemory Size: \(memorySize) MB\tMax Memory Used: \(figures.maximumMemory) MB\t"
        if let initDuration = figures.initDuration { line += "Init Duration: \(milliseconds(initDuration)) ms\t" }
        switch figures.status {
        case .success, .error: break
        case .timeout: line += "Status: timeout"
        case .crash(let type): line += "Status: error\tError Type: \(type)"
        }
        return line
    }

    static func initReport(duration: Double, phase: String, status: String, errorType: String?) -> String {
        "INIT_REPORT Init Duration: \(milliseconds(duration)) ms\tPhase: \(phase)\tStatus: \(status)"
            + (errorType.map { "\tError Type: \($0)" } ?? "")
    }

    static func timedOut(_ requestID: String, after seconds: Int, at time: Timestamp) -> String {
        "\(time.iso8601) \(requestID) Task timed out after \(seconds).00 seconds"
    }

    /// What one invocation used.
    struct Figures: Sendable, Hashable {
        /// How it ended, as far as the line says so: an error that the function reported itself is not told.
        enum Status: Sendable, Hashable {
            case success
            case error
            case timeout
            case crash(type: String)
        }

        /// Milliseconds.
        var duration: Double
        /// Milliseconds, rounded up; with INIT where Lambda bills it.
        var billed: Int
        /// Megabytes.
        var maximumMemory: Int
        /// Milliseconds; nil for a warm start.
        var initDuration: Double?
        var status: Status
    }
}
