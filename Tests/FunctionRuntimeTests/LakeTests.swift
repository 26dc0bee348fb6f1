import Events
import Foundation
import Glibc
import Testing

@testable import FunctionRuntime

@Suite("Objects of a lake on this machine")
struct LakeTests {
    /// A lake of its own, removed at the end.
    final class Scratch {
        let path: String
        var lake: Lake { Lake(path: path) }

        init(buckets: String...) {
            var name = Array("/tmp/lake-XXXXXX".utf8CString)
            path = mkdtemp(&name).map { String(cString: $0) } ?? "/tmp"
            for bucket in buckets { mkdir("\(path)/\(bucket)", 0o755) }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func put(_ bytes: [UInt8], bucket: String, key: String, pieces: Int = 1) throws {
            let upload = S3Upload(bucket: bucket, key: key, lake: lake)
            let step = max(1, bytes.count / pieces)
            for start in stride(from: 0, to: bytes.count, by: step) {
                try bytes[start..<min(bytes.count, start + step)].withUnsafeBytes { try upload.write($0) }
            }
            try upload.finish()
        }

        func write(_ bytes: [UInt8], to name: String) {
            let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            _ = Glibc.write(file, bytes, bytes.count)
            close(file)
        }
    }

    @Test("what is put can be read, in folders that were not there; nothing else is left")
    func putAndOpen() throws {
        let scratch = Scratch(buckets: "raw")
        let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        try scratch.put(bytes, bucket: "raw", key: "a b/ü/c.csv")
        let file = try scratch.lake.open(bucket: "raw", key: "a b/ü/c.csv")
        #expect(file.size == 100_000)
        #expect(try all(file, step: 777) == bytes)
        let before = file.version
        try scratch.put(bytes, bucket: "raw", key: "a b/ü/c.csv")
        #expect(try scratch.lake.open(bucket: "raw", key: "a b/ü/c.csv").version != before)
        #expect(access("\(scratch.path)/raw/a b/ü/c.csv", F_OK) == 0)
        var matches = glob_t()
        glob("\(scratch.path)/raw/a b/ü/.sluice*", 0, nil, &matches)
        #expect(matches.gl_pathc == 0)
        globfree(&matches)
    }

    @Test("an object written in many pieces appears whole at the end, and not at all where it is never finished")
    func pieces() throws {
        let scratch = Scratch(buckets: "raw")
        let bytes = [UInt8]((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        try scratch.put(bytes, bucket: "raw", key: "q/big.csv", pieces: 333)
        #expect(try all(scratch.lake.open(bucket: "raw", key: "q/big.csv"), step: 1 << 20) == bytes)
        try scratch.put([], bucket: "raw", key: "q/empty.csv")
        #expect(try scratch.lake.open(bucket: "raw", key: "q/empty.csv").size == 0)
        var abandoned: S3Upload? = S3Upload(bucket: "raw", key: "q/never.csv", lake: scratch.lake)
        try bytes.withUnsafeBytes { try abandoned?.write($0) }
        #expect(abandoned?.size == 5_000_000)
        abandoned = nil
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/raw/q").sorted()
        #expect(names == ["big.csv", "empty.csv"])
    }

    @Test("an object carries the trace header of the invocation that wrote it, until somebody else writes the file")
    func traceHeader() throws {
        let scratch = Scratch(buckets: "raw")
        setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", 1)
        defer { unsetenv("_X_AMZN_TRACE_ID") }
        try scratch.put([1, 2], bucket: "raw", key: "a")
        let file = open("\(scratch.path)/raw/a", O_RDWR)
        defer { close(file) }
        #expect(TraceAttribute.get(from: file) == "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
        // Another time of its last change, as another writer leaves it.
        var times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
        #expect(pwrite(file, "x", 1, 0) == 1 && futimens(file, &times) == 0)
        #expect(TraceAttribute.get(from: file) == nil)
    }

    @Test("no key and no link leads out of the bucket")
    func confined() throws {
        let scratch = Scratch(buckets: "raw", "other")
        scratch.write([1], to: "other/secret")
        symlink("../other/secret", "\(scratch.path)/raw/link")
        symlink("../other", "\(scratch.path)/raw/folder")
        mkfifo("\(scratch.path)/raw/pipe", 0o644)
        for (bucket, key) in [
            ("raw", "../other/secret"), ("raw", "a//b"), ("raw", "."), ("raw", "link"), ("raw", "folder/secret"),
            ("raw", "pipe"), ("raw", ""), ("..", "x"), ("raw/../other", "secret"), ("raw", "a\0b"),
        ] {
            let error = #expect(throws: S3Error.self) { try scratch.lake.open(bucket: bucket, key: key) }
            guard case .badName? = error else {
                Issue.record("\(bucket) \(key): \(String(describing: error))")
                continue
            }
        }
        #expect(throws: S3Error.noSuchKey("s3://raw/none")) { try scratch.lake.open(bucket: "raw", key: "none") }
        #expect(throws: S3Error.failed("s3://none/x", "no such bucket")) {
            try scratch.lake.open(bucket: "none", key: "x")
        }
    }

    @Test("an object that is written to while it is read is not taken for whole")
    func changedWhileRead() throws {
        let scratch = Scratch(buckets: "raw")
        scratch.write([1, 2, 3], to: "raw/k")
        let file = try scratch.lake.open(bucket: "raw", key: "k")
        scratch.write([1, 2, 3, 4], to: "raw/k")
        let error = #expect(throws: S3Error.self) { try all(file, step: 10) }
        guard case .changed? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
