import Events
import GRDB
import Glibc
import Storage
import Synchronization
import Testing

@testable import Lambda

/// A whole Lambda room over a database of its own, whose other rooms are tables that a test can read.
final class LambdaHarness: Sendable {
    let folder: String
    let store: Store
    let time = ManualTime()
    let service: LambdaService
    let settings: LambdaSettings
    let marks: Marks
    private let changes: Changes
    private let troubleBox: Box
    private let supersededBox: Box
    private let expectedBox: Box

    static let place = AccountRegion()
    private static let schema = Schema(
        room: "Harness",
        steps: [
            """
            CREATE TABLE test_log (log_group TEXT NOT NULL, stream TEXT NOT NULL, message TEXT NOT NULL) STRICT;
            CREATE TABLE test_metric (name TEXT NOT NULL, function TEXT, value REAL NOT NULL, count REAL NOT NULL) STRICT;
            CREATE TABLE test_record (target TEXT NOT NULL, record TEXT NOT NULL) STRICT;
            CREATE TABLE test_letter (target TEXT NOT NULL, payload TEXT NOT NULL, message TEXT NOT NULL) STRICT;
            """
        ])

    struct NoSuchTarget: Error {}

    /// Opens the room in a new folder, or in that of an earlier one, as a host does after a restart.
    init(after earlier: LambdaHarness? = nil, _ change: (inout LambdaSettings) -> Void = { _ in }) throws {
        folder = earlier?.folder ?? "/tmp/sluice-lambda-\(Identifier.hexadecimal(digits: 16))"
        mkdir(folder, 0o700)
        marks = try earlier?.marks ?? Marks(folder: folder)
        store = try Store(path: folder + "/sluice.db", schemas: [LambdaService.schema, Self.schema])
        var settings = LambdaSettings(stateFolder: folder + "/state", hostID: "test-" + folder.suffix(16))
        settings.environment = ["MARK": folder + "/mark"]
        change(&settings)
        self.settings = settings
        let changes = Changes()
        self.changes = changes
        let (troubles, superseded, expected) = (Box(), Box(), Box())
        self.expectedBox = expected
        self.troubleBox = troubles
        self.supersededBox = superseded
        let emission = LambdaEmission(
            place: Self.place,
            logs: { batch, connection in
                for event in batch.events {
                    try connection.execute(
                        "INSERT INTO test_log VALUES (?, ?, ?)", [batch.logGroup, batch.logStream, event.message])
                }
                connection.afterCommit { changes.signal() }
            },
            metrics: { data, connection in
                for datum in data where datum.dimensions.count < 2 {
                    for value in datum.values {
                        try connection.execute(
                            "INSERT INTO test_metric VALUES (?, ?, ?, ?)",
                            [datum.metricName, datum.dimensions["FunctionName"], value.value, value.count])
                    }
                }
                connection.afterCommit { changes.signal() }
            },
            deliver: { record, target, connection in
                if target.name == "missing" { throw NoSuchTarget() }
                try connection.execute(
                    "INSERT INTO test_record VALUES (?, ?)", [target.description, record.json.description])
            },
            deadLetter: { letter, target, connection in
                try connection.execute(
                    "INSERT INTO test_letter VALUES (?, ?, ?)",
                    [target.description, String(decoding: letter.payload, as: UTF8.self), letter.errorMessage])
            },
            superseded: { version, _ in superseded.contains(version.key) },
            trouble: { message in
                troubles.insert(message)
                if !expected.all.contains(where: message.contains) { Issue.record("trouble: \(message)") }
            })
        service = try LambdaService(store: store, time: time, settings: settings, emission: emission)
    }

    /// A set that closures share.
    final class Box: Sendable {
        private let values = Mutex<Set<String>>([])
        func insert(_ value: String) { values.withLock { _ = $0.insert(value) } }
        func contains(_ value: String) -> Bool { values.withLock { $0.contains(value) } }
        var all: Set<String> { values.withLock { $0 } }
    }

    func supersede(_ key: String) { supersededBox.insert(key) }
    /// Trouble that holds a text is what the test is about.
    func expectTrouble(_ text: String) { expectedBox.insert(text) }
    var trouble: Set<String> { troubleBox.all }

