import Events

/// Reads a definition and collects all that is wrong with it, each fault with its place.
struct DefinitionReader {
    private(set) var diagnostics: [DefinitionDiagnostic] = []
    let supports: (TaskResource) -> Bool
    private var names: Set<String> = []

    init(supports: @escaping (TaskResource) -> Bool) { self.supports = supports }

    static let common = ["Type", "Comment", "QueryLanguage"]
    static let flow = ["Next", "End"]
    static let paths = ["InputPath", "OutputPath"]
    static let results = ["Parameters", "ResultSelector", "ResultPath"]
    static let errors = ["Retry", "Catch"]
    static let members: [String: [String]] = [
        "Task": common + flow + paths + results + errors + [
            "Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath",
            "Credentials",
        ],
        "Pass": common + flow + paths + ["Parameters", "ResultPath", "Result"],
        "Choice": common + paths + ["Choices", "Default"],
        "Wait": common + flow + paths + ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"],
        "Succeed": common + paths,
        "Fail": common + ["Error", "ErrorPath", "Cause", "CausePath"],
        "Parallel": common + flow + paths + results + errors + ["Branches"],
        "Map": common + flow + paths + results + errors + [
            "ItemProcessor", "Iterator", "ItemsPath", "ItemSelector", "MaxConcurrency", "MaxConcurrencyPath",
        ],
    ]

    // MARK: - Faults

    mutating func fault(_ pointer: String, _ message: String, code: String = "SCHEMA_VALIDATION_FAILED") {
        diagnostics.append(.init(severity: .error, code: code, message: message, pointer: pointer))
    }

    private mutating func warn(_ pointer: String, _ message: String, code: String) {
        diagnostics.append(.init(severity: .warning, code: code, message: message, pointer: pointer))
    }

    static func escape(_ name: String) -> String { name.replacing("~", with: "~0").replacing("/", with: "~1") }

    mutating func onlyMembers(_ object: JSONObject, _ allowed: [String], _ pointer: String) {
        for key in object.keys where !allowed.contains(key) {
            let hint =
                ["Assign", "Output", "Arguments", "Items", "Condition"].contains(key)
                ? "'\(key)' belongs to variables or JSONata, which are not supported"
                : "Field '\(key)' is not supported here"
            fault("\(pointer)/\(Self.escape(key))", hint)
        }
    }

    mutating func queryLanguage(_ object: JSONObject, _ pointer: String) {
        guard let language = object["QueryLanguage"], language.string != "JSONPath" else { return }
        fault(
            "\(pointer)/QueryLanguage",
            "QueryLanguage \(language) is not supported: write the definition with 'JSONPath'")
    }

    // MARK: - Graphs

    mutating func graph(_ object: JSONObject, _ pointer: String) -> StateGraph? {
        guard let states = object["States"] else {
            fault(pointer, "These required fields are missing: [States]")
            return nil
        }
        guard let members = states.object, !members.isEmpty else {
            fault("\(pointer)/States", "States must be an object with at least one state")
            return nil
        }
        var result: [String: State] = [:]
        for (name, value) in members {
            let place = "\(pointer)/States/\(Self.escape(name))"
            if name.unicodeScalars.count > 80 || name.isEmpty {
                fault(place, "a state's name has 1 to 80 characters")
            }
            if !names.insert(name).inserted {
                fault(
                    place, "Duplicate State name: \(name): names are unique in the whole machine",
                    code: "DUPLICATE_STATE_NAME")
            }
            if let state = state(name, value, place) { result[name] = state }
        }
        guard let startAt = string(object, "StartAt", pointer, isRequired: true) else { return nil }
        if members[startAt] == nil {
            fault(
                "\(pointer)/StartAt", "Missing 'StartAt' target: \(startAt)", code: "MISSING_TRANSITION_TARGET")
        }
        // A state that could not be read has had its own message; what it leads to is then unknown.
        guard result.count == members.count, members[startAt] != nil else { return nil }
        let graph = StateGraph(startAt: startAt, states: result)
        checkFlow(graph, members.keys, pointer)
        return graph
    }

