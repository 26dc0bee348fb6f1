import Events
import Glibc
import Storage
import Testing

@testable import S3

/// The kernel tells of a change when the host has looked at the file already, or has more to tell than was read. The watcher's loop
/// is driven by hand, so that each order comes to pass.
@Suite("Told late")
struct ToldLateTests {
    @Test(
        "what the kernel had told before a file was seen whole is no second writer, whatever happened to the file since"
    )
    func toldLate() async throws {
        let lake = try TestLake()
        let root = lake.root + "/lake/raw"
        let loop = WatchLoop(try lake.service().setup)
        loop.begin()
        #expect(loop.drain())
        let bucket = try #require(loop.buckets["raw"])
        func write(_ name: String, _ text: String) throws {
            let file = try #require(fopen("\(root)/\(name)", "w"))
            fputs(text, file)
            fclose(file)
        }
        func causes() -> [WatchLoop.Cause] {
            #expect(loop.drain())
            defer { loop.forgetPending() }
            return loop.pending.compactMap { work in
                guard case .inspect(let bucket, let path, _) = work else { return nil }
                return loop.cause(of: path, in: bucket)
            }
        }
        // Its creation and its closing wait in the kernel's queue while it is looked at; then its time is set.
        try write("a", "1\n")
        loop.inspect(Array("a".utf8), in: bucket, .found)
        #expect(loop.batch.count == 1)
        // Not by touch(1), which opens the file for writing.
        #expect(utimes("\(root)/a", [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]) == 0)
        #expect(causes() == [.seen])
        #expect(loop.sights.isEmpty, "nothing is kept once all of that has been taken in")
        // A second writer is one, also where its bytes are the same.
        loop.inspect(Array("a".utf8), in: bucket, .found)
        try write("a", "1\n")
        #expect(causes() == [.closed])
        // Two closings with nothing between them are told once, at the place of the first.
        try write("a", "1\n")
        loop.inspect(Array("a".utf8), in: bucket, .found)
        try write("a", "2\n")
        #expect(causes() == [.seen])
        // A look that attributes alone were the reason for stands for no writer.
        try write("a", "1\n")
        loop.inspect(Array("a".utf8), in: bucket, .touched)
        #expect(causes() == [.closed])
        // A removal before the look is that of an earlier file, one after it is not.
        Shell.run("rm '\(root)/a'; echo 2 > '\(root)/a'")
        loop.inspect(Array("a".utf8), in: bucket, .found)
        #expect(causes() == [.seen])
        loop.inspect(Array("a".utf8), in: bucket, .found)
        Shell.run("rm '\(root)/a'")
        #expect(loop.drain())
        #expect(loop.pending.count == 1)
    }

    @Test("a writer who sets a file's time before the closing has written it, however late the closing is told")
    func touchedBeforeClosing() async throws {
        let lake = try TestLake()
        let path = lake.root + "/lake/raw/a"
        Shell.run("echo 1 > '\(path)'")
        let first = try await lake.started()
        await first.stop()
        let loop = WatchLoop(try lake.service().setup)
        loop.begin()
        #expect(loop.drain())
        let bucket = try #require(loop.buckets["raw"])
        // As touch(1) does it.
        let file = open(path, O_WRONLY)
        futimens(file, nil)
        #expect(loop.drain())
        #expect(loop.cause(of: Array("a".utf8), in: bucket) == .touched)
        close(file)
        loop.forgetPending()
        loop.inspect(Array("a".utf8), in: bucket, .touched)
        #expect(loop.batch.isEmpty)
        #expect(loop.drain())
        #expect(loop.cause(of: Array("a".utf8), in: bucket) == .closed)
    }

    @Test("a look that was to come once a writer is gone is none for a file that was seen whole since")
    func staleLook() async throws {
        let lake = try TestLake()
        let path = lake.root + "/lake/raw/a"
        let loop = WatchLoop(try lake.service().setup)
        loop.begin()
        #expect(loop.drain())
        let bucket = try #require(loop.buckets["raw"])
        let name = Array("a".utf8)
        let file = open(path, O_WRONLY | O_CREAT, 0o644)
        write(file, "1", 1)
        loop.inspect(name, in: bucket, .created)
        #expect(loop.closing.count == 1 && loop.batch.isEmpty)
        close(file)
        loop.inspect(name, in: bucket, .closed)
        #expect(loop.closing.isEmpty && loop.batch.count == 1)
    }

    @Test(
        "what is told from between the opening of a file and the look for its writers is of that file, but for a removal"
    )
    func toldMeanwhile() async throws {
        let lake = try TestLake()
        let root = lake.root + "/lake/raw"
        let loop = WatchLoop(try lake.service().setup)
        loop.begin()
        #expect(loop.drain())
        let bucket = try #require(loop.buckets["raw"])
        let name = Array("a".utf8)
        let start = try #require(loop.inotify).end
        Shell.run("echo 1 > '\(root)/a'")
        loop.sights[loop.pendingKey(bucket, name)] = (start, try #require(loop.inotify).end)
        #expect(loop.drain())
        #expect(loop.cause(of: name, in: bucket) == .seen)
        loop.forgetPending()
        Shell.run("rm '\(root)/a'")
        loop.sights[loop.pendingKey(bucket, name)] = (
            try #require(loop.inotify).position, try #require(loop.inotify).end
        )
        #expect(loop.drain())
        #expect(loop.pending.count == 1)
        guard case .absent? = loop.pending.first else {
            Issue.record("a removal is told")
            return
        }
    }
}
