import Events
import GRDB
import Glibc
import Synchronization

/// The one SQLite file: many readers, one writer that commits in groups.
///
/// WAL with `synchronous=FULL`: a commit that was answered survives a crash of the process and a loss of power, as far as the
/// disk keeps its word. Writers that come together share one fsync, so the price is paid once a group, not once a row.
public final class Store: Sendable {
    /// The path of the database file.
    public let path: String
    let reader: any DatabaseReader
    private let readers = ReaderCount()
    private let writer: GroupCommitWriter?
    private let condition: StoreCondition

    /// Who may do what.
    public enum Mode: Sendable {
        /// The one host: checks the files before it touches them, and marks the database as its own.
        case owner
        /// Reads and writes; the file is made and migrated where needed.
        case readWrite
        /// Reads only; the file must exist.
        case readOnly
    }

    /// Opens the file at `path`. Throws ``StoreError``; a database that is damaged, newer or not the one that the last host wrote
    /// is left as it is.
    ///
    /// `news` tells how the store fares, see ``StoreNews``.
    public init(
        path: String, schemas: [Schema], mode: Mode = .readWrite,
        news: @escaping @Sendable (StoreNews) -> Void = { _ in }
    ) throws {
        self.path = path
        let condition = StoreCondition(path: path, news: news)
        self.condition = condition
        if mode == .readOnly, access(path, F_OK) != 0 {
            guard errno == ENOENT else { throw StoreError.machine(MachineFault(errno: errno, path: path)) }
            throw StoreError.missing(path: path)
        }
        do {
            if mode == .readOnly {
                reader = try Self.openForReading(path)
                writer = nil
                try Self.refuseNewer(reader, Self.migrator(schemas), path)
                return
            }
            let opening = StoreOpening(path: path, schemas: schemas, news: news)
            if mode == .owner { try opening.check() }
            // The host says soon that somebody holds the lock, and goes on trying; a command has patience and then ends.
            let pool = try DatabasePool(
                path: path, configuration: Self.configuration(patience: mode == .owner ? 2 : 10))
            try Self.refuseNewer(pool, Self.migrator(schemas), path)
            try Self.migrator(schemas).migrate(pool)
            // Opening a pool sets NORMAL; FULL is what makes an answered commit survive a loss of power.
            let level = try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864")
                return try Int.fetchOne(database, sql: "PRAGMA synchronous")
            }
            guard level == 2 else {
                throw StoreError.unusable(path: path, detail: "synchronous=FULL was not accepted")
            }
            if mode == .owner { try opening.takeOver(pool) }
            condition.remember()
            reader = pool
            writer = GroupCommitWriter(pool: pool, condition: condition)
        } catch let error as DatabaseError {
            throw Self.error(error, path)
        } catch let fault as MachineFault {
            throw StoreError.machine(fault)
        }
    }

    static func error(_ error: DatabaseError, _ path: String) -> StoreError {
        if error.isDamage { return .corrupt(path: path, detail: error.message ?? "\(error.resultCode)") }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            return .unusable(
                path: path, detail: "it is no file; move it away, or use another state folder with --state")
        }
        if error.isOutsideCause { return .machine(MachineFault(error, path: path)) }
        return .unusable(path: path, detail: error.message ?? "\(error.resultCode)")
    }

    // MARK: - Opening

    /// `patience` is how many seconds a lock of somebody else is waited for.
    static func configuration(readOnly: Bool = false, patience: Double = 10) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.busyMode = .timeout(patience)
        configuration.maximumReaderCount = readerCount
        configuration.foreignKeysEnabled = false
        configuration.label = "sluice"
        return configuration
    }

    static let readerCount = 4

    /// A folder that can't be written holds a database that nobody changes, which SQLite reads without its log's index when it
    /// is told so. <https://www.sqlite.org/uri.html#uriimmutable>
    private static func openForReading(_ path: String) throws -> any DatabaseReader {
        do {
            let pool = try DatabasePool(path: path, configuration: configuration(readOnly: true))
            _ = try pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
            return pool
        } catch let error as DatabaseError where error.isOutsideCause && error.resultCode != .SQLITE_BUSY {
            guard access(MachineFault.existing(path), W_OK) != 0 || access(path + "-shm", W_OK) != 0 else {
                throw error
            }
            var log = stat()
            if stat(path + "-wal", &log) == 0, log.st_size > 0 {
                throw StoreError.unusable(
                    path: path,
                    detail:
                        "its folder can't be written and its last commits are still in \(path)-wal, which can't be read without "
                        + "that. Copy the folder to where you may write, and name the copy with --state")
            }
            let name = path.utf8.map { byte in
                let isPlain =
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "/-_.".utf8.contains(byte)
                return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
            return try DatabaseQueue(path: "file:\(name)?immutable=1", configuration: configuration(readOnly: true))
        }
    }

    static func migrator(_ schemas: [Schema]) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for schema in schemas + [StoreOpening.schema] {
            for (index, step) in schema.steps.enumerated() {
                migrator.registerMigration("\(schema.room).\(index + 1)") { try $0.execute(sql: step) }
            }
        }
        return migrator
    }

    static func refuseNewer(_ reader: any DatabaseReader, _ migrator: DatabaseMigrator, _ path: String) throws {
        let newer = try reader.read { try migrator.appliedIdentifiers($0) }.subtracting(migrator.migrations)
        if !newer.isEmpty { throw StoreError.newer(path: path, steps: newer.sorted()) }
    }

    // MARK: - Reading and writing

    /// Reads in one snapshot, on the caller's thread.
    public func read<Value>(_ body: (Connection) throws -> Value) throws -> Value {
        try readers.enter()
        defer { readers.leave() }
        do {
            return try reader.read { try body(Connection($0)) }
        } catch let error as DatabaseError where error.isDamage {
            throw condition.damaged(Self.error(error, path))
        }
    }

    /// Reads in one snapshot.
    public func read<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        try readers.enter()
        defer { readers.leave() }
        do {
            return try await reader.read { try body(Connection($0)) }
        } catch let error as DatabaseError where error.isDamage {
            throw condition.damaged(Self.error(error, path))
        }
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

    /// Waits for the reads and writes under way, then closes, with all that was committed in the one file. Those that come later
    /// fail with ``StoreError/closed``.
    public func close() {
        writer?.close()
        readers.close()
        if let pool = reader as? DatabasePool, writer != nil, condition.keepsContent {
            // Also where the log has lost its name: from here on nobody would find it. Where others still read, or the disk is full, the log stays and the next start reads it.
            _ = try? pool.writeWithoutTransaction {
                try $0.execute(sql: "PRAGMA busy_timeout=0; PRAGMA wal_checkpoint(TRUNCATE)")
            }
        }
        try? reader.close()
    }
}
