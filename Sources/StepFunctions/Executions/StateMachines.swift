public import Events
import GRDB
public import Storage
import Synchronization

/// The state machines of the account and their executions.
///
/// An execution lives in the store alone. Each of its transitions is one transaction that also starts the task that
/// comes
/// next; results and stops are messages in the store that the next transaction takes. A loop (``run()``) takes what
/// is due.
public final class StateMachines: Sendable {
    /// Starts a task inside a transaction. What it throws fails the task: a ``StateFailure`` as it is, any other
    /// error as
    /// `States.TaskFailed`. The room that does the work calls ``completeTask(token:result:in:)`` when it has ended,
    /// in the same transaction or later.
    public typealias StartTask = @Sendable (TaskStart, Connection) throws -> Void
    /// Tells that a task's result is wanted no longer: it timed out, a sibling failed, or the execution was stopped.
    public typealias CancelTask = @Sendable (TaskResource, _ token: String, Connection) throws -> Void
    /// Takes an event for the default bus inside a transaction.
    public typealias Bus = @Sendable (EventBridgeEvent, Connection) throws -> Void
    /// Takes measurements inside a transaction.
    public typealias Metrics = @Sendable ([MetricDatum], Connection) throws -> Void

    /// A task that is to begin.
    public struct TaskStart: Sendable, Hashable {
        /// What is called.
        public var resource: TaskResource
        /// The payload after `Parameters`.
        public var parameters: JSON
        /// Names the task in all that is reported of it.
        public var token: String
        /// The execution that it belongs to.
        public var executionARN: String
    }

    /// A machine as a template defines it.
    public struct StateMachine: Sendable, Hashable {
        /// 1 to 80 characters.
        public var name: String
        /// What it does.
        public var definition: StateMachineDefinition
        /// The role's ARN, which shows in the history.
        public var roleARN: String

        /// A machine.
        public init(name: String, definition: StateMachineDefinition, roleARN: String = "") {
            self.name = name
            self.definition = definition
            self.roleARN = roleARN
        }
    }

    /// How long an ended execution's name stays taken, and its history kept: 90 days.
    public static let retention = Duration.seconds(90 * 86_400)
    private static let batch = 64

    private let store: Store
    private let place: AccountRegion
    private let time: any TimeSource
    private let supports: @Sendable (TaskResource) -> Bool
    private let startTask: StartTask
    private let cancelTask: CancelTask
    private let bus: Bus
    private let metrics: Metrics
    let waker = Waker()
    /// Definitions by revision, which never change.
    private let definitions = Mutex<[Int64: (StateMachineDefinition, StepFunctionsStore.Revision)]>([:])

    /// The machines, none yet beside those in the store.
    public init(
        store: Store, place: AccountRegion, time: any TimeSource,
        supports: @escaping @Sendable (TaskResource) -> Bool = { TaskResource.isStandard($0) },
        cancelTask: @escaping CancelTask = { _, _, _ in }, bus: @escaping Bus = { _, _ in },
        metrics: @escaping Metrics = { _, _ in }, startTask: @escaping StartTask
    ) {
        self.store = store
        self.place = place
        self.time = time
        self.supports = supports
        self.startTask = startTask
        self.cancelTask = cancelTask
        self.bus = bus
        self.metrics = metrics
    }

    // MARK: - Machines

    /// Makes these the machines. Executions under way go on with the definition that they began with.
    public func setStateMachines(_ machines: [StateMachine], in connection: Connection) throws {
        for machine in machines {
            try Self.checkName(machine.name)
            try StepFunctionsStore.put(
                arn: place.stateMachine(machine.name).description, name: machine.name, role: machine.roleARN,
                definition: machine.definition.json, now: time.now, in: connection)
        }
        try StepFunctionsStore.retire(
            except: Set(machines.map { place.stateMachine($0.name).description }), in: connection)
    }

    /// Makes these the machines.
    public func setStateMachines(_ machines: [StateMachine]) async throws {
        try await store.write { [self] in try setStateMachines(machines, in: $0) }
    }

    private static func checkName(_ name: String) throws {
        let forbidden: Set<Character> = [
            " ", "<", ">", "{", "}", "[", "]", "?", "*", "\"", "#", "%", "\\", "^", "|", "~", "`", "$", "&", ",", ";",
            ":", "/",
        ]
        guard (1...80).contains(name.count),
            !name.contains(where: {
                forbidden.contains($0) || $0.unicodeScalars.contains { $0.properties.generalCategory == .control }
            })
        else { throw StepFunctionsError(code: "InvalidName", message: "Invalid Name: '\(name)'") }
    }

