import Events
import Glibc
import Storage
import Synchronization
import Testing

@testable import EMR

@Suite("Notices and times of steps", .timeLimit(.minutes(2)))
struct NoticesTests {
    /// Adds a step the way a state machine does: its failure is part of a transaction that is committed.
    private func add(_ room: TestRoom, _ count: Int = 1) async throws -> [EMRError] {
        try await room.store.write { connection in
            (0..<count).compactMap { _ in
                do {
                    _ = try room.clusters.addStep(TestRoom.bash("true"), to: TestRoom.clusterID, in: connection)
                    return nil
                } catch {
                    return error as? EMRError
                }
            }
        }
    }

    @Test("a cluster that takes no more steps is told once")
    func ended() async throws {
        let room = try TestRoom()
        try await room.clusters.start()
        try await room.clusters.terminate([TestRoom.clusterID])
        for _ in 0..<3 { #expect(try await add(room) == [.clusterHasEnded]) }
        let notice = await room.nextNotice()
        #expect(notice?.contains("is TERMINATED (Terminated by user request) and takes no more steps") == true)
        try await room.clusters.start()
        #expect(try await add(room).isEmpty)
        try await room.clusters.terminate([TestRoom.clusterID])
        #expect(try await add(room) == [.clusterHasEnded])
        #expect(await room.nextNotice() == notice, "the second notice, as there was none in between")
    }

    @Test("a cluster that has as many steps as EMR allows is told once, until its queue has gone down")
    func full() async throws {
        let room = try TestRoom()
        try await room.clusters.start()
        #expect(try await add(room, 256).isEmpty)
        for _ in 0..<3 { #expect(try await add(room) == [.tooManySteps]) }
        #expect(await room.nextNotice()?.contains("has 256 steps that wait or run") == true)
        let notices = RefusalNotices()
        let cluster = try #require(try await room.store.read { try EMRStore.cluster(TestRoom.clusterID, $0) })
        let told = [0, 255, 256, 256, 255, 256, 128, 256, 127, 256, 256].map { notices.active($0, cluster) != nil }
        #expect(told == [false, false, true, false, false, false, false, false, false, true, false])
    }

    /// A clock that goes on with each look at it.
    private final class Ticking: TimeSource {
        private let milliseconds = Mutex<Int64>(1_800_000_000_000)
        var now: Timestamp {
            Timestamp(
                milliseconds: milliseconds.withLock {
                    $0 += 1
                    return $0
                })
        }
        var uptime: Duration { .zero }
        var skew: Duration { .zero }
        func sleep(until deadline: Timestamp) async throws { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// Holds a thread until it is opened.
    private final class Gate: Sendable {
        private let isOpen = Mutex(false)
        func open() { isOpen.withLock { $0 = true } }
        func wait() { while !isOpen.withLock({ $0 }) { sched_yield() } }
    }

    @Test("no step begins before it was added, or ends before it began")
    func order() async throws {
        let room = try TestRoom(time: Ticking())
        try await room.clusters.start()
        for _ in 0..<20 {
            // The schedule is asked while the step's own transaction waits behind another one.
            let gate = Gate()
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await room.store.write { _ in gate.wait() }
                }
                group.addTask { _ = try await room.add(TestRoom.bash("true")) }
                for _ in 0..<20 { await Task.yield() }
                group.addTask { await room.clusters.schedule() }
                for _ in 0..<20 { await Task.yield() }
                gate.open()
                try await group.waitForAll()
            }
            await room.clusters.schedule()
            let step = try #require(await room.nextEnded().values.first)
            let (started, ended) = (try #require(step.started), try #require(step.ended))
            #expect(step.created < started && started < ended)
        }
    }
}
