import Events
import Glibc
import Storage
import Testing

@testable import S3

@Suite("Lakes, buckets and folders come, go and change places")
struct PlacesTests {
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
}
