import Events

/// Takes an execution from one state to the next. It does no I/O: the durable state, an event and the time go in; the
/// new
/// state and what is to be done come out.
struct Interpreter {
    /// What is to be done, in this order.
    enum Action: Equatable {
        case record(HistoryEvent)
        case startTask(frame: Int, TaskResource, parameters: JSON, token: String)
        /// The task's result is wanted no longer.
        case cancelTask(TaskResource, token: String)
        /// The execution has ended.
        case finish(ExecutionStatus, output: JSON?, StateFailure?)
    }

    /// What the context object tells of the execution.
    struct Context: Equatable {
        var executionARN: String
        var name: String
        var roleARN: String
        var startTime: Timestamp
        var stateMachineARN: String
        var stateMachineName: String
        var region: String
        var input: JSON
    }

    /// Bytes that a state's input or output may have.
    static let payloadLimit = 262_144
    /// Events that a history may have.
    static let historyLimit = 25_000
    /// States entered in one transaction, so that a loop without an end does not hold the writer.
    static let stepLimit = 64

    let definition: StateMachineDefinition
    let context: Context
    var state: ExecutionState
    var actions: [Action] = []
    var now = Timestamp(milliseconds: 0)

    init(_ definition: StateMachineDefinition, _ context: Context, _ state: ExecutionState) {
        self.definition = definition
        self.context = context
        self.state = state
    }

    // MARK: - Events

    /// The first event of an execution.
    mutating func start(now: Timestamp) {
        self.now = now
        if let seconds = definition.timeoutSeconds { state.deadline = now + .seconds(seconds) }
        state.frames = [Frame(id: 0, scope: [], state: definition.graph.startAt, input: context.input)]
        record(
            0, "ExecutionStarted", "executionStartedEventDetails",
            [
                "input": .string(context.input.description), "inputDetails": ["truncated": false],
                "roleArn": .string(context.roleARN),
            ])
    }

    /// Does what can be done now. False where the step limit came first, and more is left to do.
    mutating func advance(now: Timestamp) -> Bool {
        self.now = now
        if let deadline = state.deadline, deadline <= now, state.status == .running {
            stop(.timedOut, nil)
            return true
        }
        for frame in state.frames { wake(frame) }
        var steps = 0
        while state.status == .running,
            let frame = state.frames.first(where: { $0.phase == .enter || $0.phase == .execute })
        {
            guard steps < Self.stepLimit else { return false }
            steps += 1
            step(frame.id)
        }
        return true
    }

    /// When time moves the execution on; nil where only an event can.
    var nextDue: Timestamp? {
        guard state.status == .running else { return nil }
        return (state.frames.compactMap(\.phase.due) + [state.deadline].compactMap(\.self)).min()
    }

    /// Takes a task's result. False where no task waits with this token: it has ended, or never was.
    mutating func complete(_ token: String, _ result: Result<JSON, StateFailure>, now: Timestamp) -> Bool {
        self.now = now
        guard let (id, resource) = task(token) else { return false }
        switch result {
        case .success(let output):
            recordTask(
                id, resource, "Succeeded",
                [
                    "output": .string(output.description), "outputDetails": ["truncated": false],
                ])
            finish(id, with: output)
        case .failure(let failure):
            recordTask(id, resource, "Failed", ["error": .string(failure.error), "cause": .string(failure.cause)])
            fail(id, failure)
        }
        return true
    }

    /// Takes the answer of the call that began a job; the task goes on.
    mutating func submit(_ token: String, output: JSON, now: Timestamp) -> Bool {
        self.now = now
        guard let (id, resource) = task(token) else { return false }
        recordTask(
            id, resource, "Submitted", ["output": .string(output.description), "outputDetails": ["truncated": false]])
        return true
    }

    /// Takes a sign of life.
    mutating func heartbeat(_ token: String, now: Timestamp) -> Bool {
        guard let (id, _) = task(token), let index = state.index(of: id),
            case .task(var wait) = state.frames[index].phase
        else { return false }
        wait.heartbeatDeadline = wait.heartbeatSeconds.map { now + .seconds($0) }
        state.frames[index].phase = .task(wait)
        return true
    }

    /// The task could not even be started.
    mutating func startFailed(_ token: String, _ failure: StateFailure, now: Timestamp) {
        self.now = now
        guard let (id, resource) = task(token) else { return }
        recordTask(
            id, resource, resource.isFunction ? "ScheduleFailed" : "StartFailed",
            ["error": .string(failure.error), "cause": .string(failure.cause)])
        fail(id, failure)
    }

