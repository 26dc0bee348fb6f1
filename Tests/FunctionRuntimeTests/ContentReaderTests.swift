import Glibc
import Testing

@testable import FunctionRuntime

@Suite("Files, pipes and objects as one stream of bytes")
struct ContentReaderTests {
    private let text = Array("a,b\n1,2\n".utf8)

    private func reader(_ bytes: [UInt8], _ name: String, _ decoding: Decoding) -> ContentReader {
        ContentReader(Pieces(bytes, size: 3), name: name, size: Int64(bytes.count), decoding: decoding)
    }

    @Test("the first bytes decide, whatever the name, unless the name has to keep its promise")
    func promises() throws {
        let packed = gzip(text)
        #expect(try reader(packed, "x.csv", .automatic).readAll() == text)
        #expect(try reader(text, "x.csv.gz", .automatic).readAll() == text)
        #expect(try reader(packed, "x.csv.gz", .strict).readAll() == text)
        #expect(try reader(packed, "x.csv", .strict).readAll() == text)
        #expect(try reader(packed, "x.csv", .none).readAll() == packed)
        for (bytes, name, found) in [
            (text, "x.csv.gz", "gzip, the bytes are not"), ([], "x.GZ", "gzip, the bytes are not"),
            (packed, "x.csv.zst", "zstd, the bytes are gzip"),
        ] {
            let error = #expect(throws: CorruptObject.self) { try reader(bytes, name, .strict).readAll() }
            #expect(error?.reason == "the name says \(found)")
        }
        #expect(throws: CorruptObject.self) { try reader(text, "x", .only(.gzip)).readAll() }
    }

    @Test("what was peeked at is still to be read, and stored bytes are counted as stored")
    func peek() throws {
        let packed = gzip(Array(repeating: 65, count: 100_000))
        let content = reader(packed, "x", .automatic)
        #expect(try content.peek(5) == [65, 65, 65, 65, 65])
        #expect(try content.peek(2) == [65, 65])
        #expect(try content.readAll().count == 100_000)
        #expect(content.storedBytesRead == Int64(packed.count))
    }

    @Test("a file, a named pipe and a folder")
    func paths() throws {
        var name = Array("/tmp/content-XXXXXX".utf8CString)
        let folder = mkdtemp(&name).map { String(cString: $0) } ?? "/tmp"
        defer {
            unlink(folder + "/file")
            unlink(folder + "/pipe")
            rmdir(folder)
        }
        let file = open(folder + "/file", O_WRONLY | O_CREAT, 0o644)
        _ = write(file, text, text.count)
        close(file)
        let content = try ContentReader(path: folder + "/file")
        #expect(content.size == 8)
        #expect(try content.readAll() == text)

        var ends: [Int32] = [0, 0]
        _ = pipe(&ends)
        let packed = gzip(text)
        _ = write(ends[1], packed, packed.count)
        close(ends[1])
        let piped = try ContentReader(descriptor: ends[0], name: "-")
        #expect(piped.size == nil)
        #expect(try piped.readAll() == text)

        #expect(throws: S3Error.failed(folder, "it is a folder")) { try ContentReader(path: folder) }
        #expect(throws: S3Error.failed(folder + "/none", "No such file or directory")) {
            try ContentReader(path: folder + "/none")
        }
    }
}
