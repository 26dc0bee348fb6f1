import Events

/// What the rooms have to tell, in the words of the feed.
extension Feed {
    /// An object came or went.
    func tell(_ record: S3Event.Record) {
        let uri = "s3://\(record.s3.bucket.name)/\(record.s3.object.urlDecodedKey)"
        let size = record.s3.object.size.map { "  \(Self.bytes($0))" } ?? ""
        say(uri, record.eventName + size, .grey, json: ["event": record.json])
    }

    /// An asynchronous invocation has ended.
    func tell(_ record: InvocationRecord) {
        let function = ARN(record.functionARN)?.name ?? record.functionARN
        let object = record.requestPayload["Records"]?[0]?["s3"]
        let subject = object.flatMap { object -> String? in
            guard let bucket = object["bucket"]?["name"]?.string, let key = object["object"]?["key"]?.string else {
                return nil
            }
            return "s3://\(bucket)/\(FormURLEncoding.decode(key))"
        }
        let (text, colour) = Self.outcome(record)
        say(subject ?? function, "\(function): \(text)", colour, json: ["record": record.json])
    }

    /// Something happened that the event bus was told of.
    func tell(_ event: EventBridgeEvent) {
        let detail = event.detail
        func text(_ name: String) -> String { detail[name]?.string ?? "" }
        switch event.detailType {
        case "EMR Step Status Change":
            let state = text("state")
            say(
                "step \(text("stepId"))", "\(text("name")): \(state)", Self.colour(state), json: ["event": event.json])
        case "Step Functions Execution Status Change":
            let machine = ARN(text("stateMachineArn"))?.name ?? ""
            let name = text("name").prefix(8)
            say(
                "execution \(machine) \(name)", text("status"), Self.colour(text("status")), json: ["event": event.json]
            )
        case "EMR Cluster State Change":
            say("cluster \(text("clusterId"))", "\(text("name")): \(text("state"))", .grey, json: ["event": event.json])
        case "CloudWatch Alarm State Change":
            // A new alarm that finds nothing wrong is no news.
            if detail["previousState"]?["value"]?.string == "INSUFFICIENT_DATA",
                detail["state"]?["value"]?.string == "OK"
            {
                return
            }
            let state = detail["state"]?["value"]?.string ?? ""
            say(
                "alarm \(text("alarmName"))", "\(state): \(detail["state"]?["reason"]?.string ?? "")",
                Self.colour(state),
                json: ["event": event.json])
        default:
            say(event.source, event.detailType, .grey, json: ["event": event.json])
        }
    }

    private static func outcome(_ record: InvocationRecord) -> (String, Terminal.Colour) {
        if record.condition != .success {
            let message = record.responsePayload?["errorMessage"]?.string
            return ("\(record.condition.rawValue)\(message.map { ": \($0)" } ?? "")", .red)
        }
        guard let report = record.responsePayload, let passed = report["passed"]?.bool else {
            return ("succeeded", .green)
        }
        let rows = report["rows"]?.int.map { ", \($0) rows" } ?? ""
        let rejected = report["rejected"]?.int.flatMap { $0 > 0 ? ", \($0) rejected" : nil } ?? ""
        return passed ? ("passed\(rows)\(rejected)", .green) : ("held back\(rows)\(rejected)", .yellow)
    }

    private static func colour(_ state: String) -> Terminal.Colour? {
        switch state {
        case "COMPLETED", "SUCCEEDED", "OK": .green
        case "FAILED", "TIMED_OUT", "ALARM": .red
        case "CANCELLED", "CANCEL_PENDING", "ABORTED": .yellow
        case "RUNNING": .blue
        default: .grey
        }
    }

    /// A size for a person.
    static func bytes(_ count: Int64) -> String {
        switch count {
        case ..<1024: "\(count) B"
        case ..<1_048_576: Plot.decimals(Double(count) / 1024, 1) + " KiB"
        case ..<1_073_741_824: Plot.decimals(Double(count) / 1_048_576, 1) + " MiB"
        default: Plot.decimals(Double(count) / 1_073_741_824, 1) + " GiB"
        }
    }
}
