import Events
import GRDB
import Storage
import Synchronization

/// Writes down what happened: each entry's log lines, metrics, row and destination record in one transaction, and as
/// many entries as wait in the same one.
final class OutcomeWriter: Sendable {
    enum DropReason: Sendable { case aged, throttled, recursive }

    enum Entry: Sendable {
        case outcome(Outcome)
        /// An event that is given up without a try.
        case drop(QueuedEvent, FunctionConfiguration, DropReason, at: Timestamp)
        case throttle(FunctionConfiguration, at: Timestamp)
        /// Lines of an invocation that still runs: of this row, where it is one.
        case lines(LogBatch, running: Int64?, since: Timestamp)

        /// About how much memory it holds.
        var bytes: Int {
            switch self {
            case .outcome(let outcome):
                outcome.logs.reduce(outcome.result.payload.count) { $0 + $1.message.utf8.count }
            case .lines(let batch, _, _): batch.events.reduce(0) { $0 + $1.message.utf8.count }
            case .drop, .throttle: 0
            }
        }

        var event: (id: Int64, function: String)? {
            switch self {
            case .outcome(let outcome): outcome.event.map { ($0.id, outcome.function.name) }
            case .drop(let event, let function, _, _): (event.id, function.name)
            case .throttle, .lines: nil
            }
        }
    }

    /// A row that an entry was about, and when it comes up again, if at all.
    struct Settled: Sendable {
        let event: Int64
        let function: String
        let due: Timestamp?
    }

    private struct State {
        var pending: [Entry] = []
        /// Groups that failed together, to be written one by one.
        var singles: [Entry] = []
        var isWriting = false
        var written = 0
        /// Rows up to here were looked at for their age. Rows behind it that were too young to go, or were not committed, are found at the next start.
        var prunedThrough: Int64 = 0
        var drained: [CheckedContinuation<Void, Never>] = []
    }

    private static let groupLimit = 256
    /// Entries, and bytes of them, that may wait before the others go slower.
    private static let behind = 8192
    private static let behindBytes = 32 << 20

    private let state = Mutex(State())
    private let pendingCount = Atomic(0)
    private let pendingBytes = Atomic(0)
    private let store: Store
    private let queue: LambdaStore
    private let emission: LambdaEmission
    private let settled: @Sendable ([Settled]) -> Void
    private let now: @Sendable () -> Timestamp

    private let hostStarted: Timestamp

    init(
        store: Store, queue: LambdaStore, emission: LambdaEmission, now: @escaping @Sendable () -> Timestamp,
        settled: @escaping @Sendable ([Settled]) -> Void
    ) {
        self.store = store
        self.queue = queue
        self.emission = emission
        self.now = now
        hostStarted = now()
        self.settled = settled
    }

    var isBehind: Bool {
        pendingCount.load(ordering: .relaxed) > Self.behind || pendingBytes.load(ordering: .relaxed) > Self.behindBytes
    }

    /// Takes an entry; ``kick()`` writes it.
    func record(_ entry: Entry) {
        state.withLock { $0.pending.append(entry) }
        pendingCount.add(1, ordering: .relaxed)
        pendingBytes.add(entry.bytes, ordering: .relaxed)
    }

    /// Begins to write, unless that is under way.
    func kick() {
        guard pendingCount.load(ordering: .relaxed) > 0 else { return }
        let group: [Entry] = state.withLock { state in
            guard !state.isWriting else { return [] }
            let group: [Entry]
            if let single = state.singles.first {
                state.singles.removeFirst()
                group = [single]
            } else if state.pending.count <= Self.groupLimit {
                group = state.pending
                state.pending = []
            } else {
                group = Array(state.pending.prefix(Self.groupLimit))
                state.pending.removeFirst(Self.groupLimit)
            }
            state.isWriting = !group.isEmpty
            return group
        }
        guard !group.isEmpty else { return }
        let prune = state.withLock { state in
            state.written += group.count
            defer { if state.written >= 1024 { state.written = 0 } }
            return state.written >= 1024
        }
        store.submit { [self] connection in
            if prune {
                let last = try queue.prune(
                    before: now() - .seconds(30 * 86400), after: state.withLock { $0.prunedThrough }, in: connection)
                state.withLock { $0.prunedThrough = last }
            }
            return try write(group, connection)
        } completion: { [self] result in
            switch result {
            case .success(let rows):
                finished(group)
                settled(rows)
            case .failure(let error) where group.count > 1 && (error as? StoreError) != .closed:
                state.withLock { $0.singles.append(contentsOf: group) }
                state.withLock { $0.isWriting = false }
            case .failure(let error):
                if (error as? StoreError) != .closed {
                    emission.trouble("an invocation could not be written down: \(error)")
                }
                finished(group)
                // Nothing of it happened: its row is still queued, and is run again.
                settled(
                    group.compactMap { entry in
                        entry.event.map { Settled(event: $0.id, function: $0.function, due: now() + .seconds(30)) }
                    })
            }
            kick()
        }
    }

