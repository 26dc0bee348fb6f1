import Events
import Foundation
import GRDB
import Storage
import Synchronization
import Testing

@testable import StepFunctions

/// What the machines did to the world.
private final class World: Sendable {
    struct State {
        var started: [StateMachines.TaskStart] = []
        var cancelled: [String] = []
        var statuses: [String] = []
        var counts: [String: Double] = [:]
        var refuse: StateFailure?
    }
    let state = Mutex(State())
    var started: [StateMachines.TaskStart] { state.withLock { $0.started } }
    var statuses: [String] { state.withLock { $0.statuses } }
}

/// A store in a folder of its own that goes with it.
private final class TestDatabase: Sendable {
    let store: Store
    private let folder = NSTemporaryDirectory() + "states-" + Identifier.uuid()

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        store = try Store(path: folder + "/test.db", schemas: [StepFunctionsStore.schema])
    }

    deinit {
        store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }
}

@Suite("Executions")
struct ExecutionTests {
    private let database: TestDatabase
    var store: Store { database.store }
    let time = ManualTime()
    private let world = World()
    let arn = AccountRegion().stateMachine("m")

    init() throws { database = try TestDatabase() }

    /// A new service over the same store: what a restart leaves.
    private func machines() -> StateMachines {
        let world = world
        return StateMachines(
            store: store, place: AccountRegion(), time: time,
            supports: { TaskResource.isStandard($0) || $0.waitsForTaskToken },
            cancelTask: { _, token, _ in world.state.withLock { $0.cancelled.append(token) } },
            bus: { event, _ in world.state.withLock { $0.statuses.append(event.detail["status"]?.string ?? "") } },
            metrics: { data, _ in
                world.state.withLock { state in
                    for datum in data { state.counts[datum.metricName, default: 0] += datum.values[0].value }
                }
            },
            startTask: { task, _ in
                try world.state.withLock { state in
                    if let failure = state.refuse { throw failure }
                    state.started.append(task)
                }
            })
    }

    private func begin(_ definition: String, input: JSON = [:]) async throws -> (StateMachines, Execution) {
        let machines = machines()
        let read = StateMachineDefinition.read(
            try JSON(parsing: definition),
            supports: { TaskResource.isStandard($0) || $0.waitsForTaskToken })
        let good = try #require(read.definition, "\(read.diagnostics)")
        try await machines.setStateMachines([.init(name: "m", definition: good)])
        return (machines, try await machines.startExecution(stateMachine: arn, name: "x", input: input))
    }

    /// Does all that is due, each round with a new service.
    private func settle() async throws {
        for _ in 0..<200 {
            let machines = machines()
            let next = try await store.write { try machines.runDue(in: $0) }
            guard let next, next <= time.now else { return }
        }
        Issue.record("it never settles")
    }

    private func execution(_ execution: Execution) async throws -> Execution {
        try #require(try await store.read { try StepFunctionsStore.execution(execution.arn, in: $0) })
    }

    private func history(_ execution: Execution) async throws -> [HistoryEvent] {
        try await store.read { try StepFunctionsStore.history(of: execution.arn, in: $0) }
    }

    private let report: JSON = ["detail": ["responsePayload": ["passed": true]], "key": "in/a.csv"]

