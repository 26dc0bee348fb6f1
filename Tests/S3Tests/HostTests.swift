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

    @Test("files, folders and buckets that change places are all there, with what comes into them later")
    func exchanged() async throws {
        let lake = try TestLake()
        lake.script(
            "mkdir blue green ../other; echo 1 > a; echo 22 > b; echo 1 > blue/1; echo 22 > green/2; echo 1 > ../other/o"
        )
        let service = try await lake.started()
        _ = await lake.events()
        // No command of this Debian exchanges two names: renameat2 with RENAME_EXCHANGE.
        lake.script(
            """
            python3 - <<'END'
            import ctypes
            exchange = ctypes.CDLL(None).renameat2
            for one, other in ((b"a", b"b"), (b"blue", b"green")):
                assert exchange(-100, one, -100, other, 2) == 0
            END

            """)
        var objects: [String] {
            get async throws {
                await service.settled()
                return try await lake.store.read { connection in
                    try ["other", "raw"].flatMap { bucket in
                        try S3Store.objects(bucket: bucket, limit: 100, in: connection).map {
                            "\(bucket)/\($0.key) \($0.size)"
                        }
                    }
                }
            }
        }
        #expect(try await objects == ["other/o 2", "raw/a 3", "raw/b 2", "raw/blue/2 3", "raw/green/1 2"])
        lake.script("echo new > blue/new; echo new > green/new")
        #expect(
            try await objects == [
                "other/o 2", "raw/a 3", "raw/b 2", "raw/blue/2 3", "raw/blue/new 4", "raw/green/1 2", "raw/green/new 4",
            ])
        lake.script(
            """
            python3 - <<'END'
            import ctypes
            assert ctypes.CDLL(None).renameat2(-100, b"../raw", -100, b"../other", 2) == 0
            END

            """)
        #expect(
            try await objects == [
                "other/a 3", "other/b 2", "other/blue/2 3", "other/blue/new 4", "other/green/1 2", "other/green/new 4",
                "raw/o 2",
            ])
        lake.script("cd ../raw; echo later > later; cd ../other; echo later > later")
        let later = try await objects
        #expect(later.contains("raw/later 6") && later.contains("other/later 6"))
        await service.stop()
    }

    @Test(
        "a lake that was copied holds the same objects; after a restore also where the copy lost its times",
        arguments: [("cp -a", false, 0), ("cp -r", true, 0), ("cp -r", false, 2)])
    func copied(_ command: String, _ isRestored: Bool, _ told: Int) async throws {
        let lake = try TestLake()
        lake.script("mkdir d; echo 1 > a; head -c 9000000 /dev/zero > d/big; touch -d 2001-02-03 a d/big")
        let first = try await lake.started()
        _ = await lake.events()
        await first.stop()
        lake.script("\(command) . ../copy; cd ..; rm -r raw; mv copy raw")
        if isRestored { try await lake.store.write { try S3Store.markRestored(in: $0) } }
        for round in 0..<2 {
            let next = try await lake.started()
            await next.settled()
            #expect(await lake.events().count == (round == 0 ? told : 0))
            await next.stop()
        }
        // From then on the same bytes that come anew are a put again.
        let last = try await lake.started()
        lake.script("cp a .b; mv .b a")
        #expect(await lake.events() == [.created("a", 2)])
        await last.stop()
    }

    @Test("what was removed after a backup is removed after its restore, the last object of a bucket too")
    func emptied() async throws {
        let lake = try TestLake()
        lake.script("echo 1 > a; echo 1 > b")
        let first = try await lake.started()
        _ = await lake.events()
        await first.stop()
        lake.script("rm a b")
        try await lake.store.write { try S3Store.markRestored(in: $0) }
        let next = try await lake.started()
        #expect(Set(await lake.events()) == [.removed("a"), .removed("b")])
        lake.script("echo 2 > a")
        #expect(await lake.events() == [.created("a", 2)])
        await next.stop()
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
        "a file system that is mounted over a folder in a bucket, and taken away again, is noticed and said",
        .enabled(if: geteuid() == 0, "only root can mount"))
    func mountedInside() async throws {
        let lake = try TestLake()
        lake.script("mkdir -p 'd d/e'; echo 1 > 'd d/e/below'")
        let service = try await lake.started()
        _ = await lake.events()
        lake.script("mount -t tmpfs none 'd d/e'; echo 1 > 'd d/e/above'")
        defer { lake.script("umount -q 'd d/e' || true") }
        #expect(Set(await lake.next(2)) == [.removed("d d/e/below"), .created("d d/e/above", 2)])
        lake.script("echo 1 > 'd d/e/later'")
        #expect(await lake.next(1) == [.created("d d/e/later", 2)])
        lake.script("umount 'd d/e'")
        #expect(
            Set(await lake.next(3)) == [
                .removed("d d/e/above"), .removed("d d/e/later"), .created("d d/e/below", 2),
            ])
        #expect(lake.notices.count { $0.contains("/d d/e is another folder by now") } == 2)
        await service.stop()
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

    @Test("a file system on which others make changes unseen is known by its type in the mount table")
    func sharedFileSystems() {
        let mounts = """
            22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            40 22 0:52 / /mnt/nfs rw,relatime shared:20 - nfs4 server:/share rw,vers=4.2
            41 22 0:53 / /mnt/s3 rw,nosuid - fuse.s3fs s3fs rw
            42 22 259:300 / /data rw master:3 - xfs /dev/nvme0n1p1 rw
            """
        func type(_ major: UInt64, _ minor: UInt64) -> String? {
            let device = (major & 0xFFF) << 8 | (major & ~0xFFF) << 32 | (minor & 0xFF) | (minor & ~0xFF) << 12
            return FileSystem.type(ofDevice: Int64(device), mounts: mounts)
        }
        #expect(type(0, 52) == "nfs4" && type(0, 53) == "fuse.s3fs" && type(8, 1) == "ext4" && type(259, 300) == "xfs")
        #expect(type(8, 2) == nil)
        for name in ["nfs4", "cifs", "9p", "fuse.s3fs", "fuse.sshfs", "lustre"] { #expect(FileSystem.isShared(name)) }
        for name in ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "fuseblk"] { #expect(!FileSystem.isShared(name)) }
    }

    @Test("a lake that is removed and made again is a lake again, and it is said")
    func lakeRecreated() async throws {
        let lake = try TestLake()
        let time = ManualTime()
        lake.script("echo 1 > a")
        let service = try lake.service(time: time)
        await service.start()
        #expect(await lake.next(1) == [.created("a", 2)])
        lake.script("cd ../..; rm -r lake; mkdir -p lake/raw; echo 22 > lake/raw/b")
        let seen = await lake.next(2)
        #expect(Set(seen) == [.removed("a"), .created("b", 3)], "\(seen)")
        #expect(lake.notices.contains { $0.contains("/lake is gone") }, "\(lake.notices)")
        // It is watched again.
        await service.settled()
        lake.script("echo 4444 > c")
        #expect(await lake.next(1) == [.created("c", 5)])
        await service.stop()
    }

    @Test("a file system that is mounted over the lake, and taken away again, is noticed and said")
    func mountedOver() async throws {
        let lake = try TestLake()
        let probe = lake.root + "/probe"
        mkdir(probe, 0o755)
        guard mount("none", probe, "tmpfs", 0, nil) == 0 else {
            print("skipped, a mount over the lake: \(String(cString: strerror(errno)))")
            return
        }
        umount2(probe, 0)
        lake.script("echo 1 > a")
        let service = try lake.service()
        await service.start()
        #expect(await lake.next(1) == [.created("a", 2)])
        try #require(mount("none", lake.root + "/lake/raw", "tmpfs", 0, nil) == 0)
        defer { umount2(lake.root + "/lake/raw", Int32(MNT_DETACH)) }
        lake.script("echo 22 > b")
        let seen = await lake.next(2)
        #expect(Set(seen) == [.created("b", 3), .removed("a")], "\(seen)")
        try #require(umount2(lake.root + "/lake/raw", Int32(MNT_DETACH)) == 0)
        let back = await lake.next(2)
        #expect(Set(back) == [.created("a", 2), .removed("b")], "\(back)")
        #expect(lake.notices.contains { $0.contains("is another folder by now") }, "\(lake.notices)")
        await service.stop()
    }

    @Test("a bucket's folder that is removed and made again is a bucket again")
    func recreated() async throws {
        let lake = try TestLake()
        lake.script("echo 1 > a")
        let service = try await lake.started()
        _ = await lake.events()
        lake.script("cd ..; rm -r raw; mkdir raw; echo 22 > raw/b")
        let seen = await lake.next(2)
        #expect(seen.contains(.removed("a")) && seen.contains(.created("b", 3)))
        lake.script("cd ..; mv raw $aside/raw; mkdir raw; echo 333 > raw/b")
        let again = await lake.next(2)
        #expect(again == [.removed("b"), .created("b", 4)])
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