    /// The function that does what its event says, in Python: `hostile.py`.
    func hostile(
        _ name: String = "hostile", _ change: (inout FunctionConfiguration) -> Void = { _ in }
    ) throws -> FunctionConfiguration {
        try script(HostileFunction.source, name, change)
    }

    /// A function whose `bootstrap` is this script.
    func script(
        _ source: String, _ name: String, _ change: (inout FunctionConfiguration) -> Void = { _ in }
    ) throws -> FunctionConfiguration {
        let code = folder + "/" + name
        mkdir(code, 0o755)
        try write(source, to: code + "/bootstrap")
        chmod(code + "/bootstrap", 0o755)
        var configuration = FunctionConfiguration(name: name, codeFolder: code)
        change(&configuration)
        return configuration
    }

    /// Writes a file under another name and moves it into place.
    func write(_ text: String, to path: String) throws {
        let file = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, 0o755)
        try #require(file >= 0)
        let bytes = Array(text.utf8)
        #expect(Glibc.write(file, bytes, bytes.count) == bytes.count)
        Glibc.close(file)
        #expect(rename(path + ".new", path) == 0)
    }

    func invoke(_ event: JSON, _ name: String = "hostile", tail: Bool = false) async throws -> InvokeResult {
        try await service.invoke(
            InvokeRequest(functionName: name, payload: event.serialized(), wantsLogTail: tail))
    }

    /// Waits until what is committed fulfils a condition.
    func wait(_ condition: @Sendable (Connection) throws -> Bool) async throws {
        while true {
            let seen = changes.version
            if try store.readNow({ try condition($0) }) { return }
            await changes.next(after: seen)
        }
    }

    func logs() throws -> [String] {
        try store.readNow { try $0.rows("SELECT message FROM test_log ORDER BY rowid").map { $0[0] } }
    }

    func records() throws -> [JSON] {
        try store.readNow {
            try $0.rows("SELECT record FROM test_record ORDER BY rowid").map { try JSON(parsing: $0[0] as String) }
        }
    }

    func metric(_ name: String, function: String? = nil) throws -> Double {
        try store.readNow {
            try $0.value(
                Double.self, "SELECT sum(value * count) FROM test_metric WHERE name = ? AND function IS ?",
                [name, function]) ?? 0
        }
    }

    /// Ends the room and what it has started, and removes its files.
    func close() async {
        await service.stop(within: .zero)
        store.close()
    }

    deinit {
        FileTree.remove(folder)
    }
}

extension Store {
    /// Reads on the caller's thread, in an async function too.
    func readNow<Value>(_ body: (Connection) throws -> Value) throws -> Value { try read(body) }
}

/// Counts commits and wakes who waits for the next.
final class Changes: Sendable {
    private struct State {
        var version = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    var version: Int { state.withLock { $0.version } }

    func signal() {
        let waiters = state.withLock { state in
            state.version += 1
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func next(after seen: Int) async {
        await withCheckedContinuation { continuation in
            let isPast = state.withLock { state in
                if state.version > seen { return true }
                state.waiters.append(continuation)
                return false
            }
            if isPast { continuation.resume() }
        }
    }
}

/// A named pipe by which a function says that it has come to a place.
final class Marks: Sendable {
    private let lines: Mutex<[String]> = Mutex([])
    private let changes = Changes()

    init(folder: String) throws {
        let path = folder + "/mark"
        try #require(mkfifo(path, 0o600) == 0)
        // Open for writing too: the pipe then has no end while functions come and go.
        let file = open(path, O_RDWR | O_CLOEXEC)
        try #require(file >= 0)
        BlockingThread.start(name: "marks") { [weak self, changes] in
            var rest: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(file, &buffer, 4096)
                guard count > 0 else { break }
                rest += buffer[..<count]
                while let end = rest.firstIndex(of: 10) {
                    let line = String(decoding: rest[..<end], as: UTF8.self)
                    rest.removeFirst(end + 1)
                    guard let self else { return }
                    self.lines.withLock { $0.append(line) }
                    changes.signal()
                }
            }
        }
    }

    /// Takes the first mark that begins like this, once it is there.
    func next(_ prefix: String = "") async -> String {
        while true {
            let seen = changes.version
            let found = lines.withLock { lines -> String? in
                guard let index = lines.firstIndex(where: { $0.hasPrefix(prefix) }) else { return nil }
                return lines.remove(at: index)
            }
            if let found { return found }
            await changes.next(after: seen)
        }
    }
}
