import ArgumentParser
import EventBridge
import Events
import Lambda
import Storage

/// A dead letter's id: a number for one of Lambda's, `e` and a number for one of EventBridge's.
enum LetterID: Sendable, Hashable, ExpressibleByArgument, CustomStringConvertible {
    case invocation(Int64)
    case delivery(Int64)

    init?(argument: String) {
        let isDelivery = argument.hasPrefix("e")
        guard let number = Int64(isDelivery ? String(argument.dropFirst()) : argument), number > 0 else { return nil }
        self = isDelivery ? .delivery(number) : .invocation(number)
    }

    var isDelivery: Bool { if case .delivery = self { true } else { false } }

    var description: String {
        switch self {
        case .invocation(let id): "\(id)"
        case .delivery(let id): "e\(id)"
        }
    }

    var json: JSON {
        switch self {
        case .invocation(let id): JSON(id)
        case .delivery(let id): .string("e\(id)")
        }
    }
}

/// Which events a command is about.
struct LetterFilter: ParsableArguments {
    @Option(help: "Only the events of one function.")
    var function: String?
    @Option(
        help: ArgumentHelp("Only events whose last error holds a text, in any case of its letters.", valueName: "text"))
    var error: String?

    init() {}
}

/// The dead letters that a command is to go through, read in batches.
struct DeadLetters {
    let total: Int
    private let chosen: (function: String?, error: String?)
    private var named: [LetterID]
    private var after: (invocation: Int64, delivery: Int64) = (0, 0)
    private var last: (invocation: Int64, delivery: Int64)
    private var left: Int

    init(_ ids: [LetterID], all: Bool, _ filter: LetterFilter, limit: Int?, _ store: Store) async throws {
        let (function, error) = (filter.function, filter.error)
        chosen = (function, error)
        guard all else {
            let missing = try await store.read { connection in
                try ids.first { id in
                    switch id {
                    case .invocation(let id):
                        try LambdaStore.deadLetterIDs(after: id - 1, through: id, limit: 1, in: connection).isEmpty
                    case .delivery(let id):
                        try EventBridgeStore.deadLetterIDs(after: id - 1, through: id, limit: 1, in: connection)
                            .isEmpty
                    }
                }
            }
            if let missing {
                throw CommandError(
                    "there is no dead letter \(missing); 'sluice queue --dead' lists them",
                    status: ExitStatus.notFound)
            }
            var seen: Set<LetterID> = []
            named = ids.filter { seen.insert($0).inserted }
            last = (0, 0)
            total = named.count
            left = total
            return
        }
        named = []
        let (invocations, deliveries) = try await store.read { connection in
            (
                try LambdaStore.deadLetterCount(function: function, error: error, in: connection),
                try EventBridgeStore.deadLetterCount(function: function, error: error, in: connection)
            )
        }
        last = (invocations.last, deliveries.last)
        total = min(invocations.count + deliveries.count, limit ?? .max)
        left = total
    }

    /// The next ones, of one kind; nil after the last.
    mutating func next(_ count: Int, _ store: Store) async throws -> [LetterID]? {
        let count = min(count, left)
        guard count > 0 else { return nil }
        var found = Array(named.prefix(count))
        named.removeFirst(found.count)
        if found.isEmpty {
            let (chosen, after, last) = (chosen, after, last)
            let (invocations, deliveries) = try await store.read { connection in
                let invocations = try LambdaStore.deadLetterIDs(
                    function: chosen.function, error: chosen.error, after: after.invocation,
                    through: last.invocation, limit: count, in: connection)
                let deliveries =
                    invocations.isEmpty
                    ? try EventBridgeStore.deadLetterIDs(
                        function: chosen.function, error: chosen.error, after: after.delivery,
                        through: last.delivery, limit: count, in: connection) : []
                return (invocations, deliveries)
            }
            if let last = invocations.last { self.after.invocation = last }
            if let last = deliveries.last { self.after.delivery = last }
            found = invocations.map(LetterID.invocation) + deliveries.map(LetterID.delivery)
        }
        left -= found.count
        return found.isEmpty ? nil : found
    }
}
