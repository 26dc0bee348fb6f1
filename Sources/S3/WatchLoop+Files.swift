import Events
import Glibc
import Storage

extension WatchLoop {
    /// Looks at what is at a path, and makes an observation of it if it is a whole file.
    func inspect(_ path: [UInt8], in bucket: WatchedBucket, _ cause: Cause, attempt: Int = 0) {
        guard bucket === buckets[bucket.name], let key = key(path, in: bucket) else { return }
        // Before the file is opened: what comes later in the stream may be more than is seen here.
        let sight = inotify?.end
        let file: Descriptor
        switch ObjectFile.open(path, in: bucket.root) {
        case .descriptor(let opened): file = opened
        case .failed(let code): return refuse(path, bucket, code)
        }
        guard let status = file.status else { return }
        guard ObjectFile.isRegular(status) else { return refuse(path, bucket, status) }
        unreadable.remove(path)
        let identity = FileIdentity(status)
        if cause == .touched {
            if isKnown(identity, key, bucket) { return }
            // What waits to be told may be a writer's closing, and this its time: touch(1) sets it before it closes.
            if let inotify, let sight, sight > inotify.position { return touched.append((bucket, path)) }
        }
        var writers = ObjectFile.writers(of: file)
        // The kernel tells of a closing just before it stops to count the writer.
        for _ in 0..<20 where writers == .some && cause == .closed {
            sched_yield()
            writers = ObjectFile.writers(of: file)
        }
        switch writers {
        case .none: break
        case .some:
            awaitClose(of: file, status, path, bucket)
            if cause > .created || status.st_size > 0 || status.st_nlink > 1 {
                retryClosing(path, bucket, .closed, attempt: attempt)
            }
            return
        case .unknown:
            let age = setup.time.now - Timestamp(milliseconds: identity.modified / 1_000_000)
            // A clock that was set back makes files of the future, which would be looked at for ever.
            if cause != .closed, age >= .zero, age < Self.quietPeriod {
                return postpone(bucket.name, path, cause, by: Self.quietPeriod)
            }
        }
        if identity.size == 0, status.st_nlink == 1, cause <= .found, attempt < Self.certainAttempt, isFresh(identity) {
            // The kernel tells of a new file just before it counts its writer, whose closing will be told. A file that nobody
            // opened when it was made (mknod) becomes an object at the last attempt.
            return retryClosing(path, bucket, cause, attempt: attempt)
        }
        // A weaker reason doesn't stand for a writer's closing that is still to be told.
        if cause > .seen { isWhole(path, in: bucket, since: sight) }
        if identity.size <= Int64(Self.inlineSize) {
            guard let read = ObjectFile.eTag(of: file, identity: identity, buffer: buffer) else {
                return lookAgain(path, in: bucket, cause, since: identity)
            }
            observe(
                .present(
                    bucket: bucket.name, key: key, identity: read.identity, eTag: read.eTag,
                    traceHeader: TraceAttribute.get(from: file.number), evidence: evidence(cause, bucket)))
        } else {
            hashes.append((bucket, path, identity, cause))
            startReaders()
        }
    }

    /// Takes note that a file was seen whole: what is told of it from before, and a look that was to come once its writer is gone, is
    /// of the same version.
    private func isWhole(_ path: [UInt8], in bucket: WatchedBucket, since opened: Int?) {
        if let inotify, let opened { sights[pendingKey(bucket, path)] = (opened, inotify.end) }
        if !closing.isEmpty { closing.removeAll { $0.path == path && $0.bucket === bucket } }
    }

    /// A file could not be read as it was found. It was touched, or is being written by now, whose writer is found at the next
    /// look; or the disk fails.
    func lookAgain(_ path: [UInt8], in bucket: WatchedBucket, _ cause: Cause, since identity: FileIdentity) {
        guard let now = ObjectFile.identity(path, in: bucket.root), now.hasContent(of: identity) else {
            return inspectLater(path, in: bucket, cause)
        }
        say("\(shown(path, bucket)): can't be read to its end; it is tried again every 10 s")
        postpone(bucket.name, path, cause, by: .seconds(10))
    }

    /// Whether an object's record has this content and its times, so that there is nothing to read.
    private func isKnown(_ identity: FileIdentity, _ key: String, _ bucket: WatchedBucket) -> Bool {
        let name = bucket.name
        let known = try? setup.store.read { try S3Store.object(bucket: name, key: key, in: $0)?.identity }
        return known?.hasContent(of: identity) == true
    }

    /// Looks again, in the case that the writer was at its closing: a thread that the machine has no time for can stay between the
    /// telling and the counting for long. A writer that goes on will be told of by its own closing.
    private func retryClosing(_ path: [UInt8], _ bucket: WatchedBucket, _ cause: Cause, attempt: Int) {
        guard attempt < 16, closing.count < Self.hashLimit else {
            if attempt < 16 { rescanWanted = true }
            return
        }
        let delay = Int64(min(1000, 1 << attempt)) * 1_000_000
        closing.append((Self.monotonic() + delay, bucket, path, cause, attempt + 1))
    }

