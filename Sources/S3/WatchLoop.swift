import Events
import Glibc
import Storage
import Synchronization

/// The watcher's thread: changes in, observations out.
///
/// It drains the kernel's queue first and looks at files second, so that the queue stays short; what it finds goes to the
/// database in batches, of which few are under way at once. All that it holds is bounded: the changes that wait by
/// `pendingLimit`, beyond which a scan takes their place.
final class WatchLoop {
    /// What the loop is made from.
    struct Setup: Sendable {
        var lake: String
        var store: Store
        var time: any TimeSource
        var publisher: EventPublisher
        var buckets: [String]
        var notice: @Sendable (String) -> Void
        var maximumWatches: Int
        var scanInterval: Duration
        var mailbox: Mailbox
        var progress: WatchProgress
    }

    /// A folder's objects that are to go, from a key on.
    struct Removal: Sendable, Hashable {
        var bucket: String
        var prefix: String
        var after = ""
    }

    enum Work {
        /// Look at what is at the path; void if the ticket is no longer the path's.
        case inspect(WatchedBucket, [UInt8], ticket: Int)
        /// The path was removed or moved away.
        case absent(WatchedBucket, [UInt8])
        case absentTree(Removal)
    }

    /// Why to look at a file, weakest reason first.
    enum Cause: Int, Comparable, Sendable {
        /// Its attributes have changed, perhaps its times.
        case touched
        /// What was told of it had happened before it was last seen whole, as far as the kernel tells.
        case seen
        /// It has just been created, so perhaps before its writer was counted as one.
        case created
        /// It was there when its folder was read.
        case found
        /// It has moved or was linked here, or can be read by now.
        case moved
        /// A writer has just closed it.
        case closed

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// After so many attempts, a quarter of a second, the kernel has surely done what it had begun.
    static let certainAttempt = 8
    static let pendingLimit = 50_000
    static let batchLimit = 256
    static let batchesUnderWay = 2
    /// Files up to this size are read on the spot, larger ones by a thread of their own.
    static let inlineSize = 64 * 1024
    static let readersLimit = 2
    static let hashLimit = 4096
    /// How long a file is put off at most.
    private static let longestDelay = Duration.seconds(60)
    /// Milliseconds between two looks at whether the lake and its buckets are still the folders that they were.
    static let placeCheck: Int32 = 2000
    /// How long a file must have been left alone where nobody can tell whether it is open.
    static let quietPeriod = Duration.seconds(2)

    let setup: Setup
    var inotify: Inotify?
    var lake: Descriptor?
    var lakeWatch: Int32 = -1
    /// On the folder above the lake: while the lake is open, the kernel does not tell of its removal otherwise.
    var aboveWatch: Int32 = -1
    var buckets: [String: WatchedBucket] = [:]
    var folders: [Int32: WatchedFolder] = [:]
    /// Files that are open for writing under another name, by the watch on the file itself.
    var openFiles: [Int32: [(bucket: WatchedBucket, path: [UInt8])]] = [:]
    /// Paths that could not be read, to be tried again when their attributes change.
    var unreadable: Set<[UInt8]> = []

    var pending: [Work] = []
    var pendingHead = 0
    /// The files that wait to be looked at, each but once, with the strongest reason.
    private var inspects: [[UInt8]: (ticket: Int, era: Int, cause: Cause)] = [:]
    /// Files that were seen whole, and where the kernel's stream ended then, before they were opened and once it was known that
    /// nobody writes to them: what it tells before that was part of what was seen.
    var sights: [[UInt8]: (opened: Int, whole: Int)] = [:]
    /// Files whose attributes have changed, to be looked at once the kernel's queue has been read again.
    var touched: [(bucket: WatchedBucket, path: [UInt8])] = []
    private var tickets = 0
    /// Counts the removals of folders: what comes behind one must not be merged into what came before it.
    private var era = 0
    var batch: [Observation] = []
    var batchesOut = 0
    var removalOut = false
    var hashes: [(bucket: WatchedBucket, path: [UInt8], identity: FileIdentity, cause: Cause)] = []
    var hashesHead = 0
    var readers = 0
    var scan = ScanState()
    /// Files whose writer may be about to be gone, and when to look again, in nanoseconds of the monotonic clock.
    var closing: [(due: Int64, bucket: WatchedBucket, path: [UInt8], cause: Cause, attempt: Int)] = []
    var deferred: [(due: Timestamp, bucket: String, path: [UInt8], cause: Cause)] = []
    var timer: (due: Timestamp, task: Task<Void, Never>)?
    /// When everything is to be looked at again, where changes can't be watched.
    var nextScan: Timestamp?
    var needsPeriodicScan = false
    var rescanWanted = false
    var isStopping = false
    /// Those who wait until nothing is left to do.
    var settlers: [CheckedContinuation<Void, Never>] = []
    private var hasScanned = false
    var placesChecked = WatchLoop.monotonic()
    /// The mount points below the lake.
    var mounts: [String] = []
    var said: Set<String> = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: inlineSize, alignment: 64)

    init(_ setup: Setup) { self.setup = setup }

