import Events
import Foundation
import Testing

/// Databases that can't be trusted: the host refuses them, leaves them as they are, and says what to do.
@Suite("A damaged database")
struct DamageTests {
    enum Damage: String, CaseIterable, Sendable {
        case zeroBytes, text, truncated, overwrittenPages, cutHeader, removed, damagedLogHeader, damagedLog, noLog
    }

    /// Files of a database as a killed host leaves them, with its log, or as a stopped one does, without.
    private static func damage(_ kind: Damage, _ path: String) throws {
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        func write() throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
        func log(_ range: Range<Int>) throws {
            var log = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path + "-wal")))
            try #require(log.count > range.upperBound + 100_000, "the log is too short for the test")
            for at in range { log[at] ^= 0x5A }
            try Data(log).write(to: URL(fileURLWithPath: path + "-wal"))
        }
        switch kind {
        case .zeroBytes: bytes = []
        case .text: bytes = Array(repeating: UInt8(ascii: "x"), count: 100_000)
        case .truncated: bytes.removeLast(bytes.count / 2)
        case .overwrittenPages: for at in 8192..<(bytes.count - 4096) { bytes[at] ^= 0x5A }
        case .cutHeader: bytes.removeLast(bytes.count - 100)
        case .removed: return try FileManager.default.removeItem(atPath: path)
        case .damagedLogHeader: return try log(0..<4)
        case .damagedLog: return try log(20_000..<20_016)
        case .noLog: return try FileManager.default.removeItem(atPath: path + "-wal")
        }
        try write()
    }

    private static func contents(_ folder: String) throws -> [String: Data] {
        let names = ["sluice.db", "sluice.db-wal", "sluice.db.run"]
        // An empty log holds nothing: whoever reads makes one.
        return names.reduce(into: [:]) { $0[$1] = FileManager.default.contents(atPath: folder + "/" + $1) }
            .filter { !($0.key.hasSuffix("-wal") && $0.value.isEmpty) }
    }

    @Test(
        "a damaged, emptied or replaced database is refused with what to do, and not touched",
        arguments: Damage.allCases)
    func refused(_ kind: Damage) async throws {
        let project = try TestProject.echo()
        let names = (1...20).map { "file-\($0)" }
        try project.drop(names)
        let host = try await HostProcess(project)
        try await host.records(names.count)
        let wantsLog = [.damagedLog, .damagedLogHeader, .noLog].contains(kind)
        if wantsLog { try await host.stop(SIGKILL) } else { #expect(try await host.stop() == 0) }
        try Self.damage(kind, project.state + "/sluice.db")
        let before = try Self.contents(project.state)
        let up = try await project.sluice("up", "--port", "0", "--until-idle")
        #expect(up.status == 4, "\(up)")
        #expect(up.error.contains("restore") && up.error.contains("sluice.db"), "\(up.error)")
        #expect(!up.output.contains("ObjectCreated"), "nothing is delivered again: \(up.output)")
        #expect(try Self.contents(project.state) == before)
    }

    @Test("a log that a power loss cut short is no damage")
    func tornLog() async throws {
        let project = try TestProject.echo()
        try project.drop(["a"])
        let host = try await HostProcess(project)
        try await host.records(1)
        try await host.stop(SIGKILL)
        let log = URL(fileURLWithPath: project.state + "/sluice.db-wal")
        let bytes = try Data(contentsOf: log)
        try (bytes + Data(bytes.suffix(4120)) + Data(repeating: 7, count: 3000)).write(to: log)
        let again = try await HostProcess(project, "--until-idle")
        #expect(try await again.waitForExit() == 0)
        #expect(try await project.outcomes(["a"]) == ["a": ["SUCCEEDED"]])
    }

    @Test(
        "damage that is found while the host runs ends it with the code for what a person must mend, and is said once")
    func whileRunning() async throws {
        let project = try TestProject.echo()
        try project.drop(["a"])
        let first = try await HostProcess(project, "--until-idle")
        #expect(try await first.waitForExit() == 0)
        let host = try await HostProcess(project)
        let path = project.state + "/sluice.db"
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for at in 4096..<bytes.count { bytes[at] = 0x5A }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.write(contentsOf: Data(bytes))
        try file.close()
        // Whichever page is read first tells; the log still holds those that were written last.
        try project.drop((1...50).map { "b\($0)" })
        #expect(try await host.waitForExit() == 4)
        #expect(host.notices("the database is damaged") <= 1)
    }

    @Test(
        "a database that is removed while the host runs ends it, instead of taking commits that are lost",
        arguments: ["sluice.db", "sluice.db-wal"])
    func removedWhileRunning(name: String) async throws {
        let project = try TestProject.echo()
        let host = try await HostProcess(project)
        try project.drop(["before"])
        try await host.records(1)
        try FileManager.default.moveItem(atPath: project.state + "/" + name, toPath: project.state + "/away")
        try project.drop(["a"])
        try await host.wait("the notice", "removed or replaced while the host ran")
        #expect(try await host.waitForExit() == 4)
        guard name != "sluice.db" else { return }
        // What had been committed to the log that was removed went into the database at the end.
        let again = try await HostProcess(project, "--until-idle")
        #expect(try await again.waitForExit() == 0)
        #expect(try await project.outcomes(["before", "a"]) == ["before": ["SUCCEEDED"], "a": ["SUCCEEDED"]])
    }
}