    private func finished(_ group: [Entry]) {
        pendingCount.subtract(group.count, ordering: .relaxed)
        pendingBytes.subtract(group.reduce(0) { $0 + $1.bytes }, ordering: .relaxed)
        let drained = state.withLock { state in
            state.isWriting = false
            guard state.pending.isEmpty, state.singles.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            defer { state.drained = [] }
            return state.drained
        }
        for entry in group { if case .outcome(let outcome) = entry { outcome.afterCommit?() } }
        for continuation in drained { continuation.resume() }
    }

    /// Returns once all that was recorded is written.
    func drain() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.pending.isEmpty, state.singles.isEmpty, !state.isWriting { return true }
                state.drained.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() } else { kick() }
        }
    }

    // MARK: - In the transaction

    private func write(_ entries: [Entry], _ connection: Connection) throws -> [Settled] {
        var metrics = LambdaMetrics()
        var batches: [LogBatch] = []
        var places: [String: Int] = [:]
        var figures: [String: LambdaStore.LastFigures] = [:]
        var rows: [Settled] = []
        func add(_ batch: LogBatch) {
            guard !batch.events.isEmpty else { return }
            if let place = places[batch.logStream] {
                batches[place].events.append(contentsOf: batch.events)
            } else {
                places[batch.logStream] = batches.count
                batches.append(batch)
            }
        }
        for entry in entries {
            switch entry {
            case .outcome(let outcome):
                add(
                    LogBatch(
                        logGroup: outcome.function.logGroup, logStream: outcome.logStream, events: outcome.logs))
                metrics.add(outcome)
                figures[outcome.function.name, default: LambdaStore.LastFigures()].add(outcome)
                let attempt = (outcome.event?.tries ?? 0) + 1
                try queue.insertAttempt(outcome, attempt: attempt, in: connection)
                if let event = outcome.event {
                    let due = try settle(event, attempt, outcome, &metrics, connection)
                    rows.append(Settled(event: event.id, function: outcome.function.name, due: due))
                }
            case .drop(let event, let function, let reason, let time):
                try drop(event, function, reason, at: time, &metrics, connection)
                rows.append(Settled(event: event.id, function: function.name, due: nil))
            case .throttle(let function, let time):
                metrics.add("Throttles", 1, "Count", function: function.name, at: time)
            case .lines(let batch, let running, let since):
                add(batch)
                if let running {
                    try queue.markRunning(running, since: since, logStream: batch.logStream, in: connection)
                }
            }
        }
        for batch in batches { try emission.logs(batch, connection) }
        let data = metrics.data
        if !data.isEmpty { try emission.metrics(data, connection) }
        for (name, last) in figures { try queue.updateFigures(name, last, in: connection) }
        return rows
    }

    /// The row's next state after a try; returns when it comes up again.
    private func settle(
        _ event: QueuedEvent, _ tries: Int, _ outcome: Outcome, _ metrics: inout LambdaMetrics, _ connection: Connection
    ) throws -> Timestamp? {
        guard try queue.isQueued(event.id, in: connection) else { return nil }
        let config = outcome.function.eventInvokeConfig
        metrics.add(
            "AsyncEventAge", Double((outcome.started - event.received).milliseconds), "Milliseconds",
            function: outcome.function.name, at: outcome.started)
        if let source = event.source, try emission.superseded(source, connection) {
            try queue.finish(event.id, .superseded, tries: tries, outcome: outcome, in: connection)
            return nil
        }
        var failed = false
        if case .failure = outcome.result { failed = true }
        let verdict = RetryPolicy.verdict(
            failed: failed, tries: tries,
            since: RetryPolicy.ageBegins(received: event.received, hostStarted: hostStarted), now: outcome.ended,
            config: config)
        switch verdict {
        case .retry(let due):
            try queue.retry(event.id, tries: tries, due: due, outcome: outcome, in: connection)
            return due
        case .succeeded:
            try queue.finish(event.id, .succeeded, tries: tries, outcome: outcome, in: connection)
            if let target = config.onSuccess {
                let record = Self.record(event, outcome, .success, tries, arn: functionARN(outcome.function))
                try deliver(record, to: target, event, outcome.function, &metrics, connection)
            }
        case .exhausted, .aged:
            let condition: InvocationRecord.Condition = verdict == .aged ? .eventAgeExceeded : .retriesExhausted
            try queue.finish(
                event.id, .failed, condition: condition, tries: tries, outcome: outcome, in: connection)
            let record = Self.record(event, outcome, condition, tries, arn: functionARN(outcome.function))
            try giveUp(record, event, outcome.function, &metrics, connection)
        }
        return nil
    }

    /// Ends an event that was never tried, or is not tried again.
    func drop(
        _ event: QueuedEvent, _ function: FunctionConfiguration, _ reason: DropReason, at time: Timestamp,
        _ metrics: inout LambdaMetrics, _ connection: Connection
    ) throws {
        guard try queue.isQueued(event.id, in: connection) else { return }
        let condition: InvocationRecord.Condition = reason == .aged ? .eventAgeExceeded : .retriesExhausted
        let message =
            switch reason {
            case .aged: "The event was older than \(function.eventInvokeConfig.maximumEventAge) seconds."
            case .throttled: "The function's reserved concurrency is 0."
            case .recursive: LambdaError.recursiveInvocation.description
            }
        if reason == .recursive {
            metrics.add("RecursiveInvocationsDropped", 1, "Count", function: function.name, at: time)
        }
        try queue.drop(event.id, condition: condition, message: message, at: time, in: connection)
        let last = try queue.lastAnswer(event.id, in: connection)
        let record = InvocationRecord(
            timestamp: time, requestID: event.requestID, functionARN: functionARN(function), condition: condition,
            approximateInvokeCount: event.tries, requestPayload: .payload(event.payload),
            responseContext: last.map { _ in .init(functionError: "Unhandled") },
            responsePayload: last.map(JSON.payload), traceHeader: event.traceHeader)
        try giveUp(record, event, function, &metrics, connection)
    }

    private func giveUp(
        _ record: InvocationRecord, _ event: QueuedEvent, _ function: FunctionConfiguration,
        _ metrics: inout LambdaMetrics, _ connection: Connection
    ) throws {
        let config = function.eventInvokeConfig
        metrics.add("AsyncEventsDropped", 1, "Count", function: function.name, at: record.timestamp)
        if let target = config.onFailure { try deliver(record, to: target, event, function, &metrics, connection) }
        guard let target = function.deadLetterTarget else { return }
        let letter = DeadLetter(
            payload: event.payload, requestID: event.requestID, errorCode: 200,
            errorMessage: record.responsePayload?["errorMessage"]?.string ?? record.condition.rawValue,
            traceHeader: event.traceHeader)
        do {
            try connection.database.inSavepoint {
                try emission.deadLetter(letter, target, connection)
                return .commit
            }
        } catch let error as DatabaseError {
            throw error
        } catch {
            metrics.add("DeadLetterErrors", 1, "Count", function: function.name, at: record.timestamp)
            try queue.deliveryFailed(
                event.id, target: target, error: "\(error)", payload: event.payload, in: connection)
        }
    }

    private func deliver(
        _ record: InvocationRecord, to target: ARN, _ event: QueuedEvent, _ function: FunctionConfiguration,
        _ metrics: inout LambdaMetrics, _ connection: Connection
    ) throws {
        do {
            try connection.database.inSavepoint {
                try emission.deliver(record, target, connection)
                return .commit
            }
        } catch let error as DatabaseError {
            throw error
        } catch {
            metrics.add("DestinationDeliveryFailures", 1, "Count", function: function.name, at: record.timestamp)
            try queue.deliveryFailed(
                event.id, target: target, error: "\(error)", payload: event.payload, in: connection)
        }
    }

    private func functionARN(_ function: FunctionConfiguration) -> String {
        emission.place.function(function.name).description + ":$LATEST"
    }

    private static func record(
        _ event: QueuedEvent, _ outcome: Outcome, _ condition: InvocationRecord.Condition, _ tries: Int, arn: String
    ) -> InvocationRecord {
        let (payload, failed) =
            switch outcome.result {
            case .success(let payload): (payload, false)
            case .failure(let payload, _, _): (payload, true)
            }
        return InvocationRecord(
            timestamp: outcome.ended, requestID: event.requestID, functionARN: arn, condition: condition,
            approximateInvokeCount: tries, requestPayload: .payload(event.payload),
            responseContext: .init(functionError: failed ? "Unhandled" : nil), responsePayload: .payload(payload),
            traceHeader: event.traceHeader)
    }
}

extension JSON {
    /// A payload as a record holds it; what is no JSON becomes a string.
    static func payload(_ bytes: [UInt8]) -> JSON {
        if bytes.isEmpty { return .null }
        return (try? JSON(parsing: bytes)) ?? .string(String(decoding: bytes, as: UTF8.self))
    }
}