    deinit { buffer.deallocate() }

    func run() {
        begin()
        setup.progress.started()
        // Without a bucket there is nothing to wait for: the first scan is over before it began.
        report(isDrained: drain())
        while !isFinished {
            wait()
            for message in setup.mailbox.takeAll() { take(message) }
            let isDrained = drain()
            if mayWork { retryDue() }
            checkPlaces()
            work()
            report(isDrained: isDrained)
        }
        timer?.task.cancel()
        setup.mailbox.close()
        for message in setup.mailbox.takeAll() { take(message) }
        for wake in settlers { wake.resume() }
        dropWatches()
        setup.progress.stopped()
    }

    private var isFinished: Bool { isStopping && batchesOut == 0 && !removalOut && readers == 0 }

    // MARK: Waiting

    private func wait() {
        var descriptors = [pollfd(fd: setup.mailbox.reader.number, events: Int16(POLLIN), revents: 0)]
        if let inotify { descriptors.append(pollfd(fd: inotify.descriptor.number, events: Int16(POLLIN), revents: 0)) }
        let hasWork =
            !isStopping && mayWork && (pendingHead < pending.count || scan.isActive || rescanWanted || !batch.isEmpty)
        armTimer()
        let pause = closingTimeout < 0 ? Self.placeCheck : min(closingTimeout, Self.placeCheck)
        _ = poll(&descriptors, nfds_t(descriptors.count), hasWork ? 0 : pause)
    }

    private func armTimer() {
        let due = ([nextScan].compactMap(\.self) + deferred.map(\.due)).min()
        guard let due, !isStopping, timer.map({ due < $0.due }) ?? true else { return }
        timer?.task.cancel()
        let (time, mailbox) = (setup.time, setup.mailbox)
        timer = (
            due,
            Task.detached {
                // A cancelled sleep belongs to a timer that has been replaced.
                if (try? await time.sleep(until: due)) != nil { mailbox.post(.timer) }
            }
        )
    }

    private func take(_ message: Mailbox.Message) {
        switch message {
        case .committed(let observations, let error):
            batchesOut -= 1
            if let error { retry(observations, error) }
        case .removed(let removal, let result):
            removalOut = false
            switch result {
            case .success(let after?): submit(Removal(bucket: removal.bucket, prefix: removal.prefix, after: after))
            case .success(nil): break
            case .failure(let error):
                guard error as? StoreError != .closed else { return isStopping = true }
                say("s3://\(removal.bucket)/\(removal.prefix): the removal could not be recorded: \(error)")
                rescanAfterFailure()
            }
        case .hashed(let bucket, let path, let found, let cause, let file):
            readers -= 1
            startReaders()
            guard let bucket = buckets[bucket], let key = key(path, in: bucket) else { return }
            guard let file else { return lookAgain(path, in: bucket, cause, since: found) }
            guard ObjectFile.identity(path, in: bucket.root)?.hasContent(of: file.identity) == true else {
                return inspectLater(path, in: bucket, cause)
            }
            observe(
                .present(
                    bucket: bucket.name, key: key, identity: file.identity, eTag: file.eTag,
                    traceHeader: file.traceHeader, evidence: evidence(cause, bucket)))
        case .look(let bucket, let path):
            guard let bucket = buckets[bucket] else { return }
            look(path, in: bucket, .moved)
        case .timer:
            timer = nil
            let now = setup.time.now
            // What is further away than it was put was put before the clock was set back.
            if let due = nextScan, due <= now || due - now > setup.scanInterval {
                nextScan = nil
                rescanWanted = true
            }
            func isDue(_ time: Timestamp) -> Bool { time <= now || time - now > Self.longestDelay }
            let due = deferred.filter { isDue($0.due) }
            deferred.removeAll { isDue($0.due) }
            for one in due {
                if let bucket = buckets[one.bucket] { look(one.path, in: bucket, one.cause) }
            }
        case .rescan: rescanWanted = true
        case .settle(let wake): settlers.append(wake)
        case .stop: isStopping = true
        }
    }

    // MARK: Working

    /// Whether more can be looked at now, or what is under way must come back first.
    var mayWork: Bool {
        batchesOut < Self.batchesUnderWay && !removalOut && hashes.count - hashesHead < Self.hashLimit
    }

    private func work() {
        if isStopping { return }
        var steps = 0
        while mayWork, steps < 64 {
            steps += 1
            if pendingHead < pending.count {
                next()
            } else if scan.isActive {
                break
            } else if rescanWanted {
                rescanWanted = false
                restart()
                break
            } else {
                break
            }
            if batch.count >= Self.batchLimit { flush() }
        }
        // One step, however much else waits: new folders must not wait for ever.
        if mayWork, scan.isActive { stepScan() }
        if batch.count >= Self.batchLimit || (pendingHead >= pending.count && mayWork) { flush() }
    }

