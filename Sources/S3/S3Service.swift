public import Events
public import Storage

/// The buckets of a lake: folders whose files are objects, and whose changes are S3's events.
///
/// A file is an object once its writer has closed it or moved it into place. Names that start with `.`, what lies under
/// `_temporary/`, symbolic links and everything that is no regular file are none.
public final class S3Service: Sendable {
    let setup: WatchLoop.Setup

    /// Makes the service; nothing happens before ``start()``. Throws ``S3Error`` for a configuration that S3 would refuse.
    ///
    /// - Parameters:
    ///   - lake: The folder of the buckets, made where it is missing.
    ///   - buckets: The buckets to make, and what they notify. Any other folder of the lake with a bucket's name is a bucket too.
    ///   - scanInterval: How often to look through everything where changes can't be watched.
    ///   - deliver: Hands an event to a function, in the transaction that records the event.
    ///   - bus: Hands an event to EventBridge, in the same transaction.
    ///   - notice: Tells a person something about the lake, once each.
    public convenience init(
        lake: String, store: Store, time: any TimeSource = SystemTime(), place: AccountRegion = AccountRegion(),
        buckets: [BucketConfiguration], scanInterval: Duration = .seconds(30),
        deliver: @escaping @Sendable (S3Event.Record, ObjectOrigin, ARN, Connection) throws -> Void,
        bus: @escaping @Sendable (EventBridgeEvent, Connection) throws -> Void = { _, _ in },
        notice: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        try self.init(
            lake: lake, store: store, time: time, place: place, buckets: buckets, scanInterval: scanInterval,
            maximumWatches: .max, deliver: deliver, bus: bus, notice: notice)
    }

    /// The same with a limit of watches, 0 standing for a system without inotify.
    init(
        lake: String, store: Store, time: any TimeSource, place: AccountRegion, buckets: [BucketConfiguration],
        scanInterval: Duration, maximumWatches: Int,
        deliver: @escaping @Sendable (S3Event.Record, ObjectOrigin, ARN, Connection) throws -> Void,
        bus: @escaping @Sendable (EventBridgeEvent, Connection) throws -> Void,
        notice: @escaping @Sendable (String) -> Void
    ) throws {
        var configurations: [String: NotificationConfiguration] = [:]
        for bucket in buckets {
            if let fault = BucketName.fault(in: bucket.name) {
                throw S3Error(
                    code: "InvalidBucketName", message: "'\(bucket.name)' is no bucket: \(fault).",
                    argument: bucket.name)
            }
            try bucket.notificationConfiguration.validate()
            configurations[bucket.name] = bucket.notificationConfiguration
        }
        setup = WatchLoop.Setup(
            lake: lake, store: store, time: time,
            publisher: EventPublisher(
                place: place, time: time, configurations: configurations, deliver: deliver, bus: bus),
            buckets: buckets.map(\.name), notice: notice, maximumWatches: maximumWatches, scanInterval: scanInterval,
            mailbox: try Mailbox(), progress: WatchProgress())
    }

    /// Starts the watcher; returns once the buckets are watched and the first scan is under way. To be called once.
    public func start() async {
        let setup = setup
        BlockingThread.start(name: "sluice-s3") { WatchLoop(setup).run() }
        await setup.progress.wait(for: .started)
    }

    /// Returns once the first scan is committed: from then on the database knows what lies in the lake.
    public func scanCompleted() async { await setup.progress.wait(for: .scanned) }

    /// Returns once everything that had happened in the lake before the call is committed, or the watcher has stopped. Files that
    /// are still open for writing are nothing yet.
    public func settled() async {
        await withCheckedContinuation { wake in
            if !setup.mailbox.post(.settle(wake)) { wake.resume() }
        }
    }

    /// Looks at one object's file again: it is another one than the records say.
    public func look(at version: ObjectVersion) {
        setup.mailbox.post(.look(bucket: version.bucket, path: Array(version.key.utf8)))
    }

    /// Looks through the whole lake again.
    public func rescan() { setup.mailbox.post(.rescan) }

    /// Ends the watcher; returns once what it had begun to write is committed. What it had not, the next start finds.
    public func stop() async {
        setup.mailbox.post(.stop)
        await setup.progress.wait(for: .stopped)
    }

    /// How many events were recorded since the start.
    public var eventCount: Int { setup.progress.events }

    /// How many changes wait to be looked at or committed.
    public var pendingCount: Int { setup.progress.pending }
}