    private mutating func checkFlow(_ graph: StateGraph, _ order: [String], _ pointer: String) {
        var reached: Set<String> = []
        var waiting = [graph.startAt]
        while let name = waiting.popLast() {
            guard reached.insert(name).inserted, let state = graph.states[name] else { continue }
            waiting += state.targets
        }
        for name in order where !reached.contains(name) {
            fault(
                "\(pointer)/States/\(Self.escape(name))", "State \"\(name)\" is not reachable.",
                code: "MISSING_TRANSITION_TARGET")
        }
        let ends = graph.states.values.contains {
            switch $0.kind {
            case .succeed, .fail: true
            case .choice: false
            case .task, .pass, .wait, .parallel, .map: $0.next == nil
            }
        }
        if !ends {
            fault(
                "\(pointer)/States", "No terminal state: one must be Succeed or Fail, or have \"End\": true",
                code: "MISSING_TERMINAL_STATE")
        }
        for name in order {
            guard let state = graph.states[name] else { continue }
            let place = "\(pointer)/States/\(Self.escape(name))"
            func check(_ target: String?, _ field: String, _ place: String) -> DefinitionDiagnostic? {
                guard let target, graph.states[target] == nil else { return nil }
                return .init(
                    severity: .error, code: "MISSING_TRANSITION_TARGET",
                    message: "Missing '\(field)' target: \(target)",
                    pointer: place)
            }
            diagnostics += [check(state.next, "Next", "\(place)/Next")].compactMap(\.self)
            for (index, catcher) in state.catchers.enumerated() {
                diagnostics += [check(catcher.next, "Next", "\(place)/Catch/\(index)/Next")].compactMap(\.self)
            }
            guard case .choice(let rules, let fallback) = state.kind else { continue }
            diagnostics += [check(fallback, "Default", "\(place)/Default")].compactMap(\.self)
            for (index, rule) in rules.enumerated() {
                diagnostics += [check(rule.next, "Next", "\(place)/Choices/\(index)/Next")].compactMap(\.self)
            }
        }
    }

    // MARK: - States

    private mutating func state(_ name: String, _ json: JSON, _ pointer: String) -> State? {
        guard let object = json.object else {
            fault(pointer, "a state must be an object, not \(json.kind)")
            return nil
        }
        guard let type = string(object, "Type", pointer, isRequired: true) else { return nil }
        guard let allowed = Self.members[type] else {
            fault(
                "\(pointer)/Type",
                "'\(type)' is no Type: expected Task, Pass, Choice, Wait, Succeed, Fail, Parallel or Map")
            return nil
        }
        let before = diagnostics.count
        onlyMembers(object, allowed, pointer)
        queryLanguage(object, pointer)
        if object["Credentials"] != nil {
            warn("\(pointer)/Credentials", "Credentials matter only on AWS", code: "NO_EFFECT")
        }
        let kind = kind(type, object, pointer)
        var state = State(name: name, type: type, kind: kind ?? .succeed)
        state.inputPath = dataPath(object, "InputPath", pointer)
        state.outputPath = dataPath(object, "OutputPath", pointer)
        state.resultPath = dataPath(object, "ResultPath", pointer, isReference: true)
        // A Map's Parameters is the old name of ItemSelector.
        if type != "Map", let value = object["Parameters"] {
            state.parameters = template(value, "\(pointer)/Parameters")
        }
        if let value = object["ResultSelector"] {
            if value.object == nil { fault("\(pointer)/ResultSelector", "ResultSelector must be an object") }
            state.resultSelector = template(value, "\(pointer)/ResultSelector")
        }
        for (index, value) in list(object, "Retry", pointer).enumerated() {
            if let retrier = retrier(value, "\(pointer)/Retry/\(index)") { state.retry.append(retrier) }
        }
        for (index, value) in list(object, "Catch", pointer).enumerated() {
            if let catcher = catcher(value, "\(pointer)/Catch/\(index)") { state.catchers.append(catcher) }
        }
        checkLast(state.retry.map(\.errorEquals), "\(pointer)/Retry")
        checkLast(state.catchers.map(\.errorEquals), "\(pointer)/Catch")
        if allowed.contains("Next") {
            state.next = string(object, "Next", pointer, isRequired: false)
            let end = object["End"]
            if let end, end.bool == nil { fault("\(pointer)/End", "End must be true or false") }
            if (object["Next"] != nil) == (end?.bool == true) {
                fault(pointer, "exactly one of 'Next' and '\"End\": true' is required")
            }
        }
        return diagnostics[before...].contains { $0.severity == .error } || kind == nil ? nil : state
    }

