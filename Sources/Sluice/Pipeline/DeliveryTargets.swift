import CloudWatch
import EventBridge
import Events
import Lambda
import S3
import StepFunctions
import Storage
import Template

/// Who can be reached by an ARN: functions, buses, state machines, topics, queues, buckets.
struct DeliveryTargets: Sendable {
    let place: AccountRegion
    let project: Project
    let topics: [TopicResource]
    let time: any TimeSource
    let lambda: LambdaService
    let bus: EventBus
    let stateMachines: StateMachines
    let logs: Logs
    let feed: Feed

    /// An ARN that nobody answers to.
    struct NoTarget: Error, CustomStringConvertible {
        let arn: ARN
        var description: String { "there is no \(arn) here" }
    }

    // MARK: - S3

    /// An object's event for a function.
    func deliver(_ record: S3Event.Record, _ origin: ObjectOrigin, to function: ARN, _ connection: Connection) throws {
        let version = ObjectVersion(
            bucket: record.s3.bucket.name, key: record.s3.object.urlDecodedKey,
            sequencer: Sequencer(record.s3.object.sequencer ?? ""))
        try lambda.invokeAsync(
            function: function.name, payload: S3Event(records: [record]).json.serialized(), source: version,
            traceHeader: origin.traceHeader, written: origin.written, in: connection)
    }

    // MARK: - Lambda's destinations

    /// Bytes of a message for a topic at most.
    private static let topicLimit = 262_144

    /// The record of an asynchronous invocation for its destination.
    func deliver(_ record: InvocationRecord, to target: ARN, _ connection: Connection) throws {
        connection.afterCommit { [feed] in feed.tell(record) }
        switch target.service {
        case "events":
            // The event's id is the invocation's, so that an execution can be found by the request that caused it.
            let event = record.busEvent(id: record.requestID, bus: target, at: place)
            try bus.put(event, bus: target.name, in: connection)
        case "lambda": try invoke(target, record.json, traceHeader: record.traceHeader, connection)
        case "sns":
            var json = record.json
            // Lambda drops the payloads where they make a message larger than SNS takes (AWS API, "OnSuccess").
            if json.serialized().count > Self.topicLimit {
                json["requestPayload"] = nil
                json["responsePayload"] = nil
            }
            try publish(json, subject: nil, to: target, traceHeader: record.traceHeader, connection)
        case "sqs": try send(record.json, to: target, connection)
        case "s3": try put(record, into: target.name)
        default: throw NoTarget(arn: target)
        }
    }

    /// The event of an invocation that was given up.
    func deliver(_ letter: Lambda.DeadLetter, to target: ARN, _ connection: Connection) throws {
        let body = (try? JSON(parsing: letter.payload)) ?? .string(String(decoding: letter.payload, as: UTF8.self))
        let message: JSON = [
            "body": body,
            "attributes": [
                "RequestID": .string(letter.requestID), "ErrorCode": JSON(letter.errorCode),
                "ErrorMessage": .string(letter.errorMessage),
            ],
        ]
        switch target.service {
        case "sns":
            try publish(message, subject: nil, to: target, traceHeader: letter.traceHeader, connection)
        case "sqs": try send(message, to: target, connection)
        default: throw NoTarget(arn: target)
        }
    }

    // MARK: - EventBridge's targets

    /// An event that a rule matched, for a target.
    func deliver(_ delivery: Delivery, _ connection: Connection) throws {
        let target = delivery.targetARN
        do {
            switch target.service {
            case "lambda": try invoke(target, delivery.input, connection)
            case "states":
                // One event and one rule start one execution, however often they are delivered.
                let name = "\(delivery.event.id)_\(delivery.ruleARN.name)".prefix(80)
                _ = try stateMachines.startExecution(
                    stateMachine: target, name: String(name), input: delivery.input, in: connection)
            case "sns": try publish(delivery.input, subject: nil, to: target, connection)
            case "sqs": try send(delivery.input, attributes: delivery.deadLetterAttributes, to: target, connection)
            case "logs":
                try log(
                    delivery.input.description, group: Self.group(target), stream: delivery.ruleARN.name, connection)
            case "events": try bus.put(delivery.event, bus: target.name, in: connection)
            default: throw NoTarget(arn: target)
            }
        } catch let error as NoTarget {
            throw DeliveryFailure(code: "NO_RESOURCE", message: "\(error)", isRetryable: false)
        } catch let error as LambdaError {
            throw DeliveryFailure(code: error.code, message: "\(error)", isRetryable: error.statusCode >= 429)
        } catch let error as StepFunctionsError where error.code == "ExecutionAlreadyExists" {
            // Delivered before: the execution that the event is for has been started, and has ended.
        } catch let error as StepFunctionsError {
            throw DeliveryFailure(code: error.code, message: error.message, isRetryable: false)
        }
    }

