import Events
import Glibc
import Storage
import Testing

@testable import EMR

/// Somebody removes what a step has written down: a job that cleans up too much, a person who makes room.
@Suite("Removed runs", .timeLimit(.minutes(2)))
struct RemovedRunTests {
    enum Removal: CaseIterable { case emptied, removed }

    private func remove(_ room: TestRoom, _ step: Step, _ removal: Removal) throws {
        let run = room.settings.folders(of: step).run
        TextFile.removeFolder(run)
        if removal == .emptied { try #require(TextFile.makeFolder(run)) }
    }

    @Test(
        "a step whose run was removed while no host was there is found by its supervisor, and runs once",
        arguments: Removal.allCases)
    func stillRunning(_ removal: Removal) async throws {
        let room = try TestRoom()
        for name in ["ready", "gate"] { try Signpost.make("\(room.folder)/\(name)") }
        let (step, pid) = try await room.orphan(
            ": > '\(room.folder)/ready'; cat '\(room.folder)/gate' > /dev/null; exit 5")
        await Signpost.wait("\(room.folder)/ready")
        try remove(room, step, removal)
        #expect(Clusters.runningSteps(stateFolder: room.settings.stateFolder) == [step.id])
        try await room.start()
        #expect(try room.step(step.id).state == .running)
        _ = TextFile.write([], to: "\(room.folder)/gate")
        let ended = try #require(await room.nextEnded()[step.id])
        Spawn.wait(try #require(pid))
        #expect(ended.state == .failed && ended.exitCode == 5)
        #expect(room.begun == 1)
    }

    @Test(
        "a step that ended while its run was gone and no host was there has its outcome in its log",
        arguments: Removal.allCases, [("exit 0", StepState.completed, 0), ("exit 3", .failed, 3)])
    func endedMeanwhile(_ removal: Removal, _ case: (line: String, state: StepState, code: Int)) async throws {
        let room = try TestRoom()
        for name in ["ready", "gate"] { try Signpost.make("\(room.folder)/\(name)") }
        let (step, pid) = try await room.orphan(
            ": > '\(room.folder)/ready'; cat '\(room.folder)/gate' > /dev/null; \(`case`.line)")
        await Signpost.wait("\(room.folder)/ready")
        try remove(room, step, removal)
        _ = TextFile.write([], to: "\(room.folder)/gate")
        #expect(Spawn.wait(try #require(pid)) == 0)
        try await room.start()
        let ended = try #require(await room.nextEnded()[step.id])
        #expect(ended.state == `case`.state && ended.exitCode == `case`.code)
        #expect(room.begun == 1)
    }

    @Test("a step of which neither records nor log nor supervisor are left fails and says so, and is not run again")
    func nothingLeft() async throws {
        let room = try TestRoom()
        let (step, supervisor) = try await room.orphanAtWork()
        kill(supervisor, SIGKILL)
        Spawn.wait(supervisor)
        try remove(room, step, .emptied)
        TextFile.removeFolder(step.logFolder)
        try await room.start()
        let ended = try #require(await room.nextEnded()[step.id])
        #expect(ended.state == .failed && ended.exitCode == nil)
        #expect(ended.failure?.message.contains("removed the records") == true)
        #expect(TestRoom.processes(of: step.id).isEmpty, "what was left of it is ended")
        #expect(room.begun == 1)
    }

    @Test("a start that the database knows of is not made again where its records are gone")
    func onlyTheRow() async throws {
        for boot in [ProcessTable.boot, "another"] {
            let room = try TestRoom()
            let (step, _) = try await room.orphan("exit 0", launch: false)
            try await room.store.write { try EMRStore.setLaunched(boot, of: step.id, $0) }
            try await room.start()
            let ended = try #require(await room.nextEnded()[step.id])
            #expect(ended.state == .failed && ended.failure?.message.contains("It was not run again") == true)
            #expect(room.begun == 0)
        }
    }

    @Test("that a step may begin is committed before it does")
    func committedFirst() async throws {
        let room = try TestRoom()
        try await room.start()
        let ran = try await room.run(TestRoom.bash("true"))
        #expect(try await room.store.read { try EMRStore.launched(ran.id, $0) } == ProcessTable.boot)
        let failed = try await room.run(
            StepConfig(name: "none", hadoopJarStep: HadoopJarStep(jar: "none.jar", args: ["x"])))
        #expect(failed.state == .failed)
        #expect(try await room.store.read { try EMRStore.launched(failed.id, $0) } == nil)
    }

    @Test("a run that is removed under a running step is told once, and the step ends with its true outcome")
    func whileWatched() async throws {
        for removal in Removal.allCases {
            let room = try TestRoom()
            for name in ["ready", "gate"] { try Signpost.make("\(room.folder)/\(name)") }
            try await room.start()
            let id = try await room.add(
                TestRoom.bash(": > '\(room.folder)/ready'; cat '\(room.folder)/gate' > /dev/null; exit 7"))[0]
            await Signpost.wait("\(room.folder)/ready")
            try remove(room, try room.step(id), removal)
            #expect(await room.nextNotice()?.contains("somebody has removed files from") == true)
            _ = TextFile.write([], to: "\(room.folder)/gate")
            let ended = try #require(await room.nextEnded()[id])
            #expect(ended.state == .failed && ended.exitCode == 7)
            #expect(try await room.run(TestRoom.bash("true")).state == .completed, "what waits behind it runs")
        }
    }

    @Test("a step whose run was removed can be cancelled")
    func cancelled() async throws {
        for option in [StepCancellationOption.sendInterrupt, .terminateProcess] {
            let room = try TestRoom()
            try Signpost.make("\(room.folder)/ready")
            try await room.start()
            let id = try await room.add(TestRoom.bash(": > '\(room.folder)/ready'; exec sleep 300"))[0]
            await Signpost.wait("\(room.folder)/ready")
            try remove(room, try room.step(id), .removed)
            _ = try await room.clusters.cancelSteps([id], of: TestRoom.clusterID, option: option)
            let ended = try #require(await room.nextEnded()[id])
            #expect(ended.state == .cancelled)
            #expect(ended.exitCode == (option == .sendInterrupt ? 143 : 137))
        }
    }

    // MARK: - What may be concluded

    private func verdict(
        _ status: StepSupervisor.Status, launched: String? = nil, logged: StepSchedule.Ending? = nil,
        isAlive: Bool = false, isUnforked: Bool = false
    ) -> String {
        let traces = RunTraces(
            status: status, record: nil, isUnforked: isUnforked, launched: launched, boot: "now", logged: logged,
            isAlive: isAlive)
        return switch traces.verdict {
        case .runs: "runs"
        case .ended(let ending): "\(ending)"
        case .neverBegan: "never began"
        }
    }

    @Test("that a step never began is concluded only where nothing speaks for it")
    func verdicts() {
        #expect(verdict(.absent) == "never began")
        #expect(verdict(.absent, launched: "now") == "lost(EMR.StepSchedule.Loss.recordsGone)")
        #expect(verdict(.absent, launched: "before") == "lost(EMR.StepSchedule.Loss.machineStopped)")
        #expect(verdict(.absent, logged: .lost(.recordsGone)) == "lost(EMR.StepSchedule.Loss.recordsGone)")
        #expect(verdict(.absent, launched: "before", logged: .exited(4)) == "exited(4)")
        #expect(verdict(.absent, isAlive: true) == "lost(EMR.StepSchedule.Loss.recordsGone)")
        #expect(verdict(.neverStarted) == "never began")
        #expect(verdict(.neverStarted, launched: "now") == "never began")
        #expect(
            verdict(.neverStarted, launched: "now", logged: .exited(0)) == "exited(0)", "somebody emptied the record")
        #expect(
            verdict(.neverStarted, launched: "now", logged: .lost(.recordsGone), isUnforked: true) == "never began")
        #expect(verdict(.neverStarted, launched: "before") == "lost(EMR.StepSchedule.Loss.machineStopped)")
        #expect(verdict(.neverStarted, isAlive: true) == "lost(EMR.StepSchedule.Loss.recordsGone)")
        #expect(verdict(.lost, logged: .exited(2)) == "exited(2)")
        #expect(verdict(.lost, logged: .lost(.recordsGone)) == "lost(EMR.StepSchedule.Loss.supervisorGone)")
        #expect(verdict(.exited(1), logged: .exited(2)) == "exited(1)")
    }

