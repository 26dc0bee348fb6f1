import Events
import Glibc
import Storage
import Testing

@testable import S3

@Suite("Under stress")
struct StressTests {
    /// A random number generator that gives the same numbers for the same seed (SplitMix64).
    struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    /// Random changes by system calls, as quick as they go.
    private func churn(_ root: String, steps: Int, random: inout Seeded) {
        func folder() -> String {
            ["", "d/", "d/e/", "f/", "f/g/h/"].randomElement(using: &random) ?? ""
        }
        func file() -> String { folder() + "k\(Int.random(in: 0..<12, using: &random))" }
        func makeFolders() { for name in ["d", "d/e", "f", "f/g", "f/g/h"] { mkdir("\(root)/\(name)", 0o755) } }
        func write(_ path: String, _ bytes: Int) {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { return }
            let content = (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
            for half in [content[..<(bytes / 2)], content[(bytes / 2)...]] {
                _ = half.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            }
            close(descriptor)
        }
        makeFolders()
        for _ in 0..<steps {
            let path = "\(root)/\(file())"
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9: write(path, Int.random(in: 0..<300, using: &random))
            case 9: write(path, 100_000)
            case 10..<12:
                write("\(root)/.tmp", 50)
                rename("\(root)/.tmp", path)
            case 12..<15: unlink(path)
            case 15..<17: rename(path, "\(root)/\(file())")
            case 17:
                // A file of two names would change under both, and be told under one.
                write("\(root)/.link", 70)
                link("\(root)/.link", path)
                unlink("\(root)/.link")
            case 18:
                rename("\(root)/f", "\(root)/moved")
                makeFolders()
            default:
                rename("\(root)/moved/g", "\(root)/d/g\(Int.random(in: 0..<3, using: &random))")
                Shell.run("rm -rf '\(root)/d/e' '\(root)/moved'")
                makeFolders()
            }
        }
    }

    /// What the folder holds, by walking it.
    private func files(_ root: String) -> [String: Int64] {
        var found: [String: Int64] = [:]
        func walk(_ path: String) {
            guard let directory = opendir(root + path) else { return }
            defer { closedir(directory) }
            while let entry = FolderEntry(next: directory) {
                let name = String(decoding: entry.name, as: UTF8.self)
                if name.hasPrefix(".") { continue }
                if entry.kind == .folder {
                    walk("\(path)/\(name)")
                } else {
                    var status = stat()
                    stat("\(root)\(path)/\(name)", &status)
                    found[String("\(path)/\(name)".dropFirst())] = Int64(status.st_size)
                }
            }
        }
        walk("")
        return found
    }

    @Test("after random changes the objects are the files, and each key's events make a story", arguments: 1...6)
    func model(seed: UInt64) async throws {
        let lake = try TestLake()
        let root = "\(lake.root)/lake/raw"
        var random = Seeded(state: seed)
        var service = try await lake.started()
        for round in 0..<4 {
            if round == 2 {
                await service.stop()
                churn(root, steps: 100, random: &random)
                service = try await lake.started()
            }
            churn(root, steps: 200, random: &random)
            await service.settled()
            let objects = try await lake.store.read { try S3Store.objects(bucket: "raw", limit: 10000, in: $0) }
            let known = Set(objects.map { "\($0.key) \($0.size)" })
            let there = Set(files(root).map { "\($0.key) \($0.value)" })
            #expect(known.subtracting(there) == [] && there.subtracting(known) == [], "round \(round)")
            for object in objects {
                let events = try await lake.store.read {
                    try S3Store.events(bucket: "raw", key: object.key, in: $0)
                }
                #expect(events.last?.eTag == object.eTag && events.last?.version == object.version)
                // No key is removed that was not there.
                for (one, next) in zip(events, events.dropFirst()) where next.size == nil {
                    #expect(one.size != nil)
                }
                #expect(events.first?.size != nil)
            }
        }
        await service.stop()
    }

    @Test("a restart after each burst tells nothing twice and loses nothing")
    func bursts() async throws {
        let lake = try TestLake()
        for round in 0..<3 {
            let service = try await lake.started()
            lake.script("i=0; while [ $i -lt 300 ]; do echo $i > b\(round)-$i; i=$((i+1)); done")
            // Stopped in the middle of it: what was not taken in yet is found by the next start.
            await service.stop()
        }
        let service = try await lake.started()
        let seen = await lake.events()
        #expect(seen.count == 900 && Set(seen).count == 900)
        await service.stop()
    }

    @Test("a queue that overflows is made good by a scan, and said once")
    func overflow() async throws {
        let lake = try TestLake()
        let held = Gate()
        let service = try lake.service(notice: { message in if message.contains("pipe") { held.wait() } })
        await service.start()
        await service.scanCompleted()
        lake.script("mkdir x")
        await service.settled()
        // The watcher waits for who hears its notice, while the kernel's queue of 16,384 fills.
        lake.script("mkfifo pipe; cd x; seq 1 20000 | xargs touch; rm -f $(seq 1 100)")
        held.open()
        await service.settled()
        #expect(lake.notices.filter { $0.contains("came faster") }.count == 1)
        let seen = await lake.events().filter { $0.event == "ObjectCreated:Put" }
        #expect(Set(seen.map(\.key)).isSuperset(of: (101...20000).map { "x/\($0)" }))
        #expect(Set(seen).count == seen.count)
        // The watches are in order again.
        lake.script("mkdir -p x/y; echo 1 > x/y/z")
        #expect(await lake.events() == [.created("x/y/z", 2)])
        await service.stop()
    }
}

/// A gate on which a thread of its own waits.
final class Gate: Sendable {
    private let ends: (read: Int32, write: Int32)
    init() {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        self.ends = (ends[0], ends[1])
    }
    func wait() {
        var byte: UInt8 = 0
        read(ends.read, &byte, 1)
    }
    func open() { close(ends.write) }
    deinit { close(ends.read) }
}