    private static func group(_ arn: ARN) -> String {
        let parts = arn.resource.split(separator: ":").map(String.init)
        return parts.count > 1 ? parts[1] : arn.resource
    }

    // MARK: - Functions

    /// An event for a function, queued.
    func invoke(_ function: ARN, _ event: JSON, traceHeader: String? = nil, _ connection: Connection) throws {
        try lambda.invokeAsync(
            function: function.name, payload: event.serialized(), traceHeader: traceHeader, in: connection)
    }

    // MARK: - Topics and queues

    /// A message for a topic: subscribed functions get it in SNS's shape, and every message is kept in the log group that
    /// SNS uses for delivery logs, `sns/REGION/ACCOUNT/TOPIC`. Other protocols (mail, HTTPS, SMS) leave this machine and are not
    /// served.
    func publish(
        _ message: JSON, subject: String?, to topic: ARN, traceHeader: String? = nil, _ connection: Connection
    ) throws {
        guard let resource = topics.first(where: { $0.arn == topic }) else { throw NoTarget(arn: topic) }
        let id = Identifier.uuid()
        let text = message.string ?? message.description
        try log(text, group: "sns/\(topic.region)/\(topic.account)/\(topic.name)", stream: id, connection)
        for subscription in resource.subscriptions where subscription.subscriptionProtocol == "lambda" {
            guard let function = ARN(subscription.endpoint) else { continue }
            let event: JSON = [
                "Records": [
                    [
                        "EventSource": "aws:sns", "EventVersion": "1.0",
                        "EventSubscriptionArn": .string("\(topic):\(id)"),
                        "Sns": [
                            "Type": "Notification", "MessageId": .string(id), "TopicArn": .string(topic.description),
                            "Subject": subject.map(JSON.string) ?? .null, "Message": .string(text),
                            "Timestamp": .string(time.now.iso8601), "MessageAttributes": [:],
                        ],
                    ]
                ]
            ]
            try invoke(function, event, traceHeader: traceHeader, connection)
        }
    }

    /// A message for a queue, kept in the log group `sqs/REGION/ACCOUNT/QUEUE`: nothing here reads from queues.
    private func send(
        _ message: JSON, attributes: [String: String] = [:], to queue: ARN, _ connection: Connection
    ) throws {
        var message = message
        if !attributes.isEmpty {
            let pairs = attributes.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) }
            message = ["body": message, "attributes": .object(JSONObject(pairs))]
        }
        try log(
            message.description, group: "sqs/\(queue.region)/\(queue.account)/\(queue.name)", stream: Identifier.uuid(),
            connection)
    }

    private func log(_ text: String, group: String, stream: String, _ connection: Connection) throws {
        try logs.append(
            LogBatch(logGroup: group, logStream: stream, events: [LogEvent(timestamp: time.now, message: text)]),
            in: connection)
    }

    // MARK: - Buckets

    /// The record of a failed invocation as an object, under the key that Lambda gives it.
    private func put(_ record: InvocationRecord, into bucket: String) throws {
        let time = record.timestamp.iso8601(milliseconds: false).dropLast().replacing(":", with: ".")
        let day = time.prefix(10).replacing("-", with: "/")
        let function = ARN(record.functionARN)?.name ?? "function"
        let key = "aws/lambda/async/\(function)/\(day)/\(time)-\(record.requestID)"
        try ObjectWriter(lake: project.lake, traceHeader: record.traceHeader).put(
            record.json.serialized(), bucket: bucket, key: key)
    }
}
