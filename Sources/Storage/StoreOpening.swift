import Events
import GRDB
import Glibc

/// What a host does before it trusts a database with anything, in this order: look at the files, look into the database, copy it
/// before an upgrade, mark it as its own.
struct StoreOpening {
    let path: String
    let schemas: [Schema]
    let news: @Sendable (StoreNews) -> Void

    private var witness: RunWitness { RunWitness(database: path) }

    /// Which runs of a host have used the database, newest last.
    static let schema = Schema(
        room: "Storage",
        steps: [
            "CREATE TABLE storage_run (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, began INTEGER NOT NULL) STRICT"
        ])

    /// Looks at everything without changing anything.
    func check() throws {
        try checkFiles()
        guard size(path) > 0 else { return }
        // A connection that can only read leaves the log as it is, whatever it finds.
        let reader = try DatabaseQueue(path: path, configuration: Store.configuration(readOnly: true))
        defer { try? reader.close() }
        let migrator = Store.migrator(schemas)
        try Store.refuseNewer(reader, migrator, path)
        try checkPages(reader)
        try checkRun(reader)
        // An upgrade can't be undone, so the database is kept as it was, for the version that it was made by.
        let applied = try reader.read { try migrator.appliedIdentifiers($0) }
        if !applied.isEmpty, !Set(migrator.migrations).isSubset(of: applied) {
            let copy = path + ".before-upgrade"
            news(.opening("upgrading the database; as it was, it is kept as \(copy)"))
            try Store.copy(reader, to: copy)
        }
    }

    /// Looks at the files before SQLite does, which takes a damaged log for a short one, and drops the log of an empty file.
    private func checkFiles() throws {
        let content = try witness.read()
        if content == .restoring { throw StoreError.restoreInterrupted(path: path) }
        if let damage = WriteAheadLog.damage(path + "-wal") {
            throw StoreError.corrupt(path: path, detail: "\(path)-wal: \(damage)")
        }
        if size(path) == 0, content != .none || size(path + "-wal") > 0 { throw StoreError.lost(path: path) }
        if size(path) > 0, size(path) < 512 {
            throw StoreError.corrupt(path: path, detail: "the file has only \(size(path)) bytes")
        }
    }

    private func checkPages(_ reader: any DatabaseReader) throws {
        let bytes = size(path) + size(path + "-wal")
        if bytes > 256 << 20 { news(.opening("looking through the database (\(FileSystemSpace.bytes(bytes)))")) }
        let findings = try reader.read { try String.fetchAll($0, sql: "PRAGMA quick_check(3)") }
        guard findings == ["ok"] else {
            throw StoreError.corrupt(
                path: path, detail: findings.map { $0.replacing("\n", with: " ") }.joined(separator: "; "))
        }
    }

    /// Looks for the mark of the last run.
    private func checkRun(_ reader: any DatabaseReader) throws {
        guard case .run(let name) = try witness.read() else { return }
        let isKnown = try reader.read { database in
            try database.tableExists("storage_run")
                && Bool.fetchOne(
                    database, sql: "SELECT count(*) FROM storage_run WHERE name = ?", arguments: [name]) == true
        }
        guard isKnown else { throw StoreError.lost(path: path) }
    }

    /// Marks the database with this run, then writes the mark down beside it.
    func takeOver(_ pool: DatabasePool) throws {
        let name = Identifier.uuid()
        try pool.write { database in
            try database.execute(
                sql: "INSERT INTO storage_run (name, began) VALUES (?, ?)",
                arguments: [name, Timestamp.now.milliseconds])
            try database.execute(sql: "DELETE FROM storage_run WHERE id <= (SELECT max(id) FROM storage_run) - 100")
        }
        try witness.write(.run(name))
        warm(pool)
    }

    /// Opens all readers now, so that a lack of descriptors later keeps nobody from reading.
    private func warm(_ pool: DatabasePool) {
        let (condition, opened) = (Condition(), Count())
        for _ in 0..<Store.readerCount {
            pool.asyncRead { result in
                _ = try? result.get().execute(sql: "SELECT count(*) FROM sqlite_master")
                condition.locked {
                    opened.value += 1
                    condition.broadcast()
                    // All at once: a reader that has ended would be taken again instead of a new one.
                    while opened.value < Store.readerCount { if !condition.wait(milliseconds: 1000) { break } }
                }
            }
        }
        condition.locked {
            while opened.value < Store.readerCount { if !condition.wait(milliseconds: 2000) { break } }
        }
    }

    /// `@unchecked`: touched only inside the condition's lock.
    private final class Count: @unchecked Sendable { var value = 0 }

    private func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }
}