    @Test("the chain runs over a restart at each transition, and starts its task once")
    func chain() async throws {
        let (_, execution) = try await begin(chainDefinition, input: report)
        try await settle()
        try await settle()
        #expect(world.started.count == 1)
        let task = try #require(world.started.first)
        #expect(task.resource.resource == "addStep.sync")
        #expect(
            task.parameters == [
                "ClusterId": "j-1",
                "Step": [
                    "Name": "etl in/a.csv",
                    "HadoopJarStep": ["Jar": "command-runner.jar", "Args": ["spark-submit", "in/a.csv"]],
                ],
            ])
        let machines = machines()
        let token = task.token
        #expect(try await store.write { try machines.submitTask(token: token, output: ["StepId": "s-1"], in: $0) })
        #expect(
            try await machines.completeTask(
                token: token, result: .success(JSON(parsing: #"{"StepId": "s-1", "n": 1.10}"#))))
        #expect(try await !machines.completeTask(token: token, result: .success(["StepId": "s-2"])))
        try await settle()
        #expect(try await self.execution(execution).status == .running)
        time.advance(by: .seconds(30))
        try await settle()
        let ended = try await self.execution(execution)
        #expect(ended.status == .succeeded)
        #expect(ended.output == ["id": "s-1", "by": "x"])
        let events = try await history(execution)
        #expect(
            events.map(\.type) == [
                "ExecutionStarted", "ChoiceStateEntered", "ChoiceStateExited", "TaskStateEntered", "TaskScheduled",
                "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "WaitStateEntered",
                "WaitStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
            ])
        #expect(events.map(\.id) == Array(1...14))
        #expect(events.map(\.previousEventID) == Array(0...13))
        #expect(events[4].details["resourceType"] == "elasticmapreduce")
        #expect(events[4].details["timeoutInSeconds"] == 3600)
        #expect(events[8].details["output"]?.string?.contains("1.10") == true)
        #expect(world.started.count == 1)
        #expect(world.statuses == ["RUNNING", "SUCCEEDED"])
        #expect(world.state.withLock { $0.counts["ExecutionsSucceeded"] } == 1)
        #expect(world.state.withLock { $0.counts["ExecutionTime"] } == 30000)
        #expect(try await store.read { try $0.value(Int.self, "SELECT count(*) FROM stepfunctions_task") } == 0)
    }

    @Test("a task that fails is tried again after its delays, then caught, and the execution fails with its error")
    func retry() async throws {
        let (_, execution) = try await begin(chainDefinition, input: report)
        try await settle()
        for delay in [10, 30] {
            let token = try #require(world.started.last).token
            try await machines().completeTask(
                token: token, result: .failure(.init(error: "States.TaskFailed", cause: "c")))
            try await settle()
            let before = world.started.count
            time.advance(by: .seconds(delay - 1))
            try await settle()
            #expect(world.started.count == before)
            time.advance(by: .seconds(1))
            try await settle()
            #expect(world.started.count == before + 1)
        }
        let token = try #require(world.started.last).token
        try await machines().completeTask(token: token, result: .failure(.init(error: "Custom", cause: "why")))
        try await settle()
        #expect(try await self.execution(execution).failure == StateFailure(error: "Custom", cause: "why"))
        #expect(Set(world.started.map(\.token)).count == 3)
    }

    @Test("a name is taken for 90 days; the same start again gives the same execution")
    func names() async throws {
        let (machines, execution) = try await begin(
            #"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": true}}}"#, input: ["a": 1])
        try await settle()
        #expect(try await machines.startExecution(stateMachine: arn, name: "x", input: ["a": 1]).arn == execution.arn)
        await #expect(throws: StepFunctionsError.self) {
            try await machines.startExecution(stateMachine: arn, name: "x", input: ["a": 2])
        }
        time.advance(by: .seconds(60))
        try await settle()
        await #expect(throws: StepFunctionsError.self) {
            try await machines.startExecution(stateMachine: arn, name: "x", input: ["a": 1])
        }
        time.advance(by: StateMachines.retention + .seconds(1))
        try await machines.startExecution(stateMachine: arn, name: "x", input: ["a": 1])
        #expect(try await store.read { try StepFunctionsStore.executions(in: $0) }.count == 1)
        await #expect(throws: StepFunctionsError.self) {
            try await machines.startExecution(stateMachine: arn, name: "a b")
        }
    }

    @Test("a task that takes too long times out, is cancelled, and its late answer is ignored")
    func timeout() async throws {
        let (machines, execution) = try await begin(
            """
            {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
             "Parameters": {"FunctionName": "f"}, "TimeoutSeconds": 60, "HeartbeatSeconds": 20, "End": true}}}
            """)
        try await settle()
        let token = try #require(world.started.first).token
        time.advance(by: .seconds(15))
        #expect(try await store.write { try machines.sendTaskHeartbeat(token: token, in: $0) })
        try await settle()
        time.advance(by: .seconds(15))
        try await settle()
        #expect(try await self.execution(execution).status == .running)
        time.advance(by: .seconds(15))
        try await settle()
        let ended = try await self.execution(execution)
        #expect(ended.failure?.error == "States.HeartbeatTimeout")
        #expect(world.state.withLock { $0.cancelled } == [token])
        #expect(try await !machines.completeTask(token: token, result: .success([:])))
    }

    @Test("a function by its own ARN has its own events; a start that is refused can be caught")
    func function() async throws {
        let definition = """
            {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:f",
             "Catch": [{"ErrorEquals": ["Lambda.ResourceNotFoundException"], "Next": "B"}], "End": true},
             "B": {"Type": "Pass", "Result": "caught", "ResultPath": "$.b", "OutputPath": "$.b", "End": true}}}
            """
        world.state.withLock { $0.refuse = .init(error: "Lambda.ResourceNotFoundException", cause: "no f") }
        let (_, execution) = try await begin(definition)
        try await settle()
        #expect(try await self.execution(execution).output == "caught")
        #expect(
            try await history(execution).map(\.type).prefix(4) == [
                "ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionScheduleFailed",
            ])
    }

    @Test("the branches of a Parallel state run side by side, and give their results in order")
    func parallel() async throws {
        let (machines, execution) = try await begin(
            """
            {"StartAt": "P", "States": {"P": {"Type": "Parallel", "ResultPath": "$.r", "End": true, "Branches": [
              {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:f", "End": true}}},
              {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "End": true}}}]}}}
            """, input: ["n": 1])
        try await settle()
        #expect(
            try await store.read { try StepFunctionsStore.currentStates(of: execution.arn, in: $0) } == [
                "P", "P/0/T", "P/1/W",
            ])
        time.advance(by: .seconds(5))
        try await settle()
        try await machines.completeTask(token: try #require(world.started.first).token, result: .success(nil))
        try await settle()
        #expect(try await self.execution(execution).output == ["n": 1, "r": [nil, ["n": 1]]])
        let types = try await history(execution).map(\.type)
        #expect(types.suffix(3) == ["ParallelStateSucceeded", "ParallelStateExited", "ExecutionSucceeded"])
    }

    @Test("a branch that fails cancels its siblings, and its error can be caught as States.BranchFailed")
    func branchFails() async throws {
        let (_, execution) = try await begin(
            """
            {"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
             "Catch": [{"ErrorEquals": ["States.BranchFailed"], "Next": "C"}], "Branches": [
              {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:f", "End": true}}},
              {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Mine", "Cause": "c"}}}]},
             "C": {"Type": "Succeed"}}}
            """)
        try await settle()
        #expect(try await self.execution(execution).output == ["Error": "Mine", "Cause": "c"])
        #expect(world.state.withLock { $0.cancelled } == world.started.map(\.token))
    }

    @Test("a Map state runs so many items at once, with each item in the context")
    func map() async throws {
        let (machines, execution) = try await begin(
            """
            {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.keys", "MaxConcurrency": 2, "End": true,
             "ItemSelector": {"key.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "bucket.$": "$.bucket"},
             "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "T", "States": {
              "T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:f", "ResultSelector": {"k.$": "$.key"},
                "End": true}}}}}}
            """, input: ["keys": ["a", "b", "c"], "bucket": "raw"])
        try await settle()
        #expect(world.started.map { $0.parameters["key"] } == ["a", "b"])
        for index in 0..<3 {
            let task = world.started[index]
            try await machines.completeTask(token: task.token, result: .success(task.parameters))
            try await settle()
        }
        #expect(world.started.map { $0.parameters["i"] } == [0, 1, 2])
        #expect(world.started[2].parameters["bucket"] == "raw")
        #expect(try await self.execution(execution).output == [["k": "a"], ["k": "b"], ["k": "c"]])
        let types = try await history(execution).map(\.type)
        #expect(types.count { $0 == "MapIterationSucceeded" } == 3)
        #expect(types.contains("MapStateSucceeded"))
    }

    @Test("a task with a token in its payload ends by that token")
    func taskToken() async throws {
        let (machines, execution) = try await begin(
            """
            {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
             "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}, "End": true}}}
            """)
        try await settle()
        let task = try #require(world.started.first)
        #expect(task.parameters["Payload"]?["token"]?.string == task.token)
        try await machines.completeTask(token: task.token, result: .success("ok"))
        try await settle()
        #expect(try await self.execution(execution).output == "ok")
    }

    @Test("a stopped execution is ABORTED, and its task is told")
    func stop() async throws {
        let (machines, execution) = try await begin(chainDefinition, input: report)
        try await settle()
        try await machines.stopExecution(execution.arn, error: "E", cause: "c")
        try await settle()
        try await machines.stopExecution(execution.arn)
        try await settle()
        let ended = try await self.execution(execution)
        #expect(ended.status == .aborted && ended.failure == StateFailure(error: "E", cause: "c"))
        #expect(world.state.withLock { $0.cancelled }.count == 1)
        #expect(try await history(execution).last?.type == "ExecutionAborted")
    }

    @Test("the machine's own TimeoutSeconds ends an execution as TIMED_OUT")
    func executionTimeout() async throws {
        let (_, execution) = try await begin(
            #"{"TimeoutSeconds": 10, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": true}}}"#)
        try await settle()
        time.advance(by: .seconds(10))
        try await settle()
        #expect(try await self.execution(execution).status == .timedOut)
        #expect(world.statuses == ["RUNNING", "TIMED_OUT"])
    }

    @Test("a machine that goes round for ever ends at the history's limit and holds up nobody", .timeLimit(.minutes(2)))
    func endless() async throws {
        let (_, execution) = try await begin(
            """
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice", "Default": "A",
             "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "C"}]}, "C": {"Type": "Succeed"}}}
            """)
        let machines = machines()
        for _ in 0..<400 {
            guard try await store.write({ try machines.runDue(in: $0) }) != nil else { break }
        }
        #expect(try await self.execution(execution).failure?.error == "States.Runtime")
    }

    @Test(
        "errors of the data have the interpreter's names, and States.ALL does not catch States.Runtime",
        arguments: [
            (#""Type": "Pass", "InputPath": "$.none", "End": true"#, "States.Runtime"),
            (
                #""Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 9, "Next": "Z"}]"#,
                "States.NoChoiceMatched"
            ),
            (#""Type": "Pass", "Result": 1, "ResultPath": "$.a.b", "End": true"#, "States.ResultPathMatchFailure"),
            (
                #""Type": "Pass", "Parameters": {"a.$": "States.StringToJson('{')"}, "End": true"#,
                "States.IntrinsicFailure"
            ),
            (
                #""Type": "Parallel", "Parameters": {"a.$": "$.b"}, "Branches": [{"StartAt": "Q", "States": {"Q": {"Type": "Succeed"}}}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}], "End": true"#,
                "States.Runtime"
            ),
        ])
    func dataErrors(state: String, expected: String) async throws {
        let needsEnd = state.contains("Next")
        let (_, execution) = try await begin(
            #"{"StartAt": "A", "States": {"A": {\#(state)}\#(needsEnd ? #", "Z": {"Type": "Succeed"}"# : "")}}"#,
            input: ["a": 1])
        try await settle()
        #expect(try await self.execution(execution).failure?.error == expected)
    }

    @Test("an execution that began goes on with the definition that it began with")
    func revisions() async throws {
        let (machines, execution) = try await begin(
            #"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 5, "Next": "B"}, "B": {"Type": "Pass", "Result": "old", "End": true}}}"#
        )
        try await settle()
        let new = StateMachineDefinition.read(
            try JSON(parsing: #"{"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": "new", "End": true}}}"#)
        ).definition
        try await machines.setStateMachines([.init(name: "m", definition: try #require(new))])
        time.advance(by: .seconds(5))
        try await settle()
        #expect(try await self.execution(execution).output == "old")
    }

    @Test("a batch of executions is moved on by the loop as their time comes")
    func loop() async throws {
        let (machines, _) = try await begin(
            #"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 5, "End": true}}}"#)
        try await store.write { [arn] connection in
            for number in 0..<300 {
                _ = try machines.startExecution(stateMachine: arn, name: "n\(number)", in: connection)
            }
        }
        let loop = Task { try await machines.run() }
        await time.sleepers()
        time.advance(by: .seconds(5))
        while try await store.read({ try StepFunctionsStore.executions(status: .running, limit: 1, in: $0) }).count > 0
        {
            await Task.yield()
        }
        #expect(
            try await store.read { try StepFunctionsStore.executions(status: .succeeded, limit: 1000, in: $0) }.count
                == 301)
        loop.cancel()
        _ = await loop.result
    }
}
