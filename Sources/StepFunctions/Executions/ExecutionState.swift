import Events

/// All that an execution has to remember between two transactions.
struct ExecutionState: Sendable, Equatable {
    var status = ExecutionStatus.running
    var frames: [Frame] = []
    var nextFrameID = 1
    var lastEventID = 0
    /// When the machine's `TimeoutSeconds` have passed.
    var deadline: Timestamp?

    func index(of id: Int) -> Int? { frames.firstIndex { $0.id == id } }
}

/// One line of execution: the machine itself, a branch of a Parallel state, or an iteration of a Map state.
struct Frame: Sendable, Equatable {
    /// What the current state waits for.
    enum Phase: Sendable, Equatable {
        /// The state is to be entered.
        case enter
        /// The state has been entered and is to be done, once more after a retry.
        case execute
        /// A Wait state.
        case waiting(until: Timestamp)
        /// Between an error and the next try.
        case backingOff(until: Timestamp)
        case task(TaskWait)
        case children(Children)

        /// When time itself moves it on.
        var due: Timestamp? {
            switch self {
            case .enter, .execute, .children: nil
            case .waiting(let until), .backingOff(let until): until
            case .task(let task): [task.deadline, task.heartbeatDeadline].compactMap(\.self).min()
            }
        }
    }

    struct TaskWait: Sendable, Equatable {
        var token: String
        var deadline: Timestamp?
        var heartbeatSeconds: Int?
        var heartbeatDeadline: Timestamp?
    }

    struct Children: Sendable, Equatable {
        /// Nil while it has no result.
        var results: [JSON?]
        /// A Map state's items; empty for a Parallel state.
        var items: [JSON]
        /// The next item to start.
        var next: Int
        /// 0 for no limit.
        var limit: Int
    }

    var id: Int
    /// The frame whose Parallel or Map state this one belongs to.
    var parent: Int?
    /// The branch's or iteration's number.
    var index = 0
    /// Which graph: pairs of a state's name and a branch's number.
    var scope: [String]
    var state: String
    /// The state's raw input.
    var input: JSON
    var phase = Phase.enter
    var previousEvent = 0
    var enteredEvent = 0
    var entered = Timestamp(milliseconds: 0)
    /// How often each retrier has been used since the state was entered.
    var retries: [Int] = []
    /// A Map iteration's item.
    var item: JSON?
}

// MARK: - As JSON, which keeps the literals of numbers and the order of members

extension ExecutionState {
    var json: JSON {
        .compact([
            "status": .string(status.rawValue), "frames": .array(frames.map(\.json)), "nextFrameID": JSON(nextFrameID),
            "lastEventID": JSON(lastEventID), "deadline": deadline.map { JSON($0.milliseconds) },
        ])
    }

    /// Throws `ShapeError` where the JSON was not written by this type.
    init(json: JSON) throws {
        let reader = ShapeReader(json)
        guard let status = ExecutionStatus(rawValue: try reader.string("status")) else {
            throw ShapeError(path: "$.status", message: "no status")
        }
        self.status = status
        frames = try reader.array("frames").enumerated().map {
            try Frame(ShapeReader($0.element, path: "$.frames[\($0.offset)]"))
        }
        nextFrameID = try reader.int("nextFrameID")
        lastEventID = try reader.int("lastEventID")
        deadline = Timestamp(json["deadline"])
    }
}

extension Timestamp {
    fileprivate init?(_ json: JSON?) {
        guard let int = json?.int else { return nil }
        self.init(milliseconds: Int64(int))
    }
    fileprivate var json: JSON { JSON(milliseconds) }
}

extension Frame {
    fileprivate var json: JSON {
        .compact([
            "id": JSON(id), "parent": parent.map { JSON($0) }, "index": JSON(index),
            "scope": .array(scope.map(JSON.string)), "state": .string(state), "input": input, "phase": phase.json,
            "previousEvent": JSON(previousEvent), "enteredEvent": JSON(enteredEvent), "entered": entered.json,
            "retries": .array(retries.map { JSON($0) }), "item": item.map { ["value": $0] },
        ])
    }

    fileprivate init(_ reader: ShapeReader) throws {
        let json = reader.json
        id = try reader.int("id")
        parent = json["parent"]?.int
        index = try reader.int("index")
        scope = try reader.array("scope").compactMap(\.string)
        state = try reader.string("state")
        input = json["input"] ?? .null
        phase = try Phase(try reader.member("phase"))
        previousEvent = try reader.int("previousEvent")
        enteredEvent = try reader.int("enteredEvent")
        entered = Timestamp(json["entered"]) ?? entered
        retries = try reader.array("retries").compactMap(\.int)
        item = json["item"]?["value"]
    }
}

extension Frame.Phase {
    fileprivate var json: JSON {
        switch self {
        case .enter: ["kind": "enter"]
        case .execute: ["kind": "execute"]
        case .waiting(let until): ["kind": "waiting", "until": until.json]
        case .backingOff(let until): ["kind": "backingOff", "until": until.json]
        case .task(let task):
            .compact([
                "kind": "task", "token": .string(task.token), "deadline": task.deadline?.json,
                "heartbeatSeconds": task.heartbeatSeconds.map { JSON($0) },
                "heartbeatDeadline": task.heartbeatDeadline?.json,
            ])
        case .children(let children):
            [
                "kind": "children",
                // A result is wrapped, so that one that is null differs from none.
                "results": .array(children.results.map { $0.map { [$0] } ?? .null }),
                "items": .array(children.items), "next": JSON(children.next), "limit": JSON(children.limit),
            ]
        }
    }

    fileprivate init(_ reader: ShapeReader) throws {
        let json = reader.json
        let until = Timestamp(json["until"])
        switch (try reader.string("kind"), until) {
        case ("enter", _): self = .enter
        case ("execute", _): self = .execute
        case ("waiting", let until?): self = .waiting(until: until)
        case ("backingOff", let until?): self = .backingOff(until: until)
        case ("task", _):
            self = .task(
                .init(
                    token: try reader.string("token"), deadline: Timestamp(json["deadline"]),
                    heartbeatSeconds: json["heartbeatSeconds"]?.int,
                    heartbeatDeadline: Timestamp(json["heartbeatDeadline"])))
        case ("children", _):
            self = .children(
                .init(
                    results: try reader.array("results").map { $0[0] }, items: try reader.array("items"),
                    next: try reader.int("next"), limit: try reader.int("limit")))
        case (let kind, _): throw ShapeError(path: reader.path, message: "no phase '\(kind)'")
        }
    }
}
