import CZlib
import Events
import Foundation
import FunctionRuntime
import Synchronization

/// One lake for all tests of functions, each with keys of its own: a function finds it by an environment variable.
enum FunctionLake {
    static let folder: URL = {
        let lake = FileManager.default.temporaryDirectory.appendingPathComponent("lake-\(UUID().uuidString)")
        setenv("SLUICE_LAKE", lake.path, 1)
        setenv("REPORT_BUCKET", "reports", 1)
        for name in ["raw", "reports", "quarantine", "accepted"] {
            try? FileManager.default.createDirectory(
                at: lake.appendingPathComponent(name), withIntermediateDirectories: true)
        }
        return lake
    }()

    /// Stores an object; the event that S3 would send of it.
    static func put(_ bytes: [UInt8], _ key: String, bucket: String = "raw") throws -> S3Event {
        _ = folder
        try S3Object.put(bucket: bucket, key: key, bytes: bytes)
        return S3Event(records: [
            S3Event.Record(
                awsRegion: "us-east-1", eventTime: .now, eventName: "ObjectCreated:Put",
                userIdentity: .init(principalId: "test"), requestID: "r", hostID: "h",
                s3: .init(
                    configurationId: "c", bucket: .init(name: bucket, ownerIdentity: .init(principalId: "test")),
                    object: .init(urlDecodedKey: key, size: Int64(bytes.count), sequencer: "0A")))
        ])
    }

    static func put(_ text: String, _ key: String, bucket: String = "raw") throws -> S3Event {
        try put(Array(text.utf8), key, bucket: bucket)
    }

    /// An object's text; nil where there is none.
    static func text(_ bucket: String, _ key: String) throws -> String? {
        do {
            return String(decoding: try S3Object.open(bucket: bucket, key: key).readAll(), as: UTF8.self)
        } catch S3Error.noSuchKey { return nil }
    }

    /// One gzip member.
    static func gzip(_ text: String) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        var input = Array(text.utf8)
        return input.withUnsafeMutableBufferPointer { input in
            [UInt8](unsafeUninitializedCapacity: input.count + 1000) { output, count in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                deflate(&stream, Z_FINISH)
                count = output.count - Int(stream.avail_out)
            }
        }
    }
}

/// What a handler has logged.
final class Log: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }

    /// A context that logs here.
    func context(_ name: String = "test") -> LambdaContext {
        LambdaContext(functionName: name) { self.append($0) }
    }
}
