import GRDB
import Glibc
import Synchronization

/// One write that waits for its commit.
final class PendingWrite: Sendable {
    /// Runs the body; what it returned stays here until the commit.
    let run: @Sendable (Connection) throws -> Void
    /// Tells the caller: nil after the commit, or why it did not happen.
    let finish: @Sendable ((any Error)?) -> Void

    init<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value,
        _ completion: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        let value = Mutex<Value?>(nil)
        let slot = Slot(value)
        run = { connection in
            let result = try body(connection)
            slot.mutex.withLock { $0 = result }
        }
        finish = { error in
            let result = slot.mutex.withLock { $0 }
            if let error {
                completion(.failure(error))
            } else if let result {
                completion(.success(result))
            } else {
                completion(.failure(StoreError.closed))
            }
        }
    }

    /// A mutex can't be captured by two closures; a class that holds it can.
    private final class Slot<Value: Sendable>: Sendable {
        let mutex: Mutex<Value?>
        init(_ mutex: consuming Mutex<Value?>) { self.mutex = mutex }
    }
}

/// The one writer: a thread that takes all that waits, runs it in one transaction, commits, and tells everybody.
///
/// The first try runs the bodies one after another without savepoints, which is the fast way. If one throws, the transaction
/// is rolled back and run again with a savepoint each, so that only the guilty one fails.
final class GroupCommitWriter: Sendable {
    /// How many writes share one transaction at most; more would only delay the first of them.
    private static let groupLimit = 512

    private let pool: DatabasePool
    private let condition: StoreCondition
    private let queue = BlockingQueue<PendingWrite>()
    private let ended = Handover<Void>()

    init(pool: DatabasePool, condition: StoreCondition) {
        self.pool = pool
        self.condition = condition
        BlockingThread.start(name: "sluice-writer") { [self] in
            run()
            ended.put(.success(()))
        }
    }

    func submit(_ write: PendingWrite) {
        if !queue.append(write) { write.finish(StoreError.closed) }
    }

    func close() {
        queue.close()
        _ = ended.take()
    }

    private func run() {
        while let group = queue.takeAll(limit: Self.groupLimit) { commit(group) }
    }

    private func commit(_ group: [PendingWrite]) {
        var told: MachineFault.Kind?
        while true {
            do {
                guard !condition.isDamaged else { throw StoreError.closed }
                guard condition.isInPlace else { throw condition.damaged(.replaced(path: pool.path)) }
                let (outcomes, hooks) = try attempt(group)
                if told != nil { condition.news(.resumed) }
                for hook in hooks { hook() }
                for (write, error) in zip(group, outcomes) { write.finish(error) }
                return
            } catch let error as DatabaseError where error.isOutsideCause {
                // A full disk or a lost permission is nobody's fault here: hold the group and go on when the cause goes. After a
                // failed fsync too: SQLite forgets the commit, and the next try writes all of its pages again.
                let fault = MachineFault(error, path: pool.path)
                if told != fault.kind {
                    told = fault.kind
                    condition.news(.waiting(fault))
                }
                if queue.waitUnlessClosed(milliseconds: 1000) { continue }
                for write in group { write.finish(error) }
                return
            } catch let error as DatabaseError where error.isDamage {
                let closed = condition.damaged(Store.error(error, pool.path))
                for write in group { write.finish(closed) }
                return
            } catch {
                for write in group { write.finish(error) }
                return
            }
        }
    }

    private func attempt(_ group: [PendingWrite]) throws -> (outcomes: [(any Error)?], hooks: [@Sendable () -> Void]) {
        try pool.writeWithoutTransaction { database in
            do {
                let hooks = CommitHooks()
                try database.inTransaction(.immediate) {
                    for write in group { try write.run(Connection(database, hooks: hooks)) }
                    return .commit
                }
                return (Array(repeating: nil, count: group.count), hooks.bodies)
            } catch let error as DatabaseError where error.isOutsideCause || error.isDamage {
                throw error
            } catch {
                guard group.count > 1 else { return ([error], []) }
            }
            var outcomes: [(any Error)?] = []
            var bodies: [@Sendable () -> Void] = []
            try database.inTransaction(.immediate) {
                for write in group {
                    let hooks = CommitHooks()
                    do {
                        try database.inSavepoint {
                            try write.run(Connection(database, hooks: hooks))
                            return .commit
                        }
                        outcomes.append(nil)
                        bodies.append(contentsOf: hooks.bodies)
                    } catch let error as DatabaseError where error.isOutsideCause || error.isDamage {
                        throw error
                    } catch {
                        outcomes.append(error)
                    }
                }
                return .commit
            }
            return (outcomes, bodies)
        }
    }
}
