import Events
import Glibc
import Storage

extension WatchLoop {
    /// Looks at what is at a path, and makes an observation of it if it is a whole file.
    func inspect(_ path: [UInt8], in bucket: WatchedBucket, isClosed: Bool) {
        guard bucket === buckets[bucket.name], let key = key(path, in: bucket) else { return }
        let file: Descriptor
        switch ObjectFile.open(path, in: bucket.root) {
        case .descriptor(let opened): file = opened
        case .failed(let code): return refuse(path, bucket, code)
        }
        guard let status = file.status else { return }
        guard ObjectFile.isRegular(status) else { return refuse(path, bucket, status) }
        unreadable.remove(path)
        let identity = FileIdentity(status)
        switch ObjectFile.writers(of: file) {
        case .none: break
        case .some: return awaitClose(of: file, status, path, bucket)
        case .unknown:
            let age = setup.time.now - Timestamp(milliseconds: identity.modified / 1_000_000)
            // A clock that was set back makes files of the future, which would be looked at for ever.
            if !isClosed, age >= .zero, age < Self.quietPeriod {
                return postpone(bucket.name, path, by: Self.quietPeriod)
            }
        }
        if identity.size <= Int64(Self.inlineSize) {
            guard let eTag = ObjectFile.eTag(of: file, identity: identity, buffer: buffer) else { return }
            observe(.present(bucket: bucket.name, key: key, identity: identity, eTag: eTag))
        } else {
            hashes.append((bucket, path, identity))
            startReaders()
        }
    }

    /// The writer's closing comes as a change under the name by which it opened the file. Where that may be another name (a hard
    /// link, an unnamed temporary file), the file itself is watched.
    private func awaitClose(of file: Descriptor, _ status: stat, _ path: [UInt8], _ bucket: WatchedBucket) {
        guard status.st_size > 0 || status.st_nlink > 1 else { return }
        guard let inotify else { return postpone(bucket.name, path, by: Self.quietPeriod) }
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
        if ObjectFile.writers(of: file) == .none { enqueue(.inspect(bucket, path, isClosed: true)) }
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
            postpone(bucket.name, path, by: .seconds(1))
        default:
            say("\(shown): \(reason(code)); it is tried again")
            postpone(bucket.name, path, by: .seconds(30))
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
                + "copy the file, or make a hard link")
    }

    func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    // MARK: Large files

    /// Reads large files on threads of their own, a few at a time.
    func startReaders() {
        while readers < Self.readersLimit, hashesHead < hashes.count, !isStopping {
            let (bucket, path, identity) = hashes[hashesHead]
            hashesHead += 1
            if hashesHead == hashes.count {
                hashes = []
                hashesHead = 0
            }
            readers += 1
            let (root, name, mailbox) = (bucket.root, bucket.name, setup.mailbox)
            BlockingThread.start(name: "sluice-s3-read") {
                var eTag: String?
                if case .descriptor(let file) = ObjectFile.open(path, in: root) {
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
                    eTag = ObjectFile.eTag(of: file, identity: identity, buffer: buffer)
                    buffer.deallocate()
                }
                mailbox.post(.hashed(bucket: name, path: path, identity: identity, eTag: eTag))
            }
        }
    }
}
