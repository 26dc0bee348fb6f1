import EMR
import Events
import Lambda
import S3
import StepFunctions
import Storage

/// What became of each version of an object, put together from all rooms' records.
struct Trace: Sendable {
    /// The newest first.
    var versions: [Version]

    /// One version: what S3 said of it and what followed.
    struct Version: Sendable {
        var event: StoredEvent
        var isCurrent: Bool
        var invocations: [Run]
    }

    /// One function's work on a version.
    struct Run: Sendable {
        var invocation: QueuedInvocation
        var attempts: [InvocationAttempt]
        var executions: [(execution: Execution, steps: [Step])]

        /// What the function answered, where it is JSON.
        var report: JSON? { invocation.response.flatMap { try? JSON(parsing: $0) } }
    }

    init(_ uri: ObjectURI, in connection: Connection) throws {
        let current = try S3Store.object(bucket: uri.bucket, key: uri.key, in: connection)
        let invocations = try LambdaStore.invocations(bucket: uri.bucket, key: uri.key, in: connection)
        versions = []
        for event in try S3Store.events(bucket: uri.bucket, key: uri.key, in: connection) {
            let runs = try invocations.filter { $0.source?.sequencer == event.version.sequencer }
                .map { try Run($0, in: connection) }
            versions.append(
                Version(event: event, isCurrent: current?.sequencer == event.version.sequencer, invocations: runs))
        }
        versions.sort { $1.event.version.sequencer < $0.event.version.sequencer }
    }
}

extension Trace.Run {
    init(_ invocation: QueuedInvocation, in connection: Connection) throws {
        self.invocation = invocation
        attempts = try LambdaStore.attempts(requestID: invocation.requestID, in: connection)
        executions = []
        // The event that starts an execution carries the invocation's id, and so does the execution's name.
        for execution in try StepFunctionsStore.executions(namePrefix: invocation.requestID + "_", in: connection) {
            let submitted = try StepFunctionsStore.history(of: execution.arn, in: connection).compactMap { event in
                event.details["output"].flatMap { output in output.string.flatMap { try? JSON(parsing: $0) } ?? output
                }?["StepId"]?.string
            }
            var steps: [Step] = []
            for id in submitted where !steps.contains(where: { $0.id == id }) {
                if let step = try EMRStore.step(id, connection) { steps.append(step) }
            }
            executions.append((execution, steps))
        }
    }
}

// MARK: - For programs

extension Trace.Version {
    var json: JSON {
        .compact([
            "sequencer": .string(event.version.sequencer.text), "eventName": .string(event.eventName),
            "eventTime": .string(event.eventTime.iso8601), "size": event.size.map { JSON($0) },
            "eTag": event.eTag.map(JSON.string),
            "requestId": .string(event.requestID), "current": JSON(isCurrent),
            "invocations": .array(invocations.map(\.json)),
        ])
    }
}

extension Trace.Run {
    var json: JSON {
        var json = invocation.json
        json["logGroup"] = .string("/aws/lambda/\(invocation.functionName)")
        json["attempts"] = .array(
            attempts.map {
                .compact([
                    "attempt": JSON($0.attempt), "started": .string($0.started.iso8601),
                    "durationMs": JSON($0.duration),
                    "initDurationMs": $0.initDuration.map { JSON($0) }, "maxMemoryUsedMB": JSON($0.maxMemoryUsed),
                    "status": .string($0.status), "errorType": $0.errorType.map(JSON.string),
                    "errorMessage": $0.errorMessage.map(JSON.string), "logStream": .string($0.logStream),
                ])
            })
        if let report { json["report"] = report }
        json["executions"] = .array(
            executions.map { execution, steps in
                var json = execution.json
                json["startDate"] = .string(execution.startDate.iso8601)
                if let stop = execution.stopDate { json["stopDate"] = .string(stop.iso8601) }
                json["input"] = nil
                json["inputDetails"] = nil
                json["steps"] = .array(steps.map(\.report))
                return json
            })
        return json
    }
}

// MARK: - For a person

extension Trace.Version {
    func lines(on terminal: Terminal) -> [String] {
        let size = event.size.map { "  \(Feed.bytes($0))" } ?? ""
        let old = isCurrent || event.size == nil ? "" : terminal.paint("  (not the current version)", .yellow)
        var lines = [
            terminal.paint(event.version.uri.printable, .bold) + old,
            "  \(event.eventTime)  \(event.eventName)\(size)\(event.eTag.map { "  eTag \($0)" } ?? "")",
        ]
        if invocations.isEmpty { lines.append("  no function is notified of it") }
        for run in invocations { lines += run.lines(on: terminal) }
        return lines
    }
}

extension Trace.Run {
    func lines(on terminal: Terminal) -> [String] {
        let state = invocation.state
        let colour: Terminal.Colour? =
            state == .succeeded ? .green : state == .failed ? .red : state == .superseded ? .yellow : nil
        let shown = state == .queued && invocation.runningSince != nil ? "RUNNING" : state.rawValue
        var lines = [
            "",
            "  \(terminal.paint(invocation.functionName, .bold))  \(terminal.paint(shown, colour))  request \(invocation.requestID)",
        ]
        for attempt in attempts {
            let error = attempt.errorMessage.map { "  " + terminal.paint($0.printable, .red) } ?? ""
            let start = attempt.initDuration.map { ", init \(Plot.decimals($0, 1)) ms" } ?? ""
            lines.append(
                "    \(attempt.started)  attempt \(attempt.attempt): \(attempt.status), \(Plot.decimals(attempt.duration, 1)) ms\(start)\(error)"
            )
        }
        if state == .queued { lines.append("    due \(invocation.due)") }
        if let report { lines += ReportLines(report).lines(on: terminal).map { "    " + $0 } }
        if let error = invocation.deliveryError {
            lines.append(
                "    "
                    + terminal.paint(
                        "the destination \(invocation.deliveryTarget ?? "") could not be told: \(error)", .red))
        }
        if let stream = attempts.last?.logStream {
            lines.append(
                "    log  sluice logs \(invocation.functionName) --request \(invocation.requestID)   (stream \(stream))"
            )
        }
        if state == .superseded {
            lines.append("    the object had been written over or removed by then: nobody was told of this outcome")
        }
        for (execution, steps) in executions {
            lines.append("")
            lines += execution.lines(on: terminal).map { "  " + $0 }
            for step in steps { lines += step.lines(on: terminal).map { "    " + $0 } }
        }
        if executions.isEmpty, state == .succeeded, report?["passed"]?.bool == false {
            lines.append("")
            lines.append("  " + terminal.paint("held back: no step was started", .yellow))
        }
        return lines
    }
}
