import Events
import Glibc
import Storage
import Testing

@testable import S3

@Suite("Putting objects")
struct ObjectWriterTests {
    @Test("what is put is one event, from bytes or from a file, new or over an older object")
    func put() async throws {
        let lake = try TestLake()
        let service = try await lake.started()
        let writer = ObjectWriter(lake: "\(lake.root)/lake")
        try writer.put(Array("hello".utf8), bucket: "raw", key: "a/b c/d.csv")
        #expect(await lake.events() == [.created("a/b c/d.csv", 5)])
        lake.script("head -c 70000 /dev/zero > $aside/f")
        try writer.put(file: "\(lake.root)/aside/f", bucket: "raw", key: "a/b c/d.csv")
        #expect(await lake.events() == [.created("a/b c/d.csv", 70000)])
        await service.stop()
    }

    @Test("what can't be put leaves nothing behind")
    func refused() throws {
        let lake = try TestLake()
        let writer = ObjectWriter(lake: "\(lake.root)/lake")
        lake.script("mkdir folder; ln -s $aside link; mkdir $aside/x")
        func code(_ body: () throws -> Void) -> String? {
            do { try body() } catch { return (error as? S3Error)?.code }
            return nil
        }
        #expect(code { try writer.put([1], bucket: "none", key: "a") } == "NoSuchBucket")
        #expect(code { try writer.put([1], bucket: "..", key: "a") } == "InvalidBucketName")
        #expect(code { try writer.put([1], bucket: "raw", key: "../a") } == "InvalidArgument")
        #expect(code { try writer.put([1], bucket: "raw", key: "folder") } == "InvalidArgument")
        #expect(code { try writer.put([1], bucket: "raw", key: "link/a") } == "InternalError")
        #expect(code { try writer.put(file: "\(lake.root)/none", bucket: "raw", key: "a") } == "InternalError")
        lake.script("test -z \"$(ls -A $aside/x)\"; test \"$(ls -A | wc -l)\" = 2")
    }
}
