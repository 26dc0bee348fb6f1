import Events
import Glibc
import Storage
import Testing

@testable import EMR

/// Whose processes are ended with a step, and whose are not.
@Suite("Processes of steps", .timeLimit(.minutes(2)))
struct ProcessesTests {
    /// A process of nobody's step, which leads a session of its own.
    private func stranger() throws -> pid_t {
        try Spawn.process(
            ["/bin/sleep", "300"], environment: [:], stdout: "/dev/null", stderr: "/dev/null", descriptor: nil)
    }

    private func isAlive(_ pid: pid_t) -> Bool { ProcessTable().entries[pid] != nil }

    enum Record: CaseIterable { case otherStart, otherBoot, olderVersion, itself }

    @Test(
        "a process that has got the number of a step's program after a crash is left alone",
        arguments: Record.allCases)
    func numberUsedAgain(_ record: Record) async throws {
        let room = try TestRoom()
        let (step, _) = try await room.orphan("exit 0", launch: false)
        let pid = try stranger()
        let start = try #require(ProcessTable().entries[pid]?.start)
        let run = room.settings.folders(of: step).run
        try #require(TextFile.makeFolder(run))
        let line =
            switch record {
            case .otherStart: "\(pid) \(start - 1) \(ProcessTable.boot)"
            case .otherBoot: "\(pid) \(start) another"
            case .olderVersion: "\(pid)"
            case .itself: "\(pid) \(start) \(ProcessTable.boot)"
            }
        #expect(TextFile.write(Array("started \(line)\nchild \(line)\n".utf8), to: "\(run)/lock"))
        for name in ["started", "child"] { #expect(TextFile.write(Array("\(pid)\n".utf8), to: "\(run)/\(name)")) }
        for signal in [SIGTERM, SIGKILL] where record != .itself {
            StepSupervisor.signal(signal, run: run, step: step.id)
        }
        try await room.start()
        #expect(await room.nextEnded()[step.id]?.state == .failed)
        #expect(isAlive(pid) == (record != .itself))
        kill(pid, SIGKILL)
        Spawn.wait(pid)
        #expect(room.begun == 0)
    }

    @Test("a session is a step's only while its leader is known")
    func sessions() throws {
        let pid = try stranger()
        defer {
            kill(pid, SIGKILL)
            Spawn.wait(pid)
        }
        let table = ProcessTable()
        let start = try #require(table.entries[pid]?.start)
        let identity = ProcessIdentity(pid: pid, start: start, boot: ProcessTable.boot)
        #expect(table.holds(identity))
        #expect(StepSupervisor.processes(of: "s-NONE", run: "/none", program: identity, in: table) == [pid])
        let other = ProcessIdentity(pid: pid, start: start + 1, boot: ProcessTable.boot)
        #expect(!table.holds(other))
        #expect(StepSupervisor.processes(of: "s-NONE", run: "/none", program: other, in: table).isEmpty)
        #expect(ProcessIdentity("\(pid) \(start) \(ProcessTable.boot)") == identity)
        for text in ["", "\(pid)", "1 2 b", "-5 2 b", "9 2 ", "9  b", "9 2 b c"] {
            #expect(ProcessIdentity(text[...]) == nil, "\(text)")
        }
    }

    @Test("a supervisor writes down who it and its program are")
    func identities() async throws {
        let room = try TestRoom()
        for name in ["ready", "gate"] { try Signpost.make("\(room.folder)/\(name)") }
        let (step, pid) = try await room.orphan(": > '\(room.folder)/ready'; cat '\(room.folder)/gate' > /dev/null")
        await Signpost.wait("\(room.folder)/ready")
        let supervisor = try #require(pid)
        let record = try #require(RunRecord(run: room.settings.folders(of: step).run))
        let program = try #require(record.journal.program)
        let table = ProcessTable()
        #expect(table.holds(program))
        #expect(table.entries[program.pid]?.parent == supervisor && table.entries[program.pid]?.session == program.pid)
        #expect(StepSupervisor.find(run: room.settings.folders(of: step).run, in: table) == supervisor)
        _ = TextFile.write([], to: "\(room.folder)/gate")
        Spawn.wait(supervisor)
        #expect(record.journal.exitStatus == 0)
        #expect(!ProcessTable().holds(program))
    }

    /// Starts a daemon with a session and an environment of its own, and goes on once its number stands in `daemon`.
    private func daemon(_ room: TestRoom) -> String {
        let file = "\(room.folder)/daemon"
        return """
            env -i /usr/bin/setsid /bin/sh -c 'echo $$ > "\(file).new"; mv "\(file).new" "\(file)"; exec sleep 300' \
            > /dev/null 2>&1 < /dev/null &
            while [ ! -e '\(file)' ]; do sleep 0.01; done
            """
    }

    private func daemonProcess(_ room: TestRoom) throws -> pid_t {
        let text = try #require(TextFile.read("\(room.folder)/daemon"))
        return try #require(pid_t(text.filter(\.isNumber)))
    }

    @Test("a daemon with a session and an environment of its own ends with its step, also where no host is there")
    func daemonEnds() async throws {
        let room = try TestRoom()
        let (step, pid) = try await room.orphan("\(daemon(room)); exit 4")
        Spawn.wait(try #require(pid))
        #expect(!isAlive(try daemonProcess(room)))
        try await room.start()
        #expect(await room.nextEnded()[step.id]?.exitCode == 4)
        unlink("\(room.folder)/daemon")
        #expect(try await room.run(TestRoom.bash(daemon(room))).state == .completed)
        #expect(!isAlive(try daemonProcess(room)))
    }

    @Test("TERMINATE_PROCESS ends a daemon with a session and an environment of its own too")
    func daemonKilled() async throws {
        let room = try TestRoom()
        try Signpost.make("\(room.folder)/ready")
        try await room.start()
        let id = try await room.add(TestRoom.bash("\(daemon(room)); : > '\(room.folder)/ready'; sleep 300"))[0]
        await Signpost.wait("\(room.folder)/ready")
        #expect(isAlive(try daemonProcess(room)))
        _ = try await room.clusters.cancelSteps([id], of: TestRoom.clusterID, option: .terminateProcess)
        #expect(await room.nextEnded()[id]?.state == .cancelled)
        #expect(!isAlive(try daemonProcess(room)))
    }

    @Test("a copy of a project leaves the processes of the original's steps alone, another path to it does not")
    func copies() async throws {
        let room = try TestRoom()
        let (step, supervisor) = try await room.orphanAtWork()
        let copy = "\(room.folder)/copy/steps/\(step.id)"
        try #require(TextFile.makeFolder(copy) && TextFile.write([], to: "\(copy)/lock"))
        StepSupervisor.signal(SIGTERM, run: copy, step: step.id)
        StepSupervisor.sweep(run: copy, step: step.id)
        #expect(StepSupervisor.find(run: copy) == nil)
        #expect(StepSupervisor.processes(of: step.id, run: copy).isEmpty)
        #expect(Clusters.runningSteps(stateFolder: "\(room.folder)/copy").isEmpty)
        #expect(TestRoom.processes(of: step.id).count == 2, "the supervisor and the program")

        let link = "\(room.folder)/link"
        try #require(symlink(room.settings.stateFolder, link) == 0)
        TextFile.removeFolder(room.settings.folders(of: step).run)
        #expect(StepSupervisor.find(run: "\(link)/steps/\(step.id)") == supervisor)
        #expect(Clusters.runningSteps(stateFolder: link) == [step.id])
        StepSupervisor.sweep(run: "\(link)/steps/\(step.id)", step: step.id)
        Spawn.wait(supervisor)
        #expect(TestRoom.processes(of: step.id).isEmpty)
    }

    @Test("a project that was moved while a step of it runs finds that step by its record")
    func moved() async throws {
        let room = try TestRoom()
        try Signpost.make("\(room.folder)/ready")
        let (step, pid) = try await room.orphan(": > '\(room.folder)/ready'; sleep 300")
        await Signpost.wait("\(room.folder)/ready")
        try #require(rename(room.settings.stateFolder, "\(room.folder)/moved") == 0)
        let run = "\(room.folder)/moved/steps/\(step.id)"
        #expect(StepSupervisor.find(run: run) == pid)
        StepSupervisor.signal(SIGKILL, run: run, step: step.id)
        Spawn.wait(try #require(pid))
        #expect(StepSupervisor.status(run) == .exited(137))
    }

    @Test("signals to a supervisor change nothing about its program's exit status")
    func signalled() async throws {
        let room = try TestRoom()
        for name in ["ready", "gate"] { try Signpost.make("\(room.folder)/\(name)") }
        let (step, pid) = try await room.orphan(
            ": > '\(room.folder)/ready'; cat '\(room.folder)/gate' > /dev/null; exit 6")
        let supervisor = try #require(pid)
        await Signpost.wait("\(room.folder)/ready")
        for signal in [SIGTERM, SIGHUP, SIGINT] { kill(supervisor, signal) }
        _ = TextFile.write([], to: "\(room.folder)/gate")
        Spawn.wait(supervisor)
        #expect(StepSupervisor.status(room.settings.folders(of: step).run) == .exited(6))
    }
}
