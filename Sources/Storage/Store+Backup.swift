import GRDB
import Glibc

extension Store {
    /// How far a copy is, in bytes.
    public struct CopyProgress: Sendable {
        public var done: Int64
        public var total: Int64
    }

    /// Copies the database into the file at `path`, consistent, while others read and write.
    ///
    /// The copy appears under its name only when it is whole, checked and on the disk; an older file of the name is replaced in that
    /// moment. `progress` is called now and then; where it throws, the copy is given up and nothing is left of it. Throws
    /// ``StoreError``.
    public func backup(to path: String, progress: @escaping (CopyProgress) throws -> Void = { _ in }) throws {
        do {
            try Self.copy(reader, to: path, progress: progress)
        } catch let error as DatabaseError {
            throw Self.error(error, error.isDamage ? self.path : path)
        } catch let fault as MachineFault {
            throw StoreError.machine(fault)
        }
    }

    static func copy(
        _ source: any DatabaseReader, to path: String, progress: @escaping (CopyProgress) throws -> Void = { _ in }
    ) throws {
        let unfinished = path + ".unfinished"
        func removeUnfinished() { for suffix in ["", "-journal", "-wal", "-shm"] { unlink(unfinished + suffix) } }
        let lock = unfinished + ".lock"
        let claim = try claim(lock, for: path)
        defer {
            unlink(lock)
            Glibc.close(claim)
        }
        removeUnfinished()
        do {
            let target = try DatabaseQueue(path: unfinished)
            let pageSize = try source.read { try Int64.fetchOne($0, sql: "PRAGMA page_size") ?? 4096 }
            try source.read { database in
                // One snapshot for all steps, which begins with the first reading: what is committed meanwhile is not in the copy,
                // and does not make the copying begin again.
                _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master")
                try target.writeWithoutTransaction { copy in
                    try database.backup(to: copy, pagesPerStep: 4096) {
                        try progress(
                            CopyProgress(
                                done: Int64($0.completedPageCount) * pageSize,
                                total: Int64($0.totalPageCount) * pageSize))
                    }
                }
            }
            // A single file, which can be copied and opened anywhere: without the log's mode that the original is in.
            try target.writeWithoutTransaction { database in
                _ = try String.fetchOne(database, sql: "PRAGMA journal_mode=DELETE")
            }
            let findings = try target.read { try String.fetchAll($0, sql: "PRAGMA integrity_check(3)") }
            guard findings == ["ok"] else {
                throw StoreError.corrupt(path: unfinished, detail: findings.joined(separator: "; "))
            }
            try target.close()
            // The last moment to give up: what the copying itself throws at its last step is not heard.
            let size = try FileSystemSpace.size(unfinished)
            try progress(CopyProgress(done: size, total: size))
            try DurableFile.sync(unfinished)
            try DurableFile.move(unfinished, to: path)
        } catch {
            removeUnfinished()
            throw error
        }
    }

    /// Keeps others from copying to the same path until the descriptor is closed: they would take each other's file away.
    private static func claim(_ lock: String, for path: String) throws -> Int32 {
        while true {
            let file = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw MachineFault(errno: errno, path: lock) }
            if flock(file, LOCK_EX | LOCK_NB) != 0 {
                let code = errno
                Glibc.close(file)
                if code == EINTR { continue }
                guard code == EWOULDBLOCK else { throw MachineFault(errno: code, path: lock) }
                throw StoreError.copyUnderWay(path: path)
            }
            // Whoever had it may have removed it between the opening and the lock.
            var (held, there) = (stat(), stat())
            if fstat(file, &held) == 0, stat(lock, &there) == 0, held.st_ino == there.st_ino { return file }
            Glibc.close(file)
        }
    }

    /// What `PRAGMA integrity_check` says; `["ok"]` where all is well.
    public func integrityCheck() throws -> [String] {
        try reader.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
    }

    /// What the quicker `PRAGMA quick_check` says, which leaves the indexes out; `["ok"]` where all is well.
    public func quickCheck() throws -> [String] {
        try reader.read { try String.fetchAll($0, sql: "PRAGMA quick_check(3)") }
    }

    /// Puts the backup in `source` in the place of the database at `path`; what was there is kept as
    /// `path.before-restore`, whose name is returned.
    ///
    /// The backup is checked and copied before anything is touched, and from the first change to the last a mark stands beside the
    /// database that keeps a host from starting. `mark` writes into the copy before it gets its place. The caller holds the lock that
    /// keeps hosts away. Throws ``StoreError``.
    public static func restore(
        _ source: String, to path: String, schemas: [Schema],
        mark: (Connection) throws -> Void = { _ in },
        progress: @escaping (CopyProgress) throws -> Void = { _ in }
    ) throws -> String? {
        let backup = try Store(path: source, schemas: schemas, mode: .readOnly)
        defer { backup.close() }
        let findings: [String]
        do {
            findings = try backup.integrityCheck()
        } catch let error as DatabaseError {
            throw Self.error(error, source)
        }
        guard findings == ["ok"] else {
            throw StoreError.corrupt(path: source, detail: findings.prefix(3).joined(separator: "; "))
        }
        let steps = try backup.reader.read { try migrator(schemas).appliedIdentifiers($0) }
        guard !steps.isEmpty else {
            throw StoreError.unusable(path: source, detail: "it is a database, but not one that sluice wrote")
        }
        let restoring = path + ".restoring"
        try backup.backup(to: restoring, progress: progress)
        do {
            let copy = try DatabaseQueue(path: restoring)
            try copy.write { try mark(Connection($0)) }
            try copy.close()
        } catch let error as DatabaseError {
            unlink(restoring)
            throw Self.error(error, restoring)
        }
        do {
            let witness = RunWitness(database: path)
            try witness.write(.restoring)
            // Never over what an earlier restore has kept: after an interruption that may be the only whole one.
            var kept: String? = nil
            if access(path, F_OK) == 0 {
                let names = [path + ".before-restore"] + (2...999).map { "\(path).before-restore.\($0)" }
                let name = names.first { access($0, F_OK) != 0 } ?? names[0]
                for suffix in ["-wal", "-shm", ""] where rename(path + suffix, name + suffix) != 0 && errno != ENOENT {
                    throw MachineFault(errno: errno, path: name + suffix)
                }
                kept = name
            }
            for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
            try DurableFile.move(restoring, to: path)
            try witness.write(.none)
            return kept
        } catch let fault as MachineFault {
            throw StoreError.machine(fault)
        }
    }
}