    /// The task was started.
    mutating func started(_ token: String, now: Timestamp) {
        self.now = now
        guard let (id, resource) = task(token) else { return }
        recordTask(id, resource, "Started", [:])
    }

    /// Ends the execution from outside.
    mutating func abort(_ failure: StateFailure?, now: Timestamp) {
        self.now = now
        if state.status == .running { stop(.aborted, failure) }
    }

    /// Hands over what is to be done.
    mutating func takeActions() -> [Action] {
        defer { actions = [] }
        return actions
    }

    func task(_ token: String) -> (Int, TaskResource)? {
        guard state.status == .running else { return nil }
        for frame in state.frames {
            if case .task(let wait) = frame.phase, wait.token == token,
                case .task(let resource, _, _)? = graphState(frame)?.kind
            {
                return (frame.id, resource)
            }
        }
        return nil
    }

    func graphState(_ frame: Frame) -> State? { definition.graph(at: frame.scope)?.states[frame.state] }

    // MARK: - Time

    mutating func wake(_ frame: Frame) {
        guard state.status == .running, state.index(of: frame.id) != nil, let due = frame.phase.due, due <= now else {
            return
        }
        switch frame.phase {
        case .enter, .execute, .children: break
        case .waiting: finish(frame.id, with: nil)
        case .backingOff: set(frame.id) { $0.phase = .execute }
        case .task(let wait):
            guard let (_, resource) = task(wait.token) else { return }
            let isTimeout = wait.deadline.map { $0 <= now } ?? false
            let failure = StateFailure(
                error: isTimeout ? "States.Timeout" : "States.HeartbeatTimeout",
                cause: isTimeout ? "" : "No heartbeat within \(wait.heartbeatSeconds ?? 0) seconds")
            recordTask(
                frame.id, resource, "TimedOut", ["error": .string(failure.error), "cause": .string(failure.cause)])
            actions.append(.cancelTask(resource, token: wait.token))
            fail(frame.id, failure)
        }
    }

    // MARK: - Short forms

    mutating func set(_ id: Int, _ change: (inout Frame) -> Void) {
        if let index = state.index(of: id) { change(&state.frames[index]) }
    }

    mutating func record(_ id: Int, _ type: String, _ detailsName: String? = nil, _ details: JSON = [:]) {
        state.lastEventID += 1
        let index = state.index(of: id)
        let previous = index.map { state.frames[$0].previousEvent } ?? state.lastEventID - 1
        if let index { state.frames[index].previousEvent = state.lastEventID }
        actions.append(
            .record(
                HistoryEvent(
                    id: state.lastEventID, previousEventID: previous, type: type, timestamp: now,
                    detailsName: detailsName, details: details)))
    }

    /// A function by its own ARN has events of its own; all else has those of a task.
    mutating func recordTask(_ id: Int, _ resource: TaskResource, _ what: String, _ details: JSONObject) {
        guard !resource.isFunction else {
            let name = what == "Started" ? nil : "lambdaFunction\(what)EventDetails"
            return record(id, "LambdaFunction\(what)", name, .object(details))
        }
        var members: JSONObject = [
            "resourceType": .string(resource.resourceType), "resource": .string(resource.resource),
        ]
        for (key, value) in details { members[key] = value }
        record(id, "Task\(what)", "task\(what)EventDetails", .object(members))
    }

    func scope(_ frame: Frame, _ current: State, token: String) -> DataScope {
        var object: JSONObject = [
            "Execution": [
                "Id": .string(context.executionARN), "Input": context.input, "Name": .string(context.name),
                "RoleArn": .string(context.roleARN), "StartTime": .string(context.startTime.iso8601), "RedriveCount": 0,
            ],
            "State": [
                "EnteredTime": .string(frame.entered.iso8601), "Name": .string(current.name),
                "RetryCount": JSON(frame.retries.reduce(0, +)),
            ],
            "StateMachine": [
                "Id": .string(context.stateMachineARN), "Name": .string(context.stateMachineName),
            ],
        ]
        var owner: Frame? = frame
        while let found = owner {
            if let item = found.item {
                object["Map"] = ["Item": ["Index": JSON(found.index), "Value": item]]
                break
            }
            owner = found.parent.flatMap { parent in state.index(of: parent).map { state.frames[$0] } }
        }
        if case .task(let resource, _, _) = current.kind, resource.waitsForTaskToken, !token.isEmpty {
            object["Task"] = ["Token": .string(token)]
        }
        return DataScope(data: frame.input, context: .object(object), state: current.name, entered: frame.enteredEvent)
    }
}