    // MARK: - Executions

    /// Starts an execution and returns it. A name that a running execution with the same input has gives that
    /// execution.
    ///
    /// Throws ``StepFunctionsError``: `StateMachineDoesNotExist`, `InvalidName`, `InvalidExecutionInput`, and
    /// `ExecutionAlreadyExists` where the name was taken with another input or by one that has ended.
    @discardableResult
    public func startExecution(
        stateMachine arn: ARN, name: String? = nil, input: JSON = [:], in connection: Connection
    ) throws -> Execution {
        guard let revision = try StepFunctionsStore.currentRevision(arn: arn.description, in: connection) else {
            throw StepFunctionsError(
                code: "StateMachineDoesNotExist", message: "State Machine Does Not Exist: '\(arn)'")
        }
        let name = name ?? Identifier.uuid()
        try Self.checkName(name)
        guard input.serialized().count <= Interpreter.payloadLimit else {
            throw StepFunctionsError(
                code: "InvalidExecutionInput",
                message: "the input is larger than \(Interpreter.payloadLimit) bytes")
        }
        let now = time.now
        let executionARN = place.execution(revision.name, name).description
        if let existing = try StepFunctionsStore.execution(executionARN, in: connection) {
            if existing.status == .running, existing.input == input { return existing }
            guard let stopDate = existing.stopDate, stopDate + Self.retention < now else {
                throw StepFunctionsError(
                    code: "ExecutionAlreadyExists", message: "Execution Already Exists: '\(executionARN)'")
            }
            while try StepFunctionsStore.deleteExecutions(
                stoppedBefore: now - Self.retention, limit: Self.batch, in: connection) > 0
            {}
        }
        let execution = Execution(
            arn: executionARN, stateMachineARN: revision.arn, name: name, status: .running, startDate: now,
            input: input)
        let definition = try definition(revision.id, in: connection).0
        var interpreter = Interpreter(definition, context(execution, revision), ExecutionState())
        interpreter.start(now: now)
        let id = try StepFunctionsStore.insert(
            execution, revision: revision.id, state: interpreter.state, due: now, in: connection)
        for case .record(let event) in interpreter.takeActions() {
            try StepFunctionsStore.record(event, of: id, in: connection)
        }
        try count([("ExecutionsStarted", 1, "Count")], revision.arn, in: connection)
        try bus(execution.statusChange(at: place, now), connection)
        connection.afterCommit { [waker] in waker.wake() }
        return execution
    }

    /// Starts an execution.
    @discardableResult
    public func startExecution(stateMachine arn: ARN, name: String? = nil, input: JSON = [:]) async throws -> Execution
    {
        try await store.write { [self] in
            try startExecution(stateMachine: arn, name: name, input: input, in: $0)
        }
    }

    /// Stops a running execution; one that has ended stays as it is. Throws ``StepFunctionsError`` where there is none.
    public func stopExecution(
        _ arn: String, error: String? = nil, cause: String? = nil, in connection: Connection
    ) throws {
        guard let id = try StepFunctionsStore.id(of: arn, in: connection) else {
            throw StepFunctionsError(code: "ExecutionDoesNotExist", message: "Execution Does Not Exist: '\(arn)'")
        }
        try post(.stop, to: id, token: "", payload: error ?? "", cause: cause ?? "", in: connection)
    }

    /// Stops a running execution.
    public func stopExecution(_ arn: String, error: String? = nil, cause: String? = nil) async throws {
        try await store.write { [self] in try stopExecution(arn, error: error, cause: cause, in: $0) }
    }

    // MARK: - Tasks

    /// Takes a task's result, once. False where the task has ended already: the result is then ignored.
    @discardableResult
    public func completeTask(
        token: String, result: Result<JSON, TaskFailure>, in connection: Connection
    ) throws -> Bool {
        guard let id = try StepFunctionsStore.execution(ofTask: token, in: connection) else { return false }
        switch result {
        case .success(let output):
            try post(.succeeded, to: id, token: token, payload: output.description, in: connection)
        case .failure(let failure):
            try post(.failed, to: id, token: token, payload: failure.error, cause: failure.cause, in: connection)
        }
        try StepFunctionsStore.markCompleted(token, in: connection)
        return true
    }

    /// Takes a task's result, once.
    @discardableResult
    public func completeTask(token: String, result: Result<JSON, TaskFailure>) async throws -> Bool {
        try await store.write { [self] in try completeTask(token: token, result: result, in: $0) }
    }

