import Events
import Foundation
import Glibc
import Testing

@Suite("Backup and restore")
struct BackupTests {
    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(
        "a restored backup knows what it knew: what was through stays through, what waited runs, what came later is delivered again"
    )
    func roundTrip() async throws {
        let project = try TestProject.echo()
        let host = try await HostProcess(project)
        try project.drop(["through"])
        try await host.records(1)
        #expect(try await project.sluice("backup", project.root + "/copy.db").status == 0)
        try project.drop(["later"])
        try await host.records(2)
        let early = try await project.sluice("restore", project.root + "/copy.db")
        #expect(early.status == 4 && early.error.contains("process \(host.processID)"), "\(early)")
        #expect(try await host.stop() == 0)
        let restored = try await project.sluice("restore", project.root + "/copy.db")
        #expect(restored.status == 0 && restored.output.contains("sluice.db.before-restore"), "\(restored)")
        let again = try await HostProcess(project, "--until-idle")
        #expect(try await again.waitForExit() == 0)
        #expect(
            try await project.outcomes(["through", "later"]) == ["through": ["SUCCEEDED"], "later": ["SUCCEEDED"]])
        #expect(try project.eventCount() == 2, "only what came later is delivered again")
    }

    @Test("a backup that is restored beside a copy of the lake knows the copy's objects")
    func elsewhere() async throws {
        let project = try TestProject.echo()
        try project.drop(["through", "as well"])
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)
        #expect(try await project.sluice("backup", project.root + "/copy.db").status == 0)
        let other = try TestProject.echo()
        // Without the times, as tools copy that nobody has told otherwise.
        let copied = try await TestProject.run("/bin/cp", ["-r", project.root + "/lake", other.root + "/"])
        #expect(copied.status == 0, "\(copied)")
        #expect(try await other.sluice("restore", project.root + "/copy.db").status == 0)
        for _ in 0..<2 {
            let again = try await HostProcess(other, "--until-idle")
            #expect(try await again.waitForExit() == 0)
            #expect(try other.eventCount() == 2)
        }
        try other.drop(["new"])
        let next = try await HostProcess(other, "--until-idle")
        #expect(try await next.waitForExit() == 0)
        #expect(try other.eventCount() == 3)
    }

    @Test("two backups into one file do not take each other's away, and the host's own files are no target")
    func collisions() async throws {
        let project = try TestProject.echo()
        try project.drop(["a"])
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)
        let target = project.root + "/copy.db"
        // What another backup holds while it copies.
        let lock = open(target + ".unfinished.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        #expect(flock(lock, LOCK_EX) == 0)
        let second = try await project.sluice("backup", target)
        #expect(second.status == 4 && second.error.contains("another copy into this file is being made"), "\(second)")
        close(lock)
        #expect(try await project.sluice("backup", target).status == 0)
        #expect(try files(project.root).filter { $0.hasPrefix("copy") } == ["copy.db"])
        for name in ["sluice.db", "sluice.db-wal", "sluice.db.run"] {
            let own = try await project.sluice("backup", "--force", project.state + "/" + name)
            #expect(own.status == 4 && own.error.contains("one of the host's own files"), "\(own)")
        }
    }

    @Test("a backup on a full disk fails with the file system's name and leaves nothing behind")
    func fullDisk() async throws {
        let project = try TestProject.echo()
        try project.drop(["a"])
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)
        try FileManager.default.createDirectory(atPath: project.root + "/backups", withIntermediateDirectories: true)
        let faults = Faults(project)
        try faults.begin(("write", ENOSPC, "/backups/"))
        let target = project.root + "/backups/copy.db"
        let full = try await TestProject.run(
            TestProject.programs + "/sluice", ["backup", target, "--project", project.root],
            environment: faults.environment)
        #expect(full.status == 4 && full.error.contains("is full. At least"), "\(full)")
        #expect(try files(project.root + "/backups") == [])
        try faults.end()
        #expect(try await project.sluice("backup", target).status == 0)
        #expect(try files(project.root + "/backups") == ["copy.db"])
        // An older file is only replaced on demand, and then by a whole one.
        #expect(try await project.sluice("backup", target).status == 4)
        try faults.begin(("write", ENOSPC, "/backups/"))
        let before = FileManager.default.contents(atPath: target)
        let forced = try await TestProject.run(
            TestProject.programs + "/sluice", ["backup", "--force", target, "--project", project.root],
            environment: faults.environment)
        #expect(forced.status == 4)
        #expect(FileManager.default.contents(atPath: target) == before)
        try faults.end()
        #expect(try await project.sluice("backup", "--force", target).status == 0)
    }

    @Test("a restore refuses a damaged, a foreign and a missing file before it touches anything")
    func refusals() async throws {
        let project = try TestProject.echo()
        try project.drop(["a"])
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)
        let copy = project.root + "/copy.db"
        #expect(try await project.sluice("backup", copy).status == 0)
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: copy)))
        for at in (bytes.count / 2)..<(bytes.count / 2 + 8192) { bytes[at] ^= 0x5A }
        try Data(bytes).write(to: URL(fileURLWithPath: project.root + "/damaged.db"))
        try project.write("no database", to: "text.db")
        let before = try files(project.state)
        let database = FileManager.default.contents(atPath: project.state + "/sluice.db")
        for (name, status) in [("damaged.db", 4), ("text.db", 4), ("none.db", 3)] as [(String, Int32)] {
            let result = try await project.sluice("restore", project.root + "/" + name)
            #expect(result.status == status && result.error.contains(name), "\(result)")
        }
        #expect(try files(project.state) == before)
        #expect(FileManager.default.contents(atPath: project.state + "/sluice.db") == database)
    }

    @Test("a restore that was interrupted keeps the host from starting until it is run again")
    func interrupted() async throws {
        let project = try TestProject.echo()
        try project.drop(["a"])
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)
        let copy = project.root + "/copy.db"
        #expect(try await project.sluice("backup", copy).status == 0)
        let faults = Faults(project)
        // The old database is away and the new one not yet in place when the folder can't be written any more.
        try faults.begin(("open", EIO, "before-restore"), ("fsync", EIO, ".sluice"))
        _ = try await project.sluice("restore", copy, environment: faults.environment)
        try faults.end()
        try project.write(#"{"restoring":true}"#, to: ".sluice/sluice.db.run")
        let up = try await project.sluice("up", "--port", "0", "--until-idle")
        #expect(up.status == 4 && up.error.contains("was interrupted. Run it again"), "\(up)")
        #expect(try await project.sluice("restore", copy).status == 0)
        let again = try await HostProcess(project, "--until-idle")
        #expect(try await again.waitForExit() == 0)
        #expect(try await project.outcomes(["a"]) == ["a": ["SUCCEEDED"]])
    }
}
