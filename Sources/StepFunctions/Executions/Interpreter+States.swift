import Events

/// What each type of state does.
extension Interpreter {
    mutating func step(_ id: Int) {
        guard let index = state.index(of: id) else { return }
        guard let current = graphState(state.frames[index]) else {
            return stop(
                .failed, .init(error: "States.Runtime", cause: "There is no state '\(state.frames[index].state)'"))
        }
        if state.frames[index].phase == .enter {
            guard state.lastEventID < Self.historyLimit else {
                return stop(
                    .failed,
                    .init(
                        error: "States.Runtime",
                        cause: "The execution reached the maximum number of history events (\(Self.historyLimit))."))
            }
            state.frames[index].entered = now
            state.frames[index].retries = Array(repeating: 0, count: current.retry.count)
            record(
                id, "\(current.type)StateEntered", "stateEnteredEventDetails",
                [
                    "name": .string(current.name), "input": .string(state.frames[index].input.description),
                    "inputDetails": ["truncated": false],
                ])
            state.frames[index].enteredEvent = state.lastEventID
        }
        do throws(StateFailure) {
            try execute(current, state.frames[index])
        } catch {
            fail(id, error)
        }
    }

    mutating func execute(_ current: State, _ frame: Frame) throws(StateFailure) {
        let token =
            if case .task = current.kind { Identifier.uuid() } else { "" }
        var scope = scope(frame, current, token: token)
        scope.data = try scope.value(of: current.inputPath, field: "InputPath")
        if let parameters = current.parameters { scope.data = try parameters.value(scope) }
        switch current.kind {
        case .pass(let result): finish(frame.id, with: result ?? scope.data)
        case .succeed: finish(frame.id, with: scope.data)
        case .fail(let error, let cause):
            failFrame(
                frame.id,
                .init(
                    error: try text(error, "ErrorPath", scope) ?? "", cause: try text(cause, "CausePath", scope) ?? ""))
        case .choice(let rules, let fallback):
            var target = fallback
            for rule in rules where try rule.holds(in: scope) {
                target = rule.next
                break
            }
            guard let target else {
                throw StateFailure(
                    error: "States.NoChoiceMatched",
                    cause: "An error occurred while executing the state '\(current.name)' (entered at the event id "
                        + "#\(frame.enteredEvent)). No choice rule matched, and there is no Default")
            }
            let output = try scope.value(of: current.outputPath, field: "OutputPath")
            leave(frame.id, current, output: output, to: target)
        case .wait(let time):
            let until: Timestamp
            switch time {
            case .seconds(let seconds): until = now + .seconds(try scope.value(of: seconds, field: "SecondsPath"))
            case .timestamp(let time): until = time
            case .timestampPath(let path):
                let value = try scope.value(of: path, field: "TimestampPath")
                guard let time = ChoiceTest.timestamp(value) else {
                    throw scope.runtime("The TimestampPath parameter does not reference a valid timestamp: \(value)")
                }
                until = time
            }
            if until <= now {
                finish(frame.id, with: nil)
            } else {
                set(frame.id) { $0.phase = .waiting(until: until) }
            }
        case .task(let resource, let timeout, let heartbeat):
            try startTask(frame.id, resource, timeout, heartbeat, scope, token)
        case .parallel(let branches):
            record(frame.id, "ParallelStateStarted")
            set(frame.id) {
                $0.phase = .children(
                    .init(
                        results: Array(repeating: nil, count: branches.count), items: [], next: branches.count, limit: 0
                    ))
            }
            for (index, branch) in branches.enumerated() {
                addChild(of: frame, index, String(index), branch.startAt, scope.data, item: nil)
            }
        case .map(let fields): try startMap(frame, current, fields, scope)
        }
    }

    func text(_ field: State.TextField?, _ name: String, _ scope: DataScope) throws(StateFailure) -> String? {
        let value: JSON
        switch field {
        case nil: return nil
        case .text(let text)?: return text
        case .path(let path)?: value = try scope.value(of: path, field: name)
        case .intrinsic(let intrinsic)?: value = try scope.value(of: intrinsic)
        }
        guard let text = value.string else { throw scope.runtime("The \(name) must give a string, not \(value.kind)") }
        return text
    }