    /// Notes what the call that began a job answered (`TaskSubmitted`); the task ends later. False where it has ended.
    @discardableResult
    public func submitTask(token: String, output: JSON, in connection: Connection) throws -> Bool {
        guard let id = try StepFunctionsStore.execution(ofTask: token, in: connection) else { return false }
        try post(.submitted, to: id, token: token, payload: output.description, in: connection)
        return true
    }

    /// Notes that a task is alive, for its `HeartbeatSeconds`. False where it has ended.
    @discardableResult
    public func sendTaskHeartbeat(token: String, in connection: Connection) throws -> Bool {
        guard let id = try StepFunctionsStore.execution(ofTask: token, in: connection) else { return false }
        try post(.heartbeat, to: id, token: token, payload: "", in: connection)
        return true
    }

    private func post(
        _ kind: StepFunctionsStore.Message.Kind, to id: Int64, token: String, payload: String, cause: String = "",
        in connection: Connection
    ) throws {
        try StepFunctionsStore.post(kind, to: id, token: token, payload: payload, cause: cause, in: connection)
        try StepFunctionsStore.setDue(time.now, of: id, in: connection)
        connection.afterCommit { [waker] in waker.wake() }
    }

    // MARK: - The loop

    /// Moves executions on whose time has come, a batch of them. Returns when the next one is due.
    @discardableResult
    public func runDue(in connection: Connection) throws -> Timestamp? {
        for id in try StepFunctionsStore.due(at: time.now, limit: Self.batch, in: connection) {
            do {
                try connection.database.inSavepoint {
                    try move(id, in: connection)
                    return .commit
                }
            } catch let error as DatabaseError where error.isOutsideCause {
                throw error
            } catch {
                // What can't be read or interpreted ends its own execution, and holds up no other.
                try giveUp(id, "\(error)", in: connection)
            }
        }
        return try StepFunctionsStore.nextDue(in: connection)
    }

    /// Moves executions on, as their time comes, until the task is cancelled. Forgets those that ended 90 days ago.
    public func run() async throws {
        while true {
            let next = try await store.write { [self] in
                _ = try StepFunctionsStore.deleteExecutions(
                    stoppedBefore: time.now - Self.retention, limit: Self.batch, in: $0)
                return try runDue(in: $0)
            }
            if let next, next <= time.now { continue }
            try await waker.wait(until: next, time)
        }
    }

    private func move(_ id: Int64, in connection: Connection) throws {
        guard let running = try StepFunctionsStore.running(id, in: connection), running.execution.status == .running
        else { return }
        let (definition, revision) = try definition(running.revision, in: connection)
        var interpreter = Interpreter(
            definition, context(running.execution, revision),
            try ExecutionState(json: try JSON(parsing: running.state)))
        let now = time.now
        for message in try StepFunctionsStore.takeMessages(for: id, in: connection) {
            try take(message, &interpreter, now, in: connection)
        }
        var isDone = interpreter.advance(now: now)
        var ended = false
        while true {
            let actions = interpreter.takeActions()
            if actions.isEmpty { break }
            for action in actions {
                switch action {
                case .record(let event): try StepFunctionsStore.record(event, of: id, in: connection)
                case .startTask(_, let resource, let parameters, let token):
                    try start(
                        .init(
                            resource: resource, parameters: parameters, token: token,
                            executionARN: running.execution.arn),
                        id, &interpreter, in: connection)
                case .cancelTask(let resource, let token):
                    try StepFunctionsStore.deleteTask(token, in: connection)
                    try cancelTask(resource, token, connection)
                case .finish(let status, let output, let failure):
                    ended = true
                    try finish(running, status, output, failure, in: connection)
                }
            }
            // A task that could not be started may have a retrier or catcher.
            isDone = interpreter.advance(now: now) && isDone
        }
        guard !ended else { return }
        let hasMore = try !isDone || StepFunctionsStore.hasMessages(for: id, in: connection)
        try StepFunctionsStore.save(interpreter.state, of: id, due: hasMore ? now : interpreter.nextDue, in: connection)
    }

    private func take(
        _ message: StepFunctionsStore.Message, _ interpreter: inout Interpreter, _ now: Timestamp,
        in connection: Connection
    ) throws {
        switch message.kind {
        case .succeeded, .failed:
            let result: Result<JSON, StateFailure> =
                message.kind == .succeeded
                ? .success(try JSON(parsing: message.payload))
                : .failure(.init(error: message.payload, cause: message.cause))
            _ = interpreter.complete(message.token, result, now: now)
            try StepFunctionsStore.deleteTask(message.token, in: connection)
        case .submitted: _ = interpreter.submit(message.token, output: try JSON(parsing: message.payload), now: now)
        case .heartbeat: _ = interpreter.heartbeat(message.token, now: now)
        case .stop:
            interpreter.abort(
                message.payload.isEmpty && message.cause.isEmpty
                    ? nil : .init(error: message.payload, cause: message.cause), now: now)
        }
    }

