import Events
import Glibc
import Storage
import Testing

@testable import EMR

/// A host that was killed leaves a row that says RUNNING, and a folder. Here that state is made as the dead host would have
/// left it, and a new host finds it.
@Suite(.timeLimit(.minutes(2))) struct RecoveryTests {
    @Test("a step that still runs when the next host starts is watched to its end, and runs once")
    func stillRunning() async throws {
        let room = try TestRoom()
        try Signpost.make("\(room.folder)/gate")
        let (step, pid) = try await room.orphan("cat '\(room.folder)/gate' > /dev/null; exit 5")
        try await room.start()
        #expect(try room.step(step.id).state == .running)
        _ = TextFile.write([], to: "\(room.folder)/gate")
        let ended = try #require(await room.nextEnded()[step.id])
        Spawn.wait(try #require(pid))
        #expect(ended.state == .failed)
        #expect(ended.exitCode == 5)
        #expect(room.begun == 1)
    }

    @Test("a step that ended while no host was there gets its true outcome, and runs once")
    func endedMeanwhile() async throws {
        let room = try TestRoom()
        let (step, pid) = try await room.orphan("exit 0")
        Spawn.wait(try #require(pid))
        try await room.start()
        let ended = try #require(await room.nextEnded()[step.id])
        #expect(ended.state == .completed)
        #expect(room.begun == 1)
    }

    @Test("a step whose supervisor was killed with it is failed with an honest message, and not run again")
    func lost() async throws {
        let room = try TestRoom()
        let (step, supervisor) = try await room.orphanAtWork()
        kill(supervisor, SIGKILL)
        Spawn.wait(supervisor)
        try await room.start()
        let ended = try #require(await room.nextEnded()[step.id])
        #expect(ended.state == .failed)
        #expect(ended.failure?.message.contains("It was not run again") == true)
        #expect(TestRoom.processes(of: step.id).isEmpty, "what was left of it is ended")
        #expect(room.begun == 1)
    }

    @Test("a step that was marked as running and never begun is begun by the next host, once")
    func neverStarted() async throws {
        let room = try TestRoom()
        let (step, _) = try await room.orphan("exit 0", launch: false)
        try await room.start()
        let ended = try #require(await room.nextEnded()[step.id])
        #expect(ended.state == .completed)
        #expect(room.begun == 1)
    }

    @Test("a cancellation that the old host could not deliver is delivered by the next")
    func cancelledMeanwhile() async throws {
        let room = try TestRoom()
        try Signpost.make("\(room.folder)/ready")
        let (step, pid) = try await room.orphan(": > '\(room.folder)/ready'; sleep 300")
        await Signpost.wait("\(room.folder)/ready")
        var pending = step
        pending.state = .cancelPending
        let marked = pending
        _ = try await room.store.write { try EMRStore.setState(of: marked, from: [.running], $0) }
        try await room.start()
        #expect(await room.nextEnded()[step.id]?.state == .cancelled)
        Spawn.wait(try #require(pid))
    }

    @Test("a second host can't start a run that is already under way")
    func locked() async throws {
        let room = try TestRoom()
        try Signpost.make("\(room.folder)/gate")
        let (step, pid) = try await room.orphan("cat '\(room.folder)/gate'")
        #expect(throws: StepProgramError.self) {
            try StepLaunch(settings: room.settings, master: "local[1]").prepare(
                step, in: room.settings.folders(of: step))
        }
        _ = TextFile.write([], to: "\(room.folder)/gate")
        Spawn.wait(try #require(pid))
        #expect(room.begun == 1)
    }

    @Test("a host that stops leaves its steps running, or cancels them, as it is told")
    func stopping() async throws {
        for mode in [Clusters.StopMode.leaveRunning, .cancelRunning] {
            let room = try TestRoom()
            try Signpost.make("\(room.folder)/ready")
            try await room.start()
            let id = try await room.add(TestRoom.bash(": > '\(room.folder)/ready'; sleep 300"))[0]
            await Signpost.wait("\(room.folder)/ready")
            try await room.clusters.stop(mode)
            #expect(try room.step(id).state == (mode == .leaveRunning ? .running : .cancelled))
            #expect(TestRoom.processes(of: id).isEmpty == (mode == .cancelRunning))
            StepSupervisor.signal(SIGKILL, run: "\(room.settings.runs)/\(id)", step: id)
        }
    }

    @Test("a host that cancels its steps does not wait for one that waits for the machine")
    func stoppingWhileWaiting() async throws {
        let room = try TestRoom(engine: { throw StepProgramError("no process for Spark", errno: EAGAIN) })
        try await room.start()
        let id = try await room.add(
            StepConfig(
                name: "etl",
                hadoopJarStep: HadoopJarStep(jar: "command-runner.jar", args: ["spark-submit", "s3://a/b.py"])))[0]
        #expect(await room.nextNotice()?.hasPrefix("steps can't be started") == true)
        #expect(try room.step(id).state == .running)
        try await room.clusters.stop(.cancelRunning)
        #expect(try room.step(id).state == .cancelled)
        #expect(try await room.store.read { try EMRStore.launched(id, $0) } == nil)
    }

    @Test("a step that is killed at the moment when it begins does not go on")
    func killedAtTheStart() async throws {
        let room = try TestRoom(level: 8)
        try await room.clusters.start()
        for _ in 0..<10 {
            let ids = try await room.add(
                TestRoom.bash("sleep 300"), TestRoom.bash("sleep 300"), TestRoom.bash("sleep 300"))
            async let scheduled: Void = room.clusters.schedule()
            _ = try await room.clusters.cancelSteps(ids, of: TestRoom.clusterID, option: .terminateProcess)
            await scheduled
            let ended = await room.nextEnded(3)
            #expect(ids.allSatisfy { ended[$0]?.state == .cancelled })
            #expect(ids.allSatisfy { TestRoom.processes(of: $0).isEmpty })
        }
    }

    @Test("a cluster that the template no longer has is ended with what it had, and takes no more steps")
    func removedCluster() async throws {
        let room = try TestRoom()
        try await room.clusters.start()
        let waiting = try await room.add(TestRoom.bash("true"))[0]
        let clusters = Clusters(store: room.store, configurations: [], settings: room.settings)
        try await clusters.start()
        #expect(try room.step(waiting).state == .cancelled)
        await clusters.schedule()
        let cluster = try clusters.describeCluster(TestRoom.clusterID)["Cluster"]
        #expect(cluster?["Status"]?["State"]?.string == "TERMINATED")
        await #expect(throws: EMRError.clusterHasEnded) {
            try await clusters.addSteps([TestRoom.bash("true")], to: TestRoom.clusterID)
        }
    }
}