    /// Looks again at the files whose time has come.
    func retryDue() {
        guard !closing.isEmpty else { return }
        let now = Self.monotonic()
        let due = closing.filter { $0.due <= now }
        closing.removeAll { $0.due <= now }
        for one in due { inspect(one.path, in: one.bucket, one.cause, attempt: one.attempt) }
    }

    /// How long until the next is due, in the unit of poll(2); -1 for ever.
    var closingTimeout: Int32 {
        guard let due = closing.map(\.due).min() else { return -1 }
        return Int32(max(0, min(1000, (due - Self.monotonic() + 999_999) / 1_000_000)))
    }

    /// Nanoseconds of a clock that nobody sets. What is waited for with it is the kernel's doing, not the pipeline's time.
    static func monotonic() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Whether a file has changed within the last second, by the clock that files are stamped with.
    private func isFresh(_ identity: FileIdentity) -> Bool {
        let age = Timestamp.now.milliseconds - identity.changed / 1_000_000
        return age >= -1000 && age < 1000
    }

    /// The writer's closing comes as a change under the name by which it opened the file. Where that may be another name (a hard
    /// link, an unnamed temporary file), the file itself is watched.
    private func awaitClose(of file: Descriptor, _ status: stat, _ path: [UInt8], _ bucket: WatchedBucket) {
        guard status.st_size > 0 || status.st_nlink > 1 else { return }
        guard let inotify else { return postpone(bucket.name, path, .moved, by: Self.quietPeriod) }
        let watch = inotify.watchClose(of: file)
        guard watch >= 0 else {
            // Gone or no watch left: the folder's own watch, or the scan, has to do.
            if errno == ENOSPC { lackOfWatches() }
            return
        }
        if openFiles[watch]?.contains(where: { $0.path == path && $0.bucket === bucket }) != true {
            openFiles[watch, default: []].append((bucket, path))
        }
        // It may have been closed between the question and the watch.
        if ObjectFile.writers(of: file) == .none { inspectLater(path, in: bucket, .closed) }
    }

    /// Says why something is no object.
    private func refuse(_ path: [UInt8], _ bucket: WatchedBucket, _ code: Int32) {
        let shown = shown(path, bucket)
        switch code {
        case ENOENT, ENOTDIR: break
        case ELOOP: refuseLink(path, bucket)
        // A socket.
        case ENXIO: say("\(shown): no regular file, so no object; it is passed over")
        case EACCES, EPERM:
            if unreadable.count < 10000 { unreadable.insert(path) }
            say("\(shown): can't be read (\(reason(code))); it becomes an object once its permissions allow it")
        case EMFILE, ENFILE, ENOMEM:
            say("can't open files in \(setup.lake): \(reason(code)); it is tried again")
            postpone(bucket.name, path, .moved, by: .seconds(1))
        default:
            say("\(shown): \(reason(code)); it is tried again")
            postpone(bucket.name, path, .moved, by: .seconds(30))
        }
    }

    private func refuse(_ path: [UInt8], _ bucket: WatchedBucket, _ status: stat) {
        if ObjectFile.isLink(status) { return refuseLink(path, bucket) }
        if ObjectFile.isFolder(status) { return }
        say("\(shown(path, bucket)): no regular file, so no object; it is passed over")
    }

    /// A link is no object: S3 has none. One that stays in its bucket would be a second name for an object that is there already.
    func refuseLink(_ path: [UInt8], _ bucket: WatchedBucket) {
        // A link behind a link on the way is the same to us.
        say(
            "\(shown(path, bucket)): a symbolic link is no object and is not followed; "
                + "copy the file there")
    }

    func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    // MARK: Large files

    /// Reads large files on threads of their own, a few at a time.
    func startReaders() {
        while readers < Self.readersLimit, hashesHead < hashes.count, !isStopping {
            let (bucket, path, identity, cause) = hashes[hashesHead]
            hashesHead += 1
            if hashesHead == hashes.count {
                hashes = []
                hashesHead = 0
            }
            readers += 1
            let (root, name, mailbox) = (bucket.root, bucket.name, setup.mailbox)
            BlockingThread.start(name: "sluice-s3-read") {
                var read: HashedFile?
                if case .descriptor(let file) = ObjectFile.open(path, in: root) {
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
                    read = ObjectFile.eTag(of: file, identity: identity, buffer: buffer).map {
                        HashedFile(
                            identity: $0.identity, eTag: $0.eTag, traceHeader: TraceAttribute.get(from: file.number))
                    }
                    buffer.deallocate()
                }
                mailbox.post(.hashed(bucket: name, path: path, identity, cause, read))
            }
        }
    }
}