    private func start(
        _ task: TaskStart, _ id: Int64, _ interpreter: inout Interpreter, in connection: Connection
    ) throws {
        try StepFunctionsStore.addTask(task.token, id, in: connection)
        do {
            try connection.database.inSavepoint {
                try startTask(task, connection)
                return .commit
            }
            interpreter.started(task.token, now: time.now)
        } catch let error as DatabaseError where error.isOutsideCause {
            throw error
        } catch {
            try StepFunctionsStore.deleteTask(task.token, in: connection)
            let failure = error as? StateFailure ?? StateFailure(error: "States.TaskFailed", cause: "\(error)")
            interpreter.startFailed(task.token, failure, now: time.now)
        }
    }

    private func finish(
        _ running: StepFunctionsStore.Running, _ status: ExecutionStatus, _ output: JSON?, _ failure: StateFailure?,
        in connection: Connection
    ) throws {
        let now = time.now
        try StepFunctionsStore.finish(running.id, status, output: output, failure, now: now, in: connection)
        var execution = running.execution
        (execution.status, execution.output, execution.failure, execution.stopDate) = (status, output, failure, now)
        let name =
            switch status {
            case .succeeded: "ExecutionsSucceeded"
            case .failed, .running: "ExecutionsFailed"
            case .timedOut: "ExecutionsTimedOut"
            case .aborted: "ExecutionsAborted"
            }
        try count(
            [
                (name, 1, "Count"),
                ("ExecutionTime", Double((now - execution.startDate).milliseconds), "Milliseconds"),
            ], execution.stateMachineARN, in: connection)
        try bus(execution.statusChange(at: place, now), connection)
    }

    private func giveUp(_ id: Int64, _ message: String, in connection: Connection) throws {
        guard let running = try StepFunctionsStore.running(id, in: connection) else { return }
        let failure = StateFailure(error: "States.Runtime", cause: message)
        let last =
            try StepFunctionsStore.history(
                of: running.execution.arn, isReversed: true, limit: 1, in: connection
            ).first?.id ?? 0
        try StepFunctionsStore.record(
            HistoryEvent(
                id: last + 1, previousEventID: last, type: "ExecutionFailed", timestamp: time.now,
                detailsName: "executionFailedEventDetails",
                details: ["error": .string(failure.error), "cause": .string(failure.cause)]),
            of: id, in: connection)
        try finish(running, .failed, nil, failure, in: connection)
    }

    // MARK: - Short forms

    private func definition(
        _ revision: Int64, in connection: Connection
    ) throws -> (StateMachineDefinition, StepFunctionsStore.Revision) {
        if let kept = definitions.withLock({ $0[revision] }) { return kept }
        guard let found = try StepFunctionsStore.revision(revision, in: connection) else {
            throw StepFunctionsError(
                code: "StateMachineDoesNotExist", message: "there is no revision \(revision) of a state machine")
        }
        let (definition, diagnostics) = StateMachineDefinition.read(found.definition, supports: supports)
        guard let definition else {
            let faults = diagnostics.filter { $0.severity == .error }.map(\.description)
            throw StepFunctionsError(code: "InvalidDefinition", message: faults.joined(separator: "; "))
        }
        definitions.withLock {
            if $0.count >= 64 { $0 = [:] }
            $0[revision] = (definition, found)
        }
        return (definition, found)
    }

    private func context(_ execution: Execution, _ revision: StepFunctionsStore.Revision) -> Interpreter.Context {
        .init(
            executionARN: execution.arn, name: execution.name, roleARN: revision.role, startTime: execution.startDate,
            stateMachineARN: revision.arn, stateMachineName: revision.name, region: place.region,
            input: execution.input)
    }

    private func count(
        _ data: [(name: String, value: Double, unit: String)], _ machine: String, in connection: Connection
    ) throws {
        let now = time.now
        try metrics(
            data.map {
                MetricDatum(
                    $0.name, namespace: "AWS/States", dimensions: ["StateMachineArn": machine], value: $0.value,
                    unit: $0.unit, timestamp: now)
            }, connection)
    }
}
