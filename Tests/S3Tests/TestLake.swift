import Events
import Glibc
import Storage
import Synchronization
import Testing

@testable import S3

/// What a test sees of an event.
struct Seen: Sendable, Hashable, CustomStringConvertible {
    var event: String
    var key: String
    var size: Int64?

    static func created(_ key: String, _ size: Int64) -> Seen { Seen(event: "ObjectCreated:Put", key: key, size: size) }
    static func removed(_ key: String) -> Seen { Seen(event: "ObjectRemoved:Delete", key: key, size: nil) }

    var description: String { "\(event) \(key) \(size.map(String.init) ?? "")" }
}

/// A lake in a temporary folder with one bucket, `raw`, and a host that can come and go.
final class TestLake: Sendable {
    let root: String
    let store: Store
    private let records: AsyncStream<S3Event.Record>
    private let sink: AsyncStream<S3Event.Record>.Continuation
    private let running = Mutex<S3Service?>(nil)
    private let messages = Mutex<[String]>([])
    static let function = AccountRegion().function("f")

    init() throws {
        var template = Array("/tmp/sluice-s3-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw S3Error(code: "mkdtemp", message: "failed") }
        root = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        mkdir("\(root)/lake", 0o755)
        mkdir("\(root)/lake/raw", 0o755)
        mkdir("\(root)/aside", 0o755)
        store = try Store(path: "\(root)/db", schemas: [S3Store.schema])
        (records, sink) = AsyncStream.makeStream()
    }

    deinit {
        store.close()
        Shell.run("chmod -R u+rwx '\(root)'; rm -rf '\(root)'")
    }

    var notices: [String] { messages.withLock { $0 } }

    func service(
        time: any TimeSource = SystemTime(), maximumWatches: Int = .max,
        configuration: NotificationConfiguration? = nil,
        bus: @escaping @Sendable (EventBridgeEvent, Connection) throws -> Void = { _, _ in },
        notice: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> S3Service {
        let (sink, lake) = (sink, WeakLake(self))
        let service = try S3Service(
            lake: "\(root)/lake", store: store, time: time, place: AccountRegion(),
            buckets: [
                BucketConfiguration(
                    name: "raw",
                    notificationConfiguration: configuration
                        ?? .init(lambdaFunctionConfigurations: [
                            .init(
                                id: "all", events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                                lambdaFunctionArn: Self.function)
                        ]))
            ], scanInterval: .seconds(30), maximumWatches: maximumWatches,
            deliver: { record, _, _, connection in connection.afterCommit { sink.yield(record) } }, bus: bus,
            notice: { message in
                lake.lake?.messages.withLock { $0.append(message) }
                notice(message)
            })
        running.withLock { $0 = service }
        return service
    }

    func started(maximumWatches: Int = .max) async throws -> S3Service {
        let service = try service(maximumWatches: maximumWatches)
        await service.start()
        await service.scanCompleted()
        return service
    }

    /// Runs a script in the bucket's folder; `$aside` is a folder outside of the lake.
    func script(_ text: String) { Shell.run("cd '\(root)/lake/raw' && export aside='\(root)/aside' && \(text)") }

    /// The events of all that was done up to now.
    func events() async -> [Seen] { await eventRecords().map(Self.seen) }

    func eventRecords() async -> [S3Event.Record] {
        await running.withLock { $0 }?.settled()
        var seen: [S3Event.Record] = []
        let end = "end-of-test-events"
        sink.yield(Self.record(key: end))
        for await record in records {
            if record.s3.object.key == end { break }
            seen.append(record)
        }
        return seen
    }

    private static func record(key: String) -> S3Event.Record {
        S3Event.Record(
            awsRegion: "", eventTime: .now, eventName: "", userIdentity: .init(principalId: ""), requestID: "",
            hostID: "",
            s3: .init(
                configurationId: "", bucket: .init(name: "", ownerIdentity: .init(principalId: "")),
                object: .init(urlDecodedKey: key)))
    }

    /// The next events, however long they take.
    func next(_ count: Int) async -> [Seen] {
        var seen: [Seen] = []
        for await record in records {
            seen.append(Self.seen(record))
            if seen.count == count { break }
        }
        return seen
    }

    static func seen(_ record: S3Event.Record) -> Seen {
        Seen(event: record.eventName, key: record.s3.object.urlDecodedKey, size: record.s3.object.size)
    }
}

private final class WeakLake: Sendable {
    private let reference: Mutex<WeakReference>
    private struct WeakReference { weak var lake: TestLake? }
    init(_ lake: TestLake) { reference = Mutex(WeakReference(lake: lake)) }
    var lake: TestLake? { reference.withLock { $0.lake } }
}

enum Shell {
    /// Runs a script and waits for it.
    static func run(_ script: String) {
        let status = system("set -e; \(script)")
        if status != 0 { Issue.record("the script failed (\(status)): \(script)") }
    }
}