    @Test("the controller's log tells a beginning and an end, and what only looks like them is passed over")
    func log() throws {
        let logs = try #require(mkdtemp(strdup("/tmp/sluice-logs-XXXXXX")).map { String(cString: $0) })
        defer { TextFile.removeFolder(logs) }
        let folders = StepFolders(logs: logs, run: "\(logs)/none")
        func recorded(_ lines: String...) -> StepSchedule.Ending? {
            #expect(TextFile.write(Array(lines.map { "\($0)\n" }.joined().utf8), to: folders.controller))
            return Clusters.recorded(folders, of: "s-1")
        }
        let time = "2026-11-24T10:00:00.000Z"
        let header = "\(time) INFO s-1 'WARN Step failed with exitCode 3' on j-1: x.jar"
        #expect(Clusters.recorded(folders, of: "s-1") == nil)
        #expect(recorded(header) == nil)
        let begun = "\(time) INFO Started under supervisor 7"
        #expect(recorded(begun) == .lost(.recordsGone))
        #expect(recorded(begun, "\(time) WARN Not begun: no processes") == nil)
        #expect(recorded(begun, "\(time) WARN Not begun: no processes", header, begun) == .lost(.recordsGone))
        let end = "INFO waitProcessCompletion ended with exit code 9"
        #expect(recorded(begun, end) == .exited(9))
        #expect(recorded(end, begun) == .exited(9), "the host's line may come after the supervisor's")
        #expect(recorded(end) == .exited(9))
        #expect(recorded(header, begun, end, header, begun) == .lost(.recordsGone), "the end of an earlier run")
        #expect(recorded(begun, "\(time) WARN Step failed and took 1 seconds: exit code 3") == .lost(.recordsGone))
        #expect(recorded(begun, "\(time) INFO Step succeeded with exitCode 0 and took 1 seconds") == .exited(0))
        #expect(recorded(begun, "\(time) WARN Step failed with exitCode 3 and took 1 seconds: no") == .exited(3))
    }
}