    private func next() {
        let work = pending[pendingHead]
        switch work {
        case .inspect(let bucket, let path, let ticket):
            let name = pendingKey(bucket, path)
            if let entry = inspects[name], entry.ticket == ticket {
                inspects[name] = nil
                inspect(path, in: bucket, entry.cause)
            }
        case .absent(let bucket, let path):
            if let key = key(path, in: bucket) {
                let current = ObjectFile.identity(path, in: bucket.root)
                observe(.absent(bucket: bucket.name, key: key, current: current))
                // It may have been told of before the one that is gone was: two files can change places.
                if current != nil { inspectLater(path, in: bucket, .moved) }
            }
        case .absentTree(let removal):
            // What is under way may still add objects to the folder.
            flush()
            guard batchesOut == 0 else { return }
            submit(removal)
        }
        pendingHead += 1
        if pendingHead == pending.count {
            pending.removeAll(keepingCapacity: pending.count < 4096)
            pendingHead = 0
        } else if pendingHead >= 8192 {
            pending.removeFirst(pendingHead)
            pendingHead = 0
        }
    }

    func enqueue(_ work: Work) {
        // The scan that is wanted will find what is left out here.
        guard pending.count - pendingHead < Self.pendingLimit else {
            rescanWanted = true
            return
        }
        switch work {
        case .inspect: break
        // What comes behind the removal is another file than the one before it.
        case .absent(let bucket, let path): inspects[pendingKey(bucket, path)] = nil
        case .absentTree: era += 1
        }
        pending.append(work)
    }

    /// Has a path looked at, whatever is there.
    private func look(_ path: [UInt8], in bucket: WatchedBucket, _ cause: Cause) {
        if ObjectFile.status(path, in: bucket.root) == nil {
            enqueue(.absent(bucket, path))
        } else {
            inspectLater(path, in: bucket, cause)
        }
    }

    /// What a reason to look says of a file whose bytes are known.
    func evidence(_ cause: Cause, _ bucket: WatchedBucket) -> Evidence {
        switch cause {
        case .touched, .seen: .attributes
        case .found: bucket.isRestored ? .restored : .lying
        case .created, .moved, .closed: .arrival
        }
    }

    /// Has a file looked at; several reasons that come together are one.
    func inspectLater(_ path: [UInt8], in bucket: WatchedBucket, _ cause: Cause) {
        let name = pendingKey(bucket, path)
        if let entry = inspects[name], entry.era == era {
            inspects[name]?.cause = max(entry.cause, cause)
            return
        }
        guard pending.count - pendingHead < Self.pendingLimit else { return rescanWanted = true }
        tickets += 1
        inspects[name] = (tickets, era, cause)
        enqueue(.inspect(bucket, path, ticket: tickets))
    }

    func forgetPending() {
        pending = []
        pendingHead = 0
        inspects = [:]
        closing = []
        touched = []
    }

    /// Why a file that waits to be looked at is to be; nil where it doesn't wait.
    func cause(of path: [UInt8], in bucket: WatchedBucket) -> Cause? { inspects[pendingKey(bucket, path)]?.cause }

    func pendingKey(_ bucket: WatchedBucket, _ path: [UInt8]) -> [UInt8] {
        Array(bucket.name.utf8) + [UInt8(ascii: "/")] + path
    }

    // MARK: Telling

    /// Says something once.
    func say(_ message: String) {
        guard said.count <= 1000, said.insert(message).inserted else { return }
        setup.notice(said.count > 1000 ? "further notices about the lake's files are left out" : message)
    }

    private func report(isDrained: Bool) {
        setup.progress.set(pending: pending.count - pendingHead + batch.count + hashes.count - hashesHead)
        let isIdle =
            isDrained && touched.isEmpty && pendingHead >= pending.count && batch.isEmpty && batchesOut == 0
            && !removalOut
            && readers == 0 && hashesHead >= hashes.count && !scan.isActive && !rescanWanted
            && !closing.contains { $0.attempt <= Self.certainAttempt }
        guard isIdle else { return }
        if !hasScanned {
            hasScanned = true
            setup.progress.scanned()
        }
        for bucket in buckets.values where bucket.isRestored { isFound(bucket) }
        for wake in settlers { wake.resume() }
        settlers = []
    }

    /// The key that a path stands for; nil, and a notice, where S3 could have no such key.
    func key(_ path: [UInt8], in bucket: WatchedBucket) -> String? {
        guard let key = String(validating: path, as: UTF8.self) else {
            say("\(shown(path, bucket)): the name is no UTF-8, so it can't be an object's key; rename the file")
            return nil
        }
        guard path.count <= ObjectPath.maximumKeyLength else {
            say(
                "\(shown(path, bucket)): the key would be longer than 1024 bytes, which S3 refuses; shorten its folders"
            )
            return nil
        }
        return key
    }

    /// A path as a message shows it, with bytes that are no text as `\xNN`.
    func shown(_ path: [UInt8], _ bucket: WatchedBucket) -> String {
        let text =
            String(validating: path, as: UTF8.self)
            ?? path.map { byte in
                if (0x20..<0x7F).contains(byte) { return String(UnicodeScalar(byte)) }
                let digits = String(byte, radix: 16)
                return "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
            }.joined()
        return "\(setup.lake)/\(bucket.name)/\(text)"
    }
}
