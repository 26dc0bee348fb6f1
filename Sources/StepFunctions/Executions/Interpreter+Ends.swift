import Events

/// How a state, a branch or the execution ends: with a result, or with an error.
extension Interpreter {
    /// The state has done its work. A nil result is that of a Wait state, which hands its input on.
    mutating func finish(_ id: Int, with result: JSON?) {
        guard let index = state.index(of: id), let current = graphState(state.frames[index]) else { return }
        let frame = state.frames[index]
        do throws(StateFailure) {
            var scope = scope(frame, current, token: "")
            switch current.kind {
            case .wait, .succeed: scope.data = try scope.value(of: current.inputPath, field: "InputPath")
            case .task, .pass, .parallel, .map, .choice, .fail:
                var result = result ?? frame.input
                if let selector = current.resultSelector {
                    var inner = scope
                    inner.data = result
                    result = try selector.value(inner)
                }
                switch current.resultPath {
                case nil: scope.data = result
                case .discard?: scope.data = frame.input
                case .path(let path)?: scope.data = try combine(result, path, scope)
                }
            }
            let output = try scope.value(of: current.outputPath, field: "OutputPath")
            try checkSize(output, scope)
            leave(id, current, output: output, to: current.next)
        } catch {
            fail(id, error)
        }
    }

    func combine(_ result: JSON, _ path: JSONPath, _ scope: DataScope) throws(StateFailure) -> JSON {
        guard let combined = path.setting(result, in: scope.data) else {
            throw StateFailure(
                error: "States.ResultPathMatchFailure",
                cause: "Unable to apply step \"\(path)\" to input \(scope.data)")
        }
        return combined
    }

    func checkSize(_ value: JSON, _ scope: DataScope) throws(StateFailure) {
        guard value.serialized().count > Self.payloadLimit else { return }
        throw StateFailure(
            error: "States.DataLimitExceeded",
            cause: "The state/task '\(scope.state)' returned a result with a size exceeding the maximum number of "
                + "bytes service limit.")
    }

    /// Leaves the state for the next one, or for the end of its graph.
    mutating func leave(_ id: Int, _ current: State, output: JSON, to next: String?) {
        record(
            id, "\(current.type)StateExited", "stateExitedEventDetails",
            [
                "name": .string(current.name), "output": .string(output.description),
                "outputDetails": ["truncated": false],
            ])
        guard let next else { return endFrame(id, output) }
        set(id) {
            $0.state = next
            $0.input = output
            $0.phase = .enter
        }
    }

    mutating func endFrame(_ id: Int, _ output: JSON) {
        guard let index = state.index(of: id) else { return }
        let frame = state.frames[index]
        guard let parent = frame.parent, let up = state.index(of: parent),
            case .children(var children) = state.frames[up].phase
        else {
            record(
                id, "ExecutionSucceeded", "executionSucceededEventDetails",
                ["output": .string(output.description), "outputDetails": ["truncated": false]])
            state.status = .succeeded
            state.frames = []
            actions.append(.finish(.succeeded, output: output, nil))
            return
        }
        let current = graphState(state.frames[up])
        let type = current?.type ?? ""
        if type == "Map" {
            record(
                id, "MapIterationSucceeded", "mapIterationSucceededEventDetails",
                ["name": .string(current?.name ?? ""), "index": JSON(frame.index)])
        }
        children.results[frame.index] = output
        state.frames[up].phase = .children(children)
        state.frames[up].previousEvent = state.lastEventID
        state.frames.remove(at: index)
        if children.results.allSatisfy({ $0 != nil }) {
            record(parent, "\(type)StateSucceeded")
            finish(parent, with: .array(children.results.compactMap(\.self)))
        } else if type == "Map" {
            startNextItem(parent)
        }
    }

    // MARK: - Errors

    /// The frame's state met an error: try again, go another way, or end.
    mutating func fail(_ id: Int, _ failure: StateFailure) {
        guard let index = state.index(of: id), let current = graphState(state.frames[index]) else { return }
        let frame = state.frames[index]
        // A branch's error keeps its own name, and goes by this one too.
        let hasBranches =
            if case .children = frame.phase { true } else { false }
        func takes(_ names: [String]) -> Bool {
            names.contains { failure.matches($0) || (hasBranches && $0 == "States.BranchFailed") }
        }
        dropChildren(of: id)
        // The task or the branches have ended: nothing is left to be cancelled.
        set(id) { $0.phase = .execute }
        for (number, retrier) in current.retry.enumerated() where takes(retrier.errorEquals) {
            guard frame.retries[number] < retrier.maxAttempts else { break }
            let until = now + retrier.delay(retry: frame.retries[number])
            let phase = until <= now ? Frame.Phase.execute : .backingOff(until: until)
            set(id) {
                $0.retries[number] += 1
                $0.phase = phase
            }
            return
        }
        for catcher in current.catchers where takes(catcher.errorEquals) {
            let result: JSON = ["Error": .string(failure.error), "Cause": .string(failure.cause)]
            var output = result
            switch catcher.resultPath {
            case nil: break
            case .discard?: output = frame.input
            case .path(let path)?:
                guard let combined = path.setting(result, in: frame.input) else {
                    return failFrame(
                        id,
                        .init(
                            error: "States.ResultPathMatchFailure",
                            cause: "Unable to apply step \"\(path)\" to input \(frame.input)"))
                }
                output = combined
            }
            leave(id, current, output: output, to: catcher.next)
            return
        }
        failFrame(id, failure)
    }

    /// The frame ends with an error: so does the Parallel or Map state it belongs to, or the execution.
    mutating func failFrame(_ id: Int, _ failure: StateFailure) {
        guard let index = state.index(of: id) else { return }
        let frame = state.frames[index]
        guard let parent = frame.parent, let up = state.index(of: parent) else { return stop(.failed, failure) }
        let current = graphState(state.frames[up])
        if current?.type == "Map" {
            record(
                id, "MapIterationFailed", "mapIterationFailedEventDetails",
                ["name": .string(current?.name ?? ""), "index": JSON(frame.index)])
        }
        state.frames[up].previousEvent = state.lastEventID
        record(parent, "\(current?.type ?? "")StateFailed")
        fail(parent, failure)
    }

    mutating func dropChildren(of id: Int) {
        for child in state.frames where child.parent == id {
            dropChildren(of: child.id)
            cancelTask(of: child)
            state.frames.removeAll { $0.id == child.id }
        }
    }

    mutating func cancelTask(of frame: Frame) {
        if case .task(let wait) = frame.phase, let (_, resource) = task(wait.token) {
            actions.append(.cancelTask(resource, token: wait.token))
        }
    }

    mutating func stop(_ status: ExecutionStatus, _ failure: StateFailure?) {
        for frame in state.frames { cancelTask(of: frame) }
        let name =
            switch status {
            case .timedOut: "TimedOut"
            case .aborted: "Aborted"
            case .failed, .running, .succeeded: "Failed"
            }
        record(
            state.frames.first?.id ?? 0, "Execution\(name)", "execution\(name)EventDetails",
            failure.map { ["error": .string($0.error), "cause": .string($0.cause)] } ?? [:])
        state.status = status
        state.frames = []
        actions.append(.finish(status, output: nil, failure))
    }
}
