import EMR
import EventBridge
import Events
import Lambda
import StepFunctions
import Storage

/// What the tasks of state machines call, service by service.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html>
struct TaskIntegrations: Sendable {
    let place: AccountRegion
    let store: Store
    let lambda: LambdaService
    let clusters: Clusters
    let stateMachines: StateMachines
    let bus: EventBus
    let targets: DeliveryTargets
    let time: any TimeSource

    /// Begins a task in the transaction of the transition that leads to it.
    func start(_ task: StateMachines.TaskStart, _ connection: Connection) throws {
        let call = "\(task.resource.resourceType):\(task.resource.resource)"
        switch call {
        case "elasticmapreduce:addStep", "elasticmapreduce:addStep.sync": try addStep(task, connection)
        case "elasticmapreduce:cancelStep": try cancelStep(task, connection)
        case "sns:publish": try publish(task, connection)
        case "events:putEvents": try putEvents(task, connection)
        case "states:startExecution", "states:startExecution.sync", "states:startExecution.sync:2":
            try startExecution(task, connection)
        default:
            guard task.resource.resourceType == "lambda" else {
                throw TaskFailure(error: "States.TaskFailed", cause: "\(task.resource) is not served here")
            }
            try invoke(task, connection)
        }
    }

    /// The result of a task is wanted no longer: its job ends with it.
    func cancel(_ resource: TaskResource, _ token: String, _ connection: Connection) throws {
        guard let job = try StepFunctionsStore.job(ofTask: token, in: connection) else { return }
        _ = try StepFunctionsStore.take(job.job, in: connection)
        guard resource.resourceType == "elasticmapreduce", let cluster = job.parameters["ClusterId"]?.string else {
            return
        }
        let clusters = clusters
        connection.afterCommit { Task { _ = try? await clusters.cancelSteps([job.job], of: cluster) } }
    }

    private func succeed(_ task: StateMachines.TaskStart, _ output: JSON, _ connection: Connection) throws {
        try stateMachines.completeTask(token: task.token, result: .success(output), in: connection)
    }

    // MARK: - EMR

    private func addStep(_ task: StateMachines.TaskStart, _ connection: Connection) throws {
        do {
            let read = ShapeReader(task.parameters, path: "Parameters")
            let cluster = try read.string("ClusterId")
            let config = try StepConfig(json: try read.member("Step").json, path: "Parameters.Step")
            let id = try clusters.addStep(config, to: cluster, in: connection)
            guard task.resource.isSynchronous else { return try succeed(task, ["StepId": .string(id)], connection) }
            try StepFunctionsStore.put(
                .init(job: id, token: task.token, resource: task.resource.description, parameters: task.parameters),
                in: connection)
            try stateMachines.submitTask(token: task.token, output: ["StepId": .string(id)], in: connection)
        } catch let error as EMRError {
            throw TaskFailure(error: "ElasticMapReduce.\(error.code.rawValue)", cause: error.message)
        } catch let error as ShapeError {
            throw TaskFailure(error: "States.Runtime", cause: "\(error)")
        }
    }

    private func cancelStep(_ task: StateMachines.TaskStart, _ connection: Connection) throws {
        guard let cluster = task.parameters["ClusterId"]?.string, let step = task.parameters["StepId"]?.string else {
            throw TaskFailure(error: "States.Runtime", cause: "ClusterId and StepId are needed")
        }
        let (clusters, stateMachines, token) = (clusters, stateMachines, task.token)
        try remember(task, job: "cancel:\(task.token)", connection)
        connection.afterCommit {
            Task {
                let result: Result<JSON, TaskFailure>
                do {
                    let info = try await clusters.cancelSteps([step], of: cluster).first
                    result = .success(["CancelStepsInfo": info?.json ?? .null])
                } catch {
                    result = .failure(
                        TaskFailure(
                            error: "ElasticMapReduce.\((error as? EMRError)?.code.rawValue ?? "Failed")",
                            cause: "\(error)"))
                }
                _ = try? await stateMachines.completeTask(token: token, result: result)
            }
        }
    }

