import Events
import Glibc
import Storage
import Testing

@testable import S3

@Suite("The host comes and goes")
struct HostTests {
    @Test("a file dropped while the host was down is told once")
    func droppedWhileDown() async throws {
        let lake = try TestLake()
        try await lake.started().stop()
        lake.script("echo 1 > a; mkdir b; echo 22 > b/c")
        let second = try await lake.started()
        #expect(Set(await lake.events()) == [.created("a", 2), .created("b/c", 3)])
        await second.stop()
        let third = try await lake.started()
        #expect(await lake.events() == [])
        await third.stop()
    }

    @Test("what was removed, overwritten, renamed or only chmod-ed while the host was down is told as such")
    func changedWhileDown() async throws {
        let lake = try TestLake()
        lake.script("echo 1 > gone; echo 1 > over; echo 1 > from; echo 1 > mode; mkdir d; echo 1 > d/e")
        let first = try await lake.started()
        _ = await lake.events()
        await first.stop()
        lake.script("rm gone; echo 22 > over; mv from to; chmod 600 mode; ln mode $aside/link; rm -r d")
        let second = try await lake.started()
        #expect(
            Set(await lake.events()) == [
                .removed("gone"), .created("over", 3), .removed("from"), .created("to", 2), .removed("d/e"),
            ])
        await second.stop()
    }

    @Test("a file that is still open for writing at the start is told when it is closed")
    func openAtStart() async throws {
        let lake = try TestLake()
        let descriptor = open("\(lake.root)/lake/raw/slow", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        #expect(write(descriptor, "12", 2) == 2)
        let service = try await lake.started()
        #expect(await lake.events() == [])
        #expect(write(descriptor, "34", 2) == 2)
        close(descriptor)
        #expect(await lake.next(1) == [.created("slow", 4)])
        await service.stop()
    }

    @Test("a large file has the tag of an upload in parts")
    func large() async throws {
        let lake = try TestLake()
        let service = try await lake.started()
        lake.script("head -c 9000000 /dev/zero > $aside/big; cp $aside/big big; cp $aside/big other")
        let seen = Set(await lake.next(2))
        #expect(
            seen == [
                Seen(event: "ObjectCreated:CompleteMultipartUpload", key: "big", size: 9_000_000),
                Seen(event: "ObjectCreated:CompleteMultipartUpload", key: "other", size: 9_000_000),
            ])
        let tag = try await lake.store.read { try S3Store.object(bucket: "raw", key: "big", in: $0)?.eTag }
        #expect(tag == "6ebe9e823cabb02f6a6bb8a50fa45675-2")
        await service.stop()
    }

    @Test("versions of a key are ordered by their sequencer, also across restarts and a clock that is set back")
    func sequencers() async throws {
        let lake = try TestLake()
        let time = ManualTime()
        var seen: [Sequencer] = []
        for step in 0..<4 {
            if step == 2 { time.advance(by: .seconds(-3600)) }
            let service = try lake.service(time: time)
            await service.start()
            await service.scanCompleted()
            for round in 0..<3 {
                lake.script("echo \(step) \(round) > a")
                seen += await lake.eventRecords().compactMap { $0.s3.object.sequencer.map { Sequencer($0) } }
            }
            await service.stop()
        }
        #expect(seen.count == 12)
        #expect(seen == seen.sorted() && Set(seen).count == 12)
        let version = ObjectVersion(bucket: "raw", key: "a", sequencer: try #require(seen.last))
        let old = ObjectVersion(bucket: "raw", key: "a", sequencer: try #require(seen.first))
        let root = lake.root + "/lake"
        func isCurrent(_ version: ObjectVersion) async throws -> Bool {
            try await lake.store.read { try S3Store.currency(of: version, lake: root, in: $0) == .current }
        }
        #expect(try await isCurrent(version))
        #expect(try await !isCurrent(old))
        #expect(try await lake.store.read { try S3Store.events(bucket: "raw", key: "a", in: $0) }.count == 12)
    }

    @Test("a version is current until its file is another one, whether the watcher knows of that or not")
    func currency() async throws {
        let lake = try TestLake()
        let root = lake.root + "/lake"
        lake.script("echo 1 > a; echo 1 > b; echo 1 > c")
        let service = try lake.service()
        await service.start()
        await service.scanCompleted()
        await service.stop()
        func isCurrent(_ key: String) async throws -> Bool {
            let version = try #require(
                try await lake.store.read { try S3Store.object(bucket: "raw", key: key, in: $0)?.version })
            return try await lake.store.read { try S3Store.currency(of: version, lake: root, in: $0) == .current }
        }
        for key in ["a", "b", "c"] { #expect(try await isCurrent(key)) }
        // Nobody watches by now.
        lake.script("chmod 600 a; touch -d 2001-01-01 a; echo 2 > .b; mv .b b; rm c")
        #expect(try await isCurrent("a"), "attributes are no new version, times included")
        #expect(try await !isCurrent("b"))
        #expect(try await !isCurrent("c"))
        lake.script("ln a d; rm d; echo 2 >> a")
        #expect(try await !isCurrent("a"))
        let next = try lake.service()
        await next.start()
        await next.scanCompleted()
        await next.stop()
        for key in ["a", "b"] { #expect(try await isCurrent(key)) }
        let removal = try #require(
            try await lake.store.read { try S3Store.events(bucket: "raw", key: "c", in: $0).last?.version })
        #expect(try await lake.store.read { try S3Store.currency(of: removal, lake: root, in: $0) } == .current)
    }

    @Test("whatever is done to a file's attributes after it was written, and when, it is one object with one event")
    func touched() async throws {
        let lake = try TestLake()
        let service = try lake.service()
        await service.start()
        await service.scanCompleted()
        // Small ones and some that take a while to read; at once, and once the host has begun or ended to read them.
        lake.script(
            """
            python3 - <<'END'
            import os, shutil, time
            def write(name, size, pause):
                with open(name, "wb") as file:
                    time.sleep(pause)
                    file.write(os.urandom(1 << 16) * (size >> 16) if size >= 1 << 16 else b"x" * size)
            def utime(name): os.utime(name, (10**9, 10**9))
            actions = [utime, lambda name: os.chmod(name, 0o600), lambda name: os.chown(name, -1, os.getgid()),
                       lambda name: os.setxattr(name, "user.note", b"x"), lambda name: os.link(name, ".link" + name)]
            count = 0
            for size in (20, 50_000, 24 << 20):
                for pause in (0, 0.0005, 0.003, 0.03):
                    for action in actions:
                        name = f"{count}"
                        count += 1
                        write(name, size, pause)
                        time.sleep(pause)
                        action(name)
            write(".source", 30 << 20, 0)
            for _ in range(4):
                shutil.copy2(".source", f"{count}")
                count += 1
            END

            """)
        let count = 3 * 4 * 5 + 4
        let seen = await lake.next(count)
        #expect(Set(seen.map(\.key)).count == count, "\(seen)")
        #expect(seen.allSatisfy { $0.event.hasPrefix("ObjectCreated") })
        // What was recorded is what is there, so that the next start tells nothing anew.
        await service.settled()
        await service.stop()
        let next = try lake.service()
        await next.start()
        await next.scanCompleted()
        await next.stop()
        #expect(try await lake.store.read { try $0.value(Int.self, "SELECT count(*) FROM s3_event") } == count)
    }

    @Test("without inotify, and with too few watches, scans find everything, and it is said once", arguments: [0, 3])
    func scansInstead(watches: Int) async throws {
        let lake = try TestLake()
        lake.script("mkdir -p a/b/c/d; echo 1 > a/b/c/d/e")
        let time = ManualTime()
        let service = try lake.service(time: time, maximumWatches: watches)
        await service.start()
        #expect(await lake.next(1) == [.created("a/b/c/d/e", 2)])
        for round in 1...3 {
            lake.script("echo \(round) 22 > a/b/c/d/e; echo 1 > a/b/c/d/new-\(round)")
            await time.sleepers()
            time.advance(by: .seconds(31))
            #expect(
                Set(await lake.next(2)) == [.created("a/b/c/d/e", 5), .created("a/b/c/d/new-\(round)", 2)])
        }
        #expect(lake.notices.count == 1)
        await service.stop()
    }

    @Test("an unreadable name, a link out of the bucket and a FIFO are each told once, with their path")
    func notices() async throws {
        let lake = try TestLake()
        let service = try await lake.started()
        lake.script("touch \"$(printf 'a\\377')\"; ln -s /etc/passwd link; mkfifo fifo")
        #expect(await lake.events() == [])
        lake.script("touch \"$(printf 'a\\377')\"")
        #expect(await lake.events() == [])
        #expect(lake.notices.filter { $0.contains("lake/raw/a\\xff: the name is no UTF-8") }.count == 1)
        #expect(lake.notices.filter { $0.contains("lake/raw/link: a symbolic link is no object") }.count == 1)
        #expect(lake.notices.filter { $0.contains("lake/raw/fifo: no regular file") }.count == 1)
        await service.stop()
    }
}
