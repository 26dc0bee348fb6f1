import Events
import Glibc
import Storage
import Testing

@testable import EMR

/// A database that was restored says RUNNING of steps whose runs were cleaned up long ago.
@Suite("Steps of a restored database", .timeLimit(.minutes(2)))
struct RestoredTests {
    @Test(
        "a step whose run was cleaned up after the backup gets the outcome that its log tells, and is not run again",
        arguments: [("exit 0", StepState.completed, 0), ("exit 3", .failed, 3)])
    func outcome(_ line: String, _ state: StepState, _ code: Int) async throws {
        let room = try TestRoom()
        try await room.start()
        var step = try await room.run(TestRoom.bash("echo begun >> '\(room.folder)/count'; \(line)"))
        while access(room.settings.folders(of: step).run, F_OK) == 0 { await Task.yield() }
        // As the backup has it.
        step.state = .running
        step.ended = nil
        let restored = step
        try await room.store.write { connection in
            _ = try EMRStore.setState(of: restored, from: StepState.allCases, connection)
        }
        try await room.clusters.start()
        let again = try #require(await room.nextEnded()[step.id])
        #expect(again.state == state && again.exitCode == code)
        #expect(TextFile.read("\(room.folder)/count") == "begun\n")
    }

    @Test("a step whose log tells no end failed, as far as anybody can know, and is not run again")
    func unknown() async throws {
        let room = try TestRoom()
        try await room.start()
        var step = try await room.run(TestRoom.bash("echo begun >> '\(room.folder)/count'"))
        while access(room.settings.folders(of: step).run, F_OK) == 0 { await Task.yield() }
        let controller = room.settings.folders(of: step).controller
        let lines = (TextFile.read(controller) ?? "").split(separator: "\n").filter {
            !$0.contains("Step succeeded") && !$0.contains("waitProcessCompletion")
        }
        #expect(TextFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: controller))
        step.state = .running
        let restored = step
        try await room.store.write { connection in
            _ = try EMRStore.setState(of: restored, from: StepState.allCases, connection)
        }
        try await room.clusters.start()
        #expect(try #require(await room.nextEnded()[step.id]).state == .failed)
        #expect(TextFile.read("\(room.folder)/count") == "begun\n")
    }

    @Test("a supervisor that could not have a process for its program has not begun, one that could has")
    func unforked() throws {
        let run = try #require(mkdtemp(strdup("/tmp/sluice-run-XXXXXX")).map { String(cString: $0) })
        defer { TextFile.removeFolder(run) }
        #expect(StepSupervisor.status(run) == .absent)
        func write(_ text: String) { #expect(TextFile.write(Array(text.utf8), to: "\(run)/lock")) }
        write("")
        #expect(StepSupervisor.status(run) == .neverStarted)
        write("started 9 100 b")
        #expect(StepSupervisor.status(run) == .neverStarted, "a line without its end is not whole")
        write("started 9 100 b\n")
        #expect(StepSupervisor.status(run) == .lost)
        write("started 9 100 b\nunforked\n")
        #expect(StepSupervisor.status(run) == .neverStarted)
        write("started 9 100 b\nchild 10 101 b\nexit 13")
        #expect(StepSupervisor.status(run) == .lost)
        write("started 9 100 b\nchild 10 101 b\nexit 1exit 137\n")
        #expect(StepSupervisor.status(run) == .exited(137), "a full disk may have cut the first try short")
    }

    @Test("the records of a supervisor that an older version started are read as it wrote them")
    func olderVersion() throws {
        let run = try #require(mkdtemp(strdup("/tmp/sluice-run-XXXXXX")).map { String(cString: $0) })
        defer { TextFile.removeFolder(run) }
        #expect(TextFile.write([], to: "\(run)/lock") && TextFile.write(Array("1\n".utf8), to: "\(run)/started"))
        #expect(StepSupervisor.status(run) == .lost)
        #expect(TextFile.write([], to: "\(run)/unforked"))
        #expect(StepSupervisor.status(run) == .neverStarted)
        #expect(TextFile.write(Array("13".utf8), to: "\(run)/exit"))
        #expect(StepSupervisor.status(run) == .neverStarted, "a number without its line end is not whole")
        #expect(TextFile.write(Array("137\n".utf8), to: "\(run)/exit"))
        #expect(StepSupervisor.status(run) == .exited(137))
    }
}