    /// A step has ended, in the transaction that says so.
    func stepEnded(_ step: Step, _ connection: Connection) throws {
        guard let job = try StepFunctionsStore.take(step.id, in: connection) else { return }
        let result: Result<JSON, TaskFailure>
        if step.state == .completed {
            result = .success(["StepId": .string(step.id), "Step": step.json])
        } else {
            let cause: JSON = .compact([
                "StepId": .string(step.id), "State": .string(step.state.rawValue),
                "Reason": step.failure.map { .string($0.reason) }, "Message": step.failure.map { .string($0.message) },
                "LogFile": step.failure?.logFile.map(JSON.string),
            ])
            result = .failure(TaskFailure(error: "States.TaskFailed", cause: cause.description))
        }
        try stateMachines.completeTask(token: job.token, result: result, in: connection)
    }

    // MARK: - Lambda

    private func remember(_ task: StateMachines.TaskStart, job: String, _ connection: Connection) throws {
        try StepFunctionsStore.put(
            .init(job: job, token: task.token, resource: task.resource.description, parameters: task.parameters),
            in: connection)
    }

    /// A synchronous invocation: it begins when the transition is committed. The job's row stays until the answer is
    /// committed, so that a host that was killed in between invokes it again at its next start.
    private func invoke(_ task: StateMachines.TaskStart, _ connection: Connection) throws {
        let job = StepFunctionsStore.Job(
            job: "invoke:\(task.token)", token: task.token, resource: task.resource.description,
            parameters: task.parameters)
        try StepFunctionsStore.put(job, in: connection)
        connection.afterCommit { Task { await invoke(job) } }
    }

    /// Invokes again what had no answer when the host went down.
    func resume() async throws {
        let jobs = try await store.read {
            try StepFunctionsStore.jobs(resourcePrefix: "arn:aws:states:::lambda:", in: $0)
                + StepFunctionsStore.jobs(resourcePrefix: "arn:aws:lambda:", in: $0)
        }
        for job in jobs { Task { await invoke(job) } }
    }

    private func invoke(_ job: StepFunctionsStore.Job) async {
        let isOwnARN = job.resource.hasPrefix("arn:aws:lambda:")
        let named = isOwnARN ? job.resource : job.parameters["FunctionName"]?.string ?? ""
        let payload = isOwnARN ? job.parameters : job.parameters["Payload"] ?? [:]
        let type = isOwnARN ? nil : job.parameters["InvocationType"]?.string
        let result: Result<JSON, TaskFailure>
        do {
            let answer = try await lambda.invoke(
                InvokeRequest(
                    functionName: ARN(named)?.name ?? named.split(separator: ":").first.map(String.init) ?? named,
                    payload: payload.serialized(),
                    type: type.flatMap { InvocationType(rawValue: $0) } ?? .requestResponse))
            let output =
                (try? JSON(parsing: answer.payload)) ?? .string(String(decoding: answer.payload, as: UTF8.self))
            if answer.functionError != nil {
                result = .failure(
                    TaskFailure(error: output["errorType"]?.string ?? "Lambda.Unknown", cause: output.description))
            } else if isOwnARN {
                result = .success(output)
            } else {
                result = .success([
                    "ExecutedVersion": .string(answer.executedVersion), "Payload": output,
                    "StatusCode": JSON(answer.statusCode),
                    "SdkHttpMetadata": ["HttpStatusCode": JSON(answer.statusCode)],
                    "SdkResponseMetadata": ["RequestId": .string(answer.requestID)],
                ])
            }
        } catch {
            // A host that is going down invokes again at its next start; anything else is the task's error.
            if case .service = error { return }
            result = .failure(TaskFailure(error: "Lambda.\(error.code)", cause: "\(error)"))
        }
        let (stateMachines, job) = (stateMachines, job)
        _ = try? await store.write { connection in
            guard try StepFunctionsStore.take(job.job, in: connection) != nil else { return }
            try stateMachines.completeTask(token: job.token, result: result, in: connection)
        }
    }

