import Events
import Foundation
import GRDB
import Storage
import Synchronization
import Testing

@Suite("The store")
struct StoreTests {
    let folder: String
    let schema = Schema(
        room: "Test", steps: ["CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"])

    init() throws {
        folder = NSTemporaryDirectory() + "store-" + Identifier.uuid()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func open(_ schemas: [Schema]? = nil, mode: Store.Mode = .readWrite) throws -> Store {
        try Store(path: folder + "/t.db", schemas: schemas ?? [schema], mode: mode)
    }

    @Test("what a write committed is there after reopening, durably written")
    func reopen() async throws {
        let store = try open()
        try await store.write { try $0.execute("INSERT INTO item (name) VALUES (?)", ["a"]) }
        store.close()
        let again = try open(mode: .readOnly)
        #expect(try await again.read { try $0.value(String.self, "SELECT name FROM item") } == "a")
        #expect(try again.integrityCheck() == ["ok"])
    }

    @Test("a write that throws is undone alone, while its neighbours in the group are kept")
    func isolation() async throws {
        let store = try open()
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    do {
                        // Every tenth uses a name that is taken.
                        try await store.write {
                            try $0.execute("INSERT INTO item (name) VALUES (?)", ["before \(number)"])
                            try $0.execute(
                                "INSERT INTO item (name) VALUES (?)", [number % 10 == 0 ? "taken" : "n\(number)"])
                        }
                        return true
                    } catch { return false }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        // One of the twenty gets the name, nineteen fail with both of their rows.
        #expect(outcomes == 181)
        #expect(try await store.read { try $0.value(Int.self, "SELECT count(*) FROM item") } == 362)
        store.close()
    }

    @Test("hooks run after the commit, and not for a write that was undone")
    func hooks() async throws {
        let store = try open()
        let ran = Mutex<[String]>([])
        let hooks = Log(ran)
        try await store.write { connection in
            try connection.execute("INSERT INTO item (name) VALUES ('x')")
            connection.afterCommit { hooks.add("x") }
        }
        await #expect(throws: DatabaseError.self) {
            try await store.write { connection in
                connection.afterCommit { hooks.add("never") }
                try connection.execute("INSERT INTO item (name) VALUES ('x')")
            }
        }
        #expect(hooks.all == ["x"])
        store.close()
    }

    @Test("a write to a closed store says so")
    func closed() async throws {
        let store = try open()
        store.close()
        await #expect(throws: StoreError.closed) { try await store.write { _ in } }
    }

    @Test("a missing, a foreign and a newer database each give their own error")
    func errors() async throws {
        #expect(throws: StoreError.missing(path: folder + "/t.db")) { try open(mode: .readOnly) }
        let newer = try open([Schema(room: "Test", steps: schema.steps + ["CREATE TABLE later (id INTEGER) STRICT"])])
        newer.close()
        #expect(throws: StoreError.newer(path: folder + "/t.db", steps: ["Test.2"])) { try open() }
        try Data("this is no database, though it is long enough to be looked at as one".utf8)
            .write(to: URL(fileURLWithPath: folder + "/u.db"))
        #expect {
            try Store(path: folder + "/u.db", schemas: [schema])
        } throws: {
            guard case StoreError.corrupt = $0 else { return false }
            return true
        }
    }

    @Test("a backup taken while others write is whole")
    func backup() async throws {
        let store = try open()
        for number in 0..<50 {
            try await store.write { try $0.execute("INSERT INTO item (name) VALUES (?)", ["n\(number)"]) }
        }
        try store.backup(to: folder + "/copy.db")
        store.close()
        let copy = try Store(path: folder + "/copy.db", schemas: [schema], mode: .readOnly)
        #expect(try await copy.read { try $0.value(Int.self, "SELECT count(*) FROM item") } == 50)
    }

    private final class Log: Sendable {
        private let entries: Mutex<[String]>
        init(_ entries: consuming Mutex<[String]>) { self.entries = entries }
        func add(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }
    }

    @Test("a store that is closed waits for the reads under way, and refuses those that come later")
    func closing() async throws {
        for _ in 0..<20 {
            let path = NSTemporaryDirectory() + "sluice-closing-\(UUID().uuidString).db"
            defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
            let store = try Store(path: path, schemas: [])
            let (closed, close) = AsyncStream.makeStream(of: Void.self)
            BlockingThread.start(name: "close") {
                usleep(2000)
                store.close()
                close.finish()
            }
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        // Until the store is closed.
                        while true {
                            do {
                                if number.isMultiple(of: 2) {
                                    _ = try await store.read { try $0.value(Int.self, "SELECT 1") }
                                } else {
                                    try Self.readNow(store)
                                }
                            } catch {
                                #expect(error as? StoreError == .closed)
                                return
                            }
                        }
                    }
                }
            }
            for await _ in closed {}
            #expect(throws: StoreError.closed) { try Self.readNow(store) }
        }
    }

    private static func readNow(_ store: Store) throws {
        _ = try store.read { try $0.value(Int.self, "SELECT 1") } as Int?
    }
}
