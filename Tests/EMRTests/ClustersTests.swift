import Events
import Glibc
import Storage
import Testing

@testable import EMR

@Suite(.timeLimit(.minutes(2))) struct ClustersTests {
    @Test("a step runs, its outputs are kept in EMR's layout, and each change of state is told once")
    func completes() async throws {
        let room = try TestRoom()
        try await room.start()
        let step = try await room.run(TestRoom.bash("echo to stdout; echo to stderr >&2; pwd; env"))
        #expect(step.state == .completed)
        #expect(step.exitCode == 0)
        #expect(step.logFolder == "\(room.folder)/state/logs/\(TestRoom.clusterID)/steps/\(step.id)")
        #expect(room.log(step, "stdout").hasPrefix("to stdout\n\(room.folder)/state/steps/\(step.id)/work\n"))
        #expect(room.log(step, "stderr") == "to stderr\n")
        #expect(!room.log(step, "stdout").contains("\nSHLVL=2"))
        #expect(room.states(of: step.id) == ["PENDING", "RUNNING", "COMPLETED"])
        #expect(
            room.data.contains { $0.metricName == "AppsCompleted" && $0.dimensions == ["JobFlowId": step.clusterID] })
        #expect(room.events.contains { $0.source == "aws.emr" && $0.detailType == "EMR Step Status Change" })
    }

    @Test("nothing of the host's environment reaches a step")
    func cleanEnvironment() async throws {
        setenv("SLUICE_TEST_SECRET", "do not tell", 1)
        let room = try TestRoom(environment: ["AWS_REGION": "us-east-1"])
        try await room.start()
        let step = try await room.run(TestRoom.bash("env; ls -l /proc/$$/fd; true"))
        let output = room.log(step, "stdout")
        #expect(!output.contains("SLUICE_TEST_SECRET"))
        #expect(output.contains("AWS_REGION=us-east-1") && output.contains("EMR_STEP_ID=\(step.id)"))
        let open = output.split(separator: "\n").filter { $0.contains(" -> ") }
        #expect(open.count >= 3 && open.allSatisfy { $0.contains("/dev/null") || $0.contains("/steps/") }, "\(open)")
    }

    @Test("a step that fails tells its last error line, its exit status and where the whole story is")
    func fails() async throws {
        let room = try TestRoom()
        try await room.start()
        let step = try await room.run(
            TestRoom.bash(
                """
                printf 'Traceback (most recent call last):\\n  File "x.py", line 3\\n    raise\\nValueError: no such column\\n'; exit 7
                """))
        #expect(step.state == .failed)
        #expect(step.exitCode == 7)
        #expect(step.failure?.message == "ValueError: no such column")
        #expect(step.failure?.logFile == "\(step.logFolder)/stdout")
        #expect(room.data.contains { $0.metricName == "AppsFailed" })
        let shape = try room.clusters.describeStep(step.id, of: step.clusterID)
        #expect(shape["Step"]?["Status"]?["FailureDetails"]?["Reason"]?.string == "Unknown Error")
        #expect(room.events.last { $0.detail["stepId"]?.string == step.id }?.detail["severity"]?.string == "ERROR")
    }

    @Test("without Spark a step fails with one message that names the way out, and the next step runs")
    func sparkMissing() async throws {
        let room = try TestRoom()
        try await room.start()
        let spark = try await room.run(
            StepConfig(
                name: "etl",
                hadoopJarStep: HadoopJarStep(jar: "command-runner.jar", args: ["spark-submit", "s3://a/b.py"])))
        #expect(spark.state == .failed)
        #expect(spark.failure?.message.contains("make setup") == true)
        #expect(spark.failure?.message.contains("sluice doctor") == true)
        #expect(try await room.run(TestRoom.bash("true")).state == .completed)
    }

    @Test("a step added in a transaction that is rolled back never runs")
    func rolledBack() async throws {
        struct Changed: Error {}
        let room = try TestRoom()
        try await room.start()
        await #expect(throws: Changed.self) {
            try await room.store.write { connection in
                _ = try room.clusters.addStep(TestRoom.bash("true"), to: TestRoom.clusterID, in: connection)
                throw Changed()
            }
        }
        let step = try await room.run(TestRoom.bash("true"))
        #expect(try await room.store.read { try EMRStore.steps($0) }.map(\.id) == [step.id])
    }

    @Test("CANCEL_AND_WAIT cancels what waits, and the cluster takes new steps")
    func cancelAndWait() async throws {
        let room = try TestRoom()
        let ids = try await addBeforeStart(
            room, TestRoom.bash("exit 1", .cancelAndWait), TestRoom.bash("true"), TestRoom.bash("true"))
        try await room.start()
        let steps = await room.nextEnded(3)
        #expect(ids.map { steps[$0]?.state } == [.failed, .cancelled, .cancelled])
        #expect(try await room.run(TestRoom.bash("true")).state == .completed)
    }

    @Test("TERMINATE_CLUSTER ends the cluster; then steps are refused in EMR's words")
    func terminateCluster() async throws {
        let room = try TestRoom()
        let ids = try await addBeforeStart(room, TestRoom.bash("exit 1", .terminateCluster), TestRoom.bash("true"))
        try await room.start()
        let steps = await room.nextEnded(2)
        #expect(ids.map { steps[$0]?.state } == [.failed, .cancelled])
        await room.clusters.schedule()
        let cluster = try room.clusters.describeCluster(TestRoom.clusterID)["Cluster"]
        #expect(cluster?["Status"]?["State"]?.string == "TERMINATED_WITH_ERRORS")
        #expect(cluster?["Status"]?["StateChangeReason"]?["Code"]?.string == "STEP_FAILURE")
        await #expect(throws: EMRError.clusterHasEnded) { try await room.add(TestRoom.bash("true")) }
    }

    /// Registers the cluster, then adds steps while nothing is started yet.
    private func addBeforeStart(_ room: TestRoom, _ configs: StepConfig...) async throws -> [String] {
        try await room.clusters.start()
        return try await room.clusters.addSteps(configs, to: TestRoom.clusterID)
    }

    @Test("above level 1 steps run side by side, and only CONTINUE is accepted")
    func concurrent() async throws {
        let room = try TestRoom(level: 2)
        try Signpost.make("\(room.folder)/one")
        try await room.start()
        await #expect(throws: EMRError.onlyContinue) { try await room.add(TestRoom.bash("true", .cancelAndWait)) }
        // Each waits for the other at the two ends of a pipe: alone, neither would ever end.
        _ = try await room.add(
            TestRoom.bash("cat '\(room.folder)/one'"), TestRoom.bash("echo met > '\(room.folder)/one'"))
        let steps = await room.nextEnded(2)
        #expect(steps.values.allSatisfy { $0.state == .completed })
    }

    @Test("the steps of the template run once, when the cluster first comes to be")
    func templateSteps() async throws {
        let room = try TestRoom(steps: [TestRoom.bash("true", name: "first")])
        try await room.start()
        #expect(await room.nextEnded().values.first?.name == "first")
        try await room.clusters.start()
        #expect(try await room.store.read { try EMRStore.steps($0) }.count == 1)
    }

    @Test("a cluster that is not kept alive ends with its last step")
    func notKeptAlive() async throws {
        let room = try TestRoom(keepsAlive: false, steps: [TestRoom.bash("true")])
        try await room.start()
        _ = await room.nextEnded()
        await room.clusters.schedule()
        let cluster = try room.clusters.describeCluster(TestRoom.clusterID)["Cluster"]
        #expect(cluster?["Status"]?["State"]?.string == "TERMINATED")
        #expect(cluster?["Status"]?["StateChangeReason"]?["Code"]?.string == "ALL_STEPS_COMPLETED")
    }

    @Test("SEND_INTERRUPT lets a step end by itself, and kills one that will not")
    func interrupt() async throws {
        for stubborn in [false, true] {
            let room = try TestRoom()
            try Signpost.make("\(room.folder)/ready")
            try await room.start()
            let trap = stubborn ? "trap '' TERM" : "trap 'echo bye; exit 3' TERM"
            let id = try await room.add(
                TestRoom.bash("\(trap); : > '\(room.folder)/ready'; while :; do sleep 0.05; done"))[0]
            await Signpost.wait("\(room.folder)/ready")
            let infos = try await room.clusters.cancelSteps([id, "s-NONE"], of: TestRoom.clusterID)
            #expect(infos.map(\.status) == ["SUBMITTED", "FAILED"])
            let step = try #require(await room.nextEnded()[id])
            #expect(step.state == .cancelled)
            #expect(step.exitCode == (stubborn ? 137 : 3))
            #expect(room.states(of: id) == ["PENDING", "RUNNING", "CANCEL_PENDING", "CANCELLED"])
            #expect(TestRoom.processes(of: id).isEmpty)
        }
    }

    @Test("TERMINATE_PROCESS leaves no process, not even one in a session of its own")
    func terminateProcess() async throws {
        let room = try TestRoom()
        try Signpost.make("\(room.folder)/ready")
        try await room.start()
        let id = try await room.add(
            TestRoom.bash("setsid sleep 300 & sleep 300 & : > '\(room.folder)/ready'; trap '' TERM; wait"))[0]
        await Signpost.wait("\(room.folder)/ready")
        #expect(TestRoom.processes(of: id).count >= 4)
        _ = try await room.clusters.cancelSteps([id], of: TestRoom.clusterID, option: .terminateProcess)
        #expect(await room.nextEnded()[id]?.state == .cancelled)
        #expect(TestRoom.processes(of: id).isEmpty)
    }

    @Test("what a step leaves behind when it ends is ended too, and its folders go")
    func leftovers() async throws {
        let room = try TestRoom()
        try await room.start()
        let step = try await room.run(TestRoom.bash("setsid sleep 300 & touch $TMPDIR/x; exit 0"))
        #expect(step.state == .completed)
        #expect(TestRoom.processes(of: step.id).isEmpty)
        // The next step starts only after the first is cleaned up.
        _ = try await room.run(TestRoom.bash("true"))
        #expect(access("\(room.settings.runs)/\(step.id)", F_OK) != 0)
    }

    @Test("a step past its time limit is ended and says so")
    func timeout() async throws {
        let room = try TestRoom(timeout: .milliseconds(300))
        try await room.start()
        let step = try await room.run(TestRoom.bash("sleep 300"))
        #expect(step.state == .failed)
        #expect(step.failure?.reason == "Timeout")
        #expect(TestRoom.processes(of: step.id).isEmpty)
    }

    @Test("terminating a cluster interrupts what runs and cancels what waits")
    func terminate() async throws {
        let room = try TestRoom()
        try Signpost.make("\(room.folder)/ready")
        try await room.start()
        let ids = try await room.add(TestRoom.bash(": > '\(room.folder)/ready'; sleep 300"), TestRoom.bash("true"))
        await Signpost.wait("\(room.folder)/ready")
        try await room.clusters.terminate([TestRoom.clusterID])
        let steps = await room.nextEnded(2)
        #expect(ids.map { steps[$0]?.state } == [.interrupted, .cancelled])
    }

    @Test("a script in a bucket runs by script-runner.jar, with its arguments")
    func scriptRunner() async throws {
        let room = try TestRoom()
        try #require(TextFile.write(Array("echo \"ran with $1\"\n".utf8), to: "\(room.folder)/lake/scripts/run.sh"))
        try await room.start()
        func config(_ uri: String) -> StepConfig {
            StepConfig(
                name: "script",
                hadoopJarStep: HadoopJarStep(
                    jar: "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar", args: [uri, "a b"]))
        }
        let step = try await room.run(config("s3://scripts/run.sh"))
        #expect(room.log(step, "stdout") == "ran with a b\n")
        let missing = try await room.run(config("s3://scripts/none.sh"))
        #expect(missing.failure?.message.contains("s3://scripts/none.sh: no such object") == true)
    }

    @Test("the logs are copied to LogUri, compressed, under the names that EMR gives them")
    func logUpload() async throws {
        let room = try TestRoom(logURI: "s3://logs/emr/")
        try await room.start()
        let step = try await room.run(TestRoom.bash("echo hello"))
        _ = try await room.run(TestRoom.bash("true"))
        let folder = "\(room.folder)/lake/logs/emr/\(TestRoom.clusterID)/steps/\(step.id)"
        // The copying goes on beside the next step.
        let wanted: Set = ["controller.gz", "stdout.gz"]
        let patience = ContinuousClock.now + .seconds(30)
        while !wanted.isSubset(of: TextFile.names(in: folder)), ContinuousClock.now < patience {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(Set(TextFile.names(in: folder)) == wanted)
    }
}
