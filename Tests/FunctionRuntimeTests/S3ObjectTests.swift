import CZlib
import Glibc
import Testing

@testable import FunctionRuntime

/// Bytes that come in pieces of a given size.
final class Pieces: ByteSource {
    private var rest: ArraySlice<UInt8>
    private let size: Int

    init(_ bytes: [UInt8], size: Int) {
        rest = bytes[...]
        self.size = size
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let piece = rest.prefix(min(size, buffer.count))
        buffer.copyBytes(from: piece)
        rest = rest.dropFirst(piece.count)
        return piece.count
    }
}

func all(_ source: any ByteSource, step: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
        let block = try [UInt8](unsafeUninitializedCapacity: step) { buffer, count in
            count = try source.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        if block.isEmpty { return bytes }
        bytes += block
    }
}

/// One gzip member.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var input = bytes
    return input.withUnsafeMutableBufferPointer { input in
        [UInt8](unsafeUninitializedCapacity: bytes.count + 1000) { output, count in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            deflate(&stream, Z_FINISH)
            count = output.count - Int(stream.avail_out)
        }
    }
}

@Suite("gzip")
struct InflaterTests {
    private let text: [UInt8] = (0..<50_000).flatMap { Array("\($0),abc\n".utf8) }

    @Test(
        "members one after another are one stream, whatever the pieces", arguments: [1, 7, 1 << 18], [1, 1000, 1 << 20])
    func members(piece: Int, step: Int) throws {
        let head = Array(text[..<1000])
        let stored = gzip(head) + gzip([]) + gzip(piece == 1 || step == 1 ? head : text) + [0, 0, 0]
        let bytes = try all(Inflater(Pieces(stored, size: piece), uri: "s3://b/k"), step: step)
        #expect(bytes == head + (piece == 1 || step == 1 ? head : text))
    }

    @Test("data that end too soon are an error at their end", arguments: [0, 1, 5, 10, 100, -1, -4, -8])
    func truncated(keep: Int) throws {
        let whole = gzip(text)
        let cut = Array(keep > 0 || keep == 0 ? whole[..<keep] : whole[..<(whole.count + keep)])
        let error = #expect(throws: CorruptObject.self) {
            try all(Inflater(Pieces(cut, size: 999), uri: "s3://b/k"), step: 4096)
        }
        #expect(error?.position == Int64(cut.count))
        #expect(error?.reason.contains("ends in the middle") == true)
    }

    @Test("garbage after a member, and a wrong checksum, are errors that say where")
    func garbage() throws {
        let member = gzip(text)
        for tail in ["x", "\0\0x"] {
            let error = #expect(throws: CorruptObject.self) {
                try all(Inflater(Pieces(member + Array(tail.utf8), size: 999), uri: "s3://b/k"), step: 4096)
            }
            #expect(error?.position == Int64(member.count + tail.utf8.count - 1))
        }
        var wrong = member
        wrong[wrong.count - 6] ^= 1
        let error = #expect(throws: CorruptObject.self) {
            try all(Inflater(Pieces(wrong, size: 999), uri: "s3://b/k"), step: 4096)
        }
        #expect(error?.description.hasPrefix("s3://b/k: gzip at byte ") == true)
        #expect(error?.reason == "incorrect data check")
    }
}

@Suite("Zstandard")
struct ZstandardTests {
    /// `printf 'hello, zstd\n' | zstd`
    private let frame: [UInt8] = [
        0x28, 0xB5, 0x2F, 0xFD, 0x04, 0x58, 0x61, 0x00, 0x00, 0x68, 0x65, 0x6C, 0x6C, 0x6F, 0x2C, 0x20, 0x7A, 0x73,
        0x74,
        0x64, 0x0A,
    ]

    private var checked: [UInt8] { frame + [0x84, 0x58, 0x5C, 0xA0] }

    @Test("frames one after another are one stream, whatever the pieces", arguments: [1, 5, 4096], [1, 4096])
    func frames(piece: Int, step: Int) throws {
        let bytes = try all(ZstandardDecoder(Pieces(checked + checked, size: piece), uri: "s3://b/k"), step: step)
        #expect(String(decoding: bytes, as: UTF8.self) == "hello, zstd\nhello, zstd\n")
    }

    @Test("data that end too soon, garbage, and a wrong checksum are errors")
    func broken() throws {
        for cut in [1, 4, 9, 20, 24] {
            #expect(throws: CorruptObject.self) {
                try all(ZstandardDecoder(Pieces(Array(checked[..<cut]), size: 3), uri: "u"), step: 4096)
            }
        }
        var wrong = checked
        wrong[wrong.count - 1] ^= 1
        for bad in [wrong, checked + [1, 2, 3, 4, 5]] {
            let error = #expect(throws: CorruptObject.self) {
                try all(ZstandardDecoder(Pieces(bad, size: 3), uri: "u"), step: 4096)
            }
            #expect(error?.encoding == "zstd")
        }
    }
}
