import GRDB
import Glibc

/// The one SQLite file: many readers, one writer that commits in groups.
///
/// WAL with `synchronous=FULL`: a commit that was answered survives a crash of the process and a loss of power, as far as the
/// disk keeps its word. Writers that come together share one fsync, so the price is paid once a group, not once a row.
public final class Store: Sendable {
    /// The path of the database file.
    public let path: String
    private let pool: DatabasePool
    private let writer: GroupCommitWriter?

    /// Who may do what.
    public enum Mode: Sendable {
        /// Reads and writes; the file is made and migrated where needed.
        case readWrite
        /// Reads only; the file must exist.
        case readOnly
    }

    /// Opens the file at `path`. Throws ``StoreError``.
    ///
    /// `trouble` is called once with a message when writes stop going through (disk full, no permission), and once with nil
    /// when they go through again; until then writers wait and nothing is lost.
    public init(
        path: String, schemas: [Schema], mode: Mode = .readWrite,
        trouble: @escaping @Sendable (String?) -> Void = { _ in }
    ) throws {
        self.path = path
        if mode == .readOnly, access(path, F_OK) != 0 { throw StoreError.missing(path: path) }
        var configuration = Configuration()
        configuration.readonly = mode == .readOnly
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 4
        configuration.foreignKeysEnabled = false
        configuration.label = "sluice"
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            for schema in schemas {
                for (index, step) in schema.steps.enumerated() {
                    migrator.registerMigration("\(schema.room).\(index + 1)") { try $0.execute(sql: step) }
                }
            }
            if try pool.read({ try migrator.hasBeenSuperseded($0) }) { throw StoreError.newer(path: path) }
            if mode == .readWrite {
                try migrator.migrate(pool)
                // Opening a pool sets NORMAL; FULL is what makes an answered commit survive a loss of power.
                let level = try pool.writeWithoutTransaction { database in
                    try database.execute(sql: "PRAGMA synchronous=FULL")
                    return try Int.fetchOne(database, sql: "PRAGMA synchronous")
                }
                guard level == 2 else {
                    throw StoreError.unusable(path: path, detail: "synchronous=FULL was not accepted")
                }
                writer = GroupCommitWriter(pool: pool, trouble: trouble)
            } else {
                writer = nil
            }
        } catch let error as DatabaseError {
            throw switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                StoreError.corrupt(path: path, detail: error.message ?? "\(error.resultCode)")
            default: StoreError.unusable(path: path, detail: error.message ?? "\(error.resultCode)")
            }
        }
    }

    /// Reads in one snapshot, on the caller's thread.
    public func read<Value>(_ body: (Connection) throws -> Value) throws -> Value {
        try pool.read { try body(Connection($0)) }
    }

    /// Reads in one snapshot.
    public func read<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        try await pool.read { try body(Connection($0)) }
    }

    /// Runs `body` in a transaction, together with others that wait, and returns once it is durable.
    ///
    /// Where `body` throws, its own changes are undone and nobody else's. It may run twice, so it should only touch the
    /// database; what must follow a commit goes into ``Connection/afterCommit(_:)``.
    public func write<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            submit(body) { continuation.resume(with: $0) }
        }
    }

    /// The same for a thread that may block. Never call it on one of the runtime's own threads.
    public func writeBlocking<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) throws -> Value
    {
        let box = Handover<Value>()
        submit(body) { box.put($0) }
        return try box.take().get()
    }

    /// Hands `body` to the writer and returns at once; `completion` runs on the writer's thread after the commit.
    public func submit<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value,
        completion: @escaping @Sendable (Result<Value, any Error>) -> Void = { _ in }
    ) {
        guard let writer else {
            completion(.failure(StoreError.unusable(path: path, detail: "it was opened for reading only")))
            return
        }
        writer.submit(PendingWrite(body, completion))
    }

    /// Waits for the writes under way, then closes. Writes that come later fail with ``StoreError/closed``.
    public func close() {
        writer?.close()
        try? pool.close()
    }

    /// Copies the database into the file at `path`, consistent, while others go on.
    public func backup(to path: String) throws {
        let target = try DatabaseQueue(path: path)
        try pool.backup(to: target)
        try target.close()
    }

    /// What `PRAGMA integrity_check` says; `["ok"]` where all is well.
    public func integrityCheck() throws -> [String] {
        try pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
    }
}