    mutating func startTask(
        _ id: Int, _ resource: TaskResource, _ timeout: State.NumberField?, _ heartbeat: State.NumberField?,
        _ scope: DataScope, _ token: String
    ) throws(StateFailure) {
        try checkSize(scope.data, scope)
        let seconds: Int? =
            if let timeout { try scope.value(of: timeout, field: "TimeoutSecondsPath") } else { nil }
        let beat: Int? =
            if let heartbeat { try scope.value(of: heartbeat, field: "HeartbeatSecondsPath") } else { nil }
        let time = now
        set(id) {
            $0.phase = .task(
                .init(
                    token: token, deadline: seconds.map { time + .seconds($0) }, heartbeatSeconds: beat,
                    heartbeatDeadline: beat.map { time + .seconds($0) }))
        }
        if resource.isFunction {
            record(
                id, "LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails",
                .compact([
                    "resource": .string(resource.description), "input": .string(scope.data.description),
                    "inputDetails": ["truncated": false], "timeoutInSeconds": seconds.map { JSON($0) },
                ]))
        } else {
            record(
                id, "TaskScheduled", "taskScheduledEventDetails",
                .compact([
                    "resourceType": .string(resource.resourceType), "resource": .string(resource.resource),
                    "region": .string(context.region), "parameters": .string(scope.data.description),
                    "timeoutInSeconds": seconds.map { JSON($0) }, "heartbeatInSeconds": beat.map { JSON($0) },
                ]))
        }
        actions.append(.startTask(frame: id, resource, parameters: scope.data, token: token))
    }

    mutating func startMap(
        _ frame: Frame, _ current: State, _ fields: State.MapFields, _ scope: DataScope
    ) throws(StateFailure) {
        let found =
            if let path = fields.itemsPath { try scope.value(of: path, field: "ItemsPath") } else { scope.data }
        guard let items = found.array else {
            throw scope.runtime("The ItemsPath does not reference an array: it gives \(found.kind)")
        }
        let limit = try scope.value(of: fields.maxConcurrency, field: "MaxConcurrencyPath")
        record(frame.id, "MapStateStarted", "mapStateStartedEventDetails", ["length": JSON(items.count)])
        var inputs: [JSON] = items
        if let selector = fields.itemSelector {
            for (index, item) in items.enumerated() {
                var scope = scope
                scope.context["Map"] = ["Item": ["Index": JSON(index), "Value": item]]
                inputs[index] = try selector.value(scope)
            }
        }
        guard !items.isEmpty else {
            record(frame.id, "MapStateSucceeded")
            return finish(frame.id, with: [])
        }
        set(frame.id) {
            $0.phase = .children(
                .init(
                    results: Array(repeating: nil, count: items.count),
                    items: zip(items, inputs).map { [$0, $1] }, next: 0, limit: limit))
        }
        for _ in 0..<(limit == 0 ? items.count : min(limit, items.count)) { startNextItem(frame.id) }
    }

    mutating func startNextItem(_ id: Int) {
        guard let index = state.index(of: id), case .children(var children) = state.frames[index].phase,
            children.next < children.items.count, let current = graphState(state.frames[index]),
            case .map(let fields) = current.kind
        else { return }
        let number = children.next
        let pair = children.items[number]
        children.next += 1
        state.frames[index].phase = .children(children)
        record(
            id, "MapIterationStarted", "mapIterationStartedEventDetails",
            ["name": .string(current.name), "index": JSON(number)])
        addChild(
            of: state.frames[index], number, "0", fields.processor.startAt, pair[1] ?? .null, item: pair[0] ?? .null)
    }

    mutating func addChild(
        of parent: Frame, _ index: Int, _ branch: String, _ startAt: String, _ input: JSON, item: JSON?
    ) {
        state.frames.append(
            Frame(
                id: state.nextFrameID, parent: parent.id, index: index, scope: parent.scope + [parent.state, branch],
                state: startAt, input: input, previousEvent: state.lastEventID, item: item))
        state.nextFrameID += 1
    }
}
