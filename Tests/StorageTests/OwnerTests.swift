import Events
import Foundation
import GRDB
import Storage
import Synchronization
import Testing

@Suite("A host's own database")
struct OwnerTests {
    let folder: String
    var path: String { folder + "/t.db" }
    let schema = Schema(
        room: "Test", steps: ["CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"])

    init() throws {
        folder = NSTemporaryDirectory() + "owner-" + Identifier.uuid()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// What a store has told.
    final class News: Sendable {
        private let all = Mutex<[StoreNews]>([])
        func add(_ news: StoreNews) { all.withLock { $0.append(news) } }
        var broken: [StoreError] {
            all.withLock { $0.compactMap { if case .broken(let error) = $0 { error } else { nil } } }
        }
        var opening: [String] {
            all.withLock { $0.compactMap { if case .opening(let text) = $0 { text } else { nil } } }
        }
    }

    private func open(_ steps: [String]? = nil, news: News = News()) throws -> Store {
        try Store(
            path: path, schemas: [Schema(room: "Test", steps: steps ?? schema.steps)], mode: .owner,
            news: { news.add($0) })
    }

    @Test("after it was closed, all that was committed is in the one file")
    func oneFile() async throws {
        let store = try open()
        try await store.write { try $0.execute("INSERT INTO item (name) VALUES ('a')") }
        store.close()
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        let again = try open()
        #expect(try await again.read { try $0.value(String.self, "SELECT name FROM item") } == "a")
        again.close()
    }

    @Test("a database that another one was put in place of is refused, until its mark is removed on purpose")
    func replaced() throws {
        try open().close()
        try FileManager.default.moveItem(atPath: path, toPath: path + ".first")
        try Store(path: folder + "/other.db", schemas: [schema]).close()
        try FileManager.default.moveItem(atPath: folder + "/other.db", toPath: path)
        #expect(throws: StoreError.lost(path: path)) { try open() }
        try FileManager.default.removeItem(atPath: path + ".run")
        try open().close()
    }

    @Test("an older database is kept as it was before it is upgraded")
    func upgrade() async throws {
        let store = try open()
        try await store.write { try $0.execute("INSERT INTO item (name) VALUES ('a')") }
        store.close()
        let news = News()
        let newer = schema.steps + ["ALTER TABLE item ADD COLUMN size INTEGER"]
        try open(newer, news: news).close()
        #expect(news.opening.contains { $0.contains("t.db.before-upgrade") })
        let kept = try Store(path: path + ".before-upgrade", schemas: [schema], mode: .readOnly)
        #expect(try await kept.read { try $0.value(String.self, "SELECT name FROM item") } == "a")
        kept.close()
        #expect(throws: StoreError.newer(path: path, steps: ["Test.2"])) { try open() }
        // The way back.
        #expect(try Store.restore(path + ".before-upgrade", to: path, schemas: [schema]) == path + ".before-restore")
        try open().close()
    }

    @Test("writes to a database that was removed fail as to a closed one, and it is told once")
    func removed() async throws {
        let news = News()
        let store = try open(news: news)
        try FileManager.default.removeItem(atPath: path)
        for _ in 0..<3 {
            await #expect(throws: StoreError.closed) {
                try await store.write { try $0.execute("INSERT INTO item (name) VALUES ('a')") }
            }
        }
        #expect(news.broken == [.replaced(path: path)])
        store.close()
    }

    @Test("a copy that is given up leaves nothing behind, and the file that it was to replace as it was")
    func givenUp() async throws {
        struct Enough: Error {}
        let store = try open()
        try "old".write(toFile: folder + "/copy", atomically: true, encoding: .utf8)
        #expect(throws: Enough.self) { try store.backup(to: folder + "/copy") { _ in throw Enough() } }
        #expect(try String(contentsOfFile: folder + "/copy", encoding: .utf8) == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("unfinished") } == [])
        store.close()
    }

    private final class Flag: Sendable { let value = Atomic(false) }

    @Test("a copy taken under a load of writes is one moment: no write is half in it, and it comes to an end")
    func load() async throws {
        let store = try open()
        let isOver = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<4 {
                group.addTask {
                    var number = 0
                    while !isOver.value.load(ordering: .relaxed) {
                        number += 1
                        let name = "\(lane) \(number)"
                        // Two rows that belong together.
                        try await store.write {
                            try $0.execute("INSERT INTO item (name) VALUES (?)", ["\(name) a"])
                            try $0.execute("INSERT INTO item (name) VALUES (?)", ["\(name) b"])
                        }
                    }
                }
            }
            for copy in 0..<5 {
                try store.backup(to: "\(folder)/copy\(copy).db")
                let reader = try Store(path: "\(folder)/copy\(copy).db", schemas: [schema], mode: .readOnly)
                #expect(try reader.integrityCheck() == ["ok"])
                let halves = try await reader.read {
                    try $0.value(
                        Int.self,
                        "SELECT count(*) FROM item WHERE name LIKE '% a' AND NOT EXISTS (SELECT 1 FROM item AS o WHERE o.name = replace(item.name, ' a', ' b'))"
                    )
                }
                #expect(halves == 0)
                reader.close()
            }
            isOver.value.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        store.close()
    }

    @Test("each fault of the machine says what to do about it")
    func faults() {
        for (code, text) in [
            (ENOSPC, "is full. At least"), (EDQUOT, "quota"), (EROFS, "remount,rw"), (EACCES, "chown -R"),
            (EMFILE, "ulimit -n"),
            (ENFILE, "fs.file-max"), (EAGAIN, "TasksMax="), (EIO, "dmesg"), (ENOMEM, "memory"),
        ] {
            let fault = MachineFault(errno: code, path: path)
            #expect(fault.description.contains(text), "\(fault)")
            #expect(MachineFault.isOutside(code))
        }
        let space = FileSystemSpace("/proc")
        #expect(space.mountPoint == "/proc" && space.type == "proc")
        #expect(FileSystemSpace.bytes(1536) == "1.5 KiB" && FileSystemSpace.bytes(3 << 20) == "3 MiB")
    }
}