    private mutating func kind(_ type: String, _ object: JSONObject, _ pointer: String) -> State.Kind? {
        switch type {
        case "Task": return task(object, pointer)
        case "Pass": return .pass(result: object["Result"])
        case "Succeed": return .succeed
        case "Fail":
            return .fail(error: text(object, "Error", pointer), cause: text(object, "Cause", pointer))
        case "Wait":
            guard let time = wait(object, pointer) else { return nil }
            return .wait(time)
        case "Choice":
            var reader = ChoiceReader(parent: self)
            let rules = reader.rules(object, pointer)
            self = reader.parent
            return .choice(rules, default: string(object, "Default", pointer, isRequired: false))
        case "Parallel":
            let branches = list(object, "Branches", pointer)
            if branches.isEmpty { fault(pointer, "Branches must hold at least one branch") }
            var graphs: [StateGraph] = []
            for (index, branch) in branches.enumerated() {
                if let graph = subgraph(branch, "\(pointer)/Branches/\(index)") { graphs.append(graph) }
            }
            return .parallel(graphs)
        default: return map(object, pointer)
        }
    }

    private mutating func subgraph(_ json: JSON, _ pointer: String) -> StateGraph? {
        guard let object = json.object else {
            fault(pointer, "expected an object with StartAt and States, found \(json.kind)")
            return nil
        }
        onlyMembers(object, ["StartAt", "States", "Comment", "ProcessorConfig", "QueryLanguage"], pointer)
        queryLanguage(object, pointer)
        return graph(object, pointer)
    }

    private mutating func map(_ object: JSONObject, _ pointer: String) -> State.Kind? {
        let name = object["ItemProcessor"] != nil ? "ItemProcessor" : "Iterator"
        guard let processor = object[name] else {
            fault(pointer, "These required fields are missing: [ItemProcessor]")
            return nil
        }
        if object["ItemProcessor"] != nil, object["Iterator"] != nil {
            fault(pointer, "ItemProcessor and Iterator can't both be given")
        }
        if let mode = processor["ProcessorConfig"]?["Mode"], mode.string != "INLINE" {
            fault("\(pointer)/\(name)/ProcessorConfig/Mode", "only the mode INLINE is supported, not \(mode)")
        }
        let graph = subgraph(processor, "\(pointer)/\(name)")
        var itemsPath: JSONPath?
        if case .path(let path)? = dataPath(object, "ItemsPath", pointer) { itemsPath = path }
        let selector = object["ItemSelector"] != nil ? "ItemSelector" : "Parameters"
        var itemSelector: PayloadTemplate?
        if let value = object[selector] { itemSelector = template(value, "\(pointer)/\(selector)") }
        let limit = number(object, "MaxConcurrency", pointer, 0...99_999_999)
        guard let graph else { return nil }
        return .map(
            .init(
                processor: graph, itemsPath: itemsPath, itemSelector: itemSelector, maxConcurrency: limit ?? .number(0))
        )
    }

    private mutating func task(_ object: JSONObject, _ pointer: String) -> State.Kind? {
        let timeout = number(object, "TimeoutSeconds", pointer, 1...99_999_999)
        let heartbeat = number(object, "HeartbeatSeconds", pointer, 1...99_999_999)
        if case .number(let timeout)? = timeout, case .number(let heartbeat)? = heartbeat, heartbeat >= timeout {
            fault("\(pointer)/HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds")
        }
        guard let text = string(object, "Resource", pointer, isRequired: true) else { return nil }
        guard let resource = TaskResource(text) else {
            fault("\(pointer)/Resource", "Value is not a valid resource ARN: '\(text)'")
            return nil
        }
        guard supports(resource) else {
            fault("\(pointer)/Resource", "The resource provided \(text) is not recognized.")
            return nil
        }
        for (path, mustBeLiteral) in resource.requiredParameters {
            checkParameter(path, mustBeLiteral, object["Parameters"], resource, pointer)
        }
        return .task(resource, timeout: timeout, heartbeat: heartbeat)
    }