    // MARK: - SNS, EventBridge, Step Functions

    private func publish(_ task: StateMachines.TaskStart, _ connection: Connection) throws {
        guard let topic = (task.parameters["TopicArn"]?.string).flatMap({ ARN($0) }) else {
            throw TaskFailure(error: "SNS.InvalidParameterException", cause: "TopicArn is needed")
        }
        do {
            try targets.publish(
                task.parameters["Message"] ?? .null, subject: task.parameters["Subject"]?.string, to: topic, connection)
        } catch let error as DeliveryTargets.NoTarget {
            throw TaskFailure(error: "SNS.NotFoundException", cause: "\(error)")
        }
        try succeed(task, ["MessageId": .string(Identifier.uuid())], connection)
    }

    private func putEvents(_ task: StateMachines.TaskStart, _ connection: Connection) throws {
        var entries: [JSON] = []
        for entry in task.parameters["Entries"]?.array ?? [] {
            let id = Identifier.uuid()
            let event = EventBridgeEvent(
                id: id, detailType: entry["DetailType"]?.string ?? "", source: entry["Source"]?.string ?? "",
                account: place.account, time: time.now, region: place.region,
                resources: entry["Resources"]?.array?.compactMap(\.string) ?? [],
                detail: entry["Detail"].flatMap { detail in detail.string.flatMap { try? JSON(parsing: $0) } ?? detail }
                    ?? [:])
            let name = entry["EventBusName"]?.string ?? "default"
            try bus.put(event, bus: ARN(name)?.name ?? name, in: connection)
            entries.append(["EventId": .string(id)])
        }
        try succeed(task, ["Entries": .array(entries), "FailedEntryCount": 0], connection)
    }

    private func startExecution(_ task: StateMachines.TaskStart, _ connection: Connection) throws {
        guard let machine = (task.parameters["StateMachineArn"]?.string).flatMap({ ARN($0) }) else {
            throw TaskFailure(error: "StepFunctions.InvalidArn", cause: "StateMachineArn is needed")
        }
        do {
            let execution = try stateMachines.startExecution(
                stateMachine: machine, name: task.parameters["Name"]?.string, input: task.parameters["Input"] ?? [:],
                in: connection)
            let started: JSON = [
                "ExecutionArn": .string(execution.arn), "StartDate": JSON(execution.startDate.seconds),
            ]
            guard task.resource.isSynchronous else { return try succeed(task, started, connection) }
            try remember(task, job: execution.arn, connection)
            try stateMachines.submitTask(token: task.token, output: started, in: connection)
        } catch let error as StepFunctionsError {
            throw TaskFailure(error: "StepFunctions.\(error.code)", cause: error.message)
        }
    }

    /// An execution has changed its status, in the transaction that says so.
    func executionChanged(_ event: EventBridgeEvent, _ connection: Connection) throws {
        guard event.source == "aws.states", let arn = event.detail["executionArn"]?.string,
            let status = event.detail["status"]?.string, status != "RUNNING",
            let job = try StepFunctionsStore.take(arn, in: connection)
        else { return }
        let result: Result<JSON, TaskFailure>
        if status == "SUCCEEDED" {
            var output = event.detail
            // `.sync:2` gives the output as JSON, `.sync` as text.
            if job.resource.hasSuffix(":2"), let text = output["output"]?.string, let json = try? JSON(parsing: text) {
                output["output"] = json
            }
            result = .success(output)
        } else {
            result = .failure(TaskFailure(error: "States.TaskFailed", cause: event.detail.description))
        }
        try stateMachines.completeTask(token: job.token, result: result, in: connection)
    }
}