    private mutating func checkParameter(
        _ path: [String], _ mustBeLiteral: Bool, _ parameters: JSON?, _ resource: TaskResource, _ pointer: String
    ) {
        var value = parameters
        for name in path.dropLast() {
            // A missing or computed object on the way has had its own message.
            guard let inner = value?[name], inner.object != nil else { return }
            value = inner
        }
        let place = ([pointer, "Parameters"] + path.dropLast()).joined(separator: "/")
        guard let name = path.last else { return }
        if value?[name] == nil, mustBeLiteral || value?[name + ".$"] == nil {
            fault(
                parameters == nil ? pointer : place,
                "The field '\(path.joined(separator: "."))' is required by \(resource)"
                    + (mustBeLiteral ? " and must stand there literally" : "") + " but was missing")
        }
    }

    private mutating func wait(_ object: JSONObject, _ pointer: String) -> State.WaitTime? {
        let given = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"].filter { object[$0] != nil }
        guard given.count == 1, let field = given.first else {
            fault(pointer, "a Wait state has exactly one of Seconds, SecondsPath, Timestamp and TimestampPath")
            return nil
        }
        switch field {
        case "Timestamp":
            guard let time = object[field].flatMap(ChoiceTest.timestamp) else {
                fault("\(pointer)/Timestamp", "Timestamp must be ISO 8601 with a zone, as 2026-01-31T12:00:00Z")
                return nil
            }
            return .timestamp(time)
        case "TimestampPath":
            guard case .path(let path)? = dataPath(object, field, pointer) else { return nil }
            return .timestampPath(path)
        default: return number(object, "Seconds", pointer, 0...99_999_999).map(State.WaitTime.seconds)
        }
    }

    // MARK: - Errors

    private mutating func names(_ object: JSONObject, _ pointer: String) -> [String] {
        let names = list(object, "ErrorEquals", pointer).compactMap(\.string)
        if names.isEmpty || names.count != object["ErrorEquals"]?.array?.count {
            fault("\(pointer)/ErrorEquals", "ErrorEquals must be a list of at least one error's name")
        }
        if names.count > 1, names.contains("States.ALL") {
            fault("\(pointer)/ErrorEquals", "States.ALL must stand alone")
        }
        return names
    }

    private mutating func checkLast(_ lists: [[String]], _ pointer: String) {
        for (index, names) in lists.enumerated() where names.contains("States.ALL") && index < lists.count - 1 {
            fault("\(pointer)/\(index)/ErrorEquals", "States.ALL can only stand in the last element")
        }
    }

    private mutating func retrier(_ json: JSON, _ pointer: String) -> Retrier? {
        guard let object = json.object else {
            fault(pointer, "expected an object, found \(json.kind)")
            return nil
        }
        onlyMembers(
            object,
            [
                "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy",
                "Comment",
            ], pointer)
        var retrier = Retrier(errorEquals: names(object, pointer))
        if let value = integer(object, "IntervalSeconds", pointer, 1...99_999_999) { retrier.intervalSeconds = value }
        if let value = integer(object, "MaxAttempts", pointer, 0...99_999_999) { retrier.maxAttempts = value }
        if let value = object["BackoffRate"] {
            if let rate = value.double, rate >= 1 {
                retrier.backoffRate = rate
            } else {
                fault("\(pointer)/BackoffRate", "BackoffRate must be a number of at least 1.0")
            }
        }
        retrier.maxDelaySeconds = integer(object, "MaxDelaySeconds", pointer, 1...31_622_399)
        if let delay = retrier.maxDelaySeconds, delay <= retrier.intervalSeconds {
            fault("\(pointer)/MaxDelaySeconds", "MaxDelaySeconds must be greater than IntervalSeconds")
        }
        if let value = object["JitterStrategy"] {
            if !["FULL", "NONE"].contains(value.string) {
                fault("\(pointer)/JitterStrategy", "JitterStrategy must be FULL or NONE")
            }
            retrier.isJittered = value.string == "FULL"
        }
        return retrier
    }

    private mutating func catcher(_ json: JSON, _ pointer: String) -> Catcher? {
        guard let object = json.object else {
            fault(pointer, "expected an object, found \(json.kind)")
            return nil
        }
        onlyMembers(object, ["ErrorEquals", "Next", "ResultPath", "Comment"], pointer)
        let names = names(object, pointer)
        guard let next = string(object, "Next", pointer, isRequired: true) else { return nil }
        return Catcher(
            errorEquals: names, next: next,
            resultPath: dataPath(object, "ResultPath", pointer, isReference: true))
    }
}
