import Events
import Glibc
import Storage

extension WatchLoop {
    // MARK: Starting

    /// Watches first; the scan that follows finds what was there before.
    func begin() {
        needsPeriodicScan = false
        inotify = Inotify(maximumWatches: setup.maximumWatches)
        if inotify == nil {
            needPeriodicScan("changes in \(setup.lake) can't be watched (\(reason(errno)))")
        }
        guard let opened = openLake() else { return }
        lake = opened
        mounts = FileSystem.mountPoints(below: setup.lake)
        if let inotify {
            lakeWatch = inotify.watch(folder: opened)
            if lakeWatch < 0 { watchFailed(errno) }
        }
        for name in setup.buckets { openBucket(name, isDeclared: true) }
        for name in foldersOfLake() where buckets[name] == nil && !setup.buckets.contains(name) {
            openBucket(name, isDeclared: false)
        }
        let known = (try? setup.store.read { try S3Store.buckets(in: $0) }) ?? []
        for name in known where buckets[name] == nil && !setup.buckets.contains(name) {
            enqueue(.absentTree(Removal(bucket: name, prefix: "")))
        }
        schedulePeriodicScan()
    }

    private func openLake() -> Descriptor? {
        if mkdir(setup.lake, 0o777) != 0, errno != EEXIST {
            needPeriodicScan("\(setup.lake): can't be made (\(reason(errno)))")
            schedulePeriodicScan()
            return nil
        }
        // Before the lake is opened, so that no change falls between the two.
        watchAbove()
        let number = open(setup.lake, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else {
            needPeriodicScan("\(setup.lake): can't be opened (\(reason(errno)))")
            schedulePeriodicScan()
            return nil
        }
        // A lake that was made anew is kept from other hosts too; the first one is by the host's own lock.
        _ = flock(number, LOCK_EX | LOCK_NB)
        return Descriptor(number)
    }

    private func foldersOfLake() -> [String] {
        guard let directory = opendir(setup.lake) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = FolderEntry(next: directory) {
            guard let name = String(validating: entry.name, as: UTF8.self), BucketName.isValid(name) else { continue }
            if entry.kind == .folder { names.append(name) }
        }
        return names.sorted()
    }

    /// Starts to watch a bucket and queues the scan of it. Every folder with a bucket's name is a bucket; those of the template are
    /// made where they are missing, and may be links that whoever set up the lake has put there.
    private func openBucket(_ name: String, isDeclared: Bool) {
        guard let lake else { return }
        let known = try? setup.store.read { connection in
            (
                place: try S3Store.place(of: name, in: connection),
                isEmpty: try S3Store.objects(bucket: name, limit: 1, in: connection).isEmpty
            )
        }
        let lakeDevice = lake.status.map { Int64($0.st_dev) }
        var flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        if !isDeclared { flags |= O_NOFOLLOW }
        var number = openat(lake.number, name, flags)
        if number < 0, errno == ENOENT, isDeclared {
            // An empty place where a disk used to be mounted is no removal of all its objects.
            if let place = known?.place, place.device != lakeDevice, !place.isRestored || known?.isEmpty == false {
                return missing(name)
            }
            mkdirat(lake.number, name, 0o777)
            number = openat(lake.number, name, flags)
        }
        guard number >= 0 else {
            return needPeriodicScan("the bucket \(setup.lake)/\(name) can't be opened (\(reason(errno)))")
        }
        let root = Descriptor(number)
        guard let device = root.status.map({ Int64($0.st_dev) }) else { return }
        if let place = known?.place, place.device != device, known?.isEmpty == false, isEmpty(root) {
            return missing(name)
        }
        let bucket = WatchedBucket(name: name, root: root)
        bucket.isRestored = known?.place?.isRestored == true
        if known?.place?.device != device, !bucket.isRestored {
            setup.store.submit({ try S3Store.setDevice(device, of: name, in: $0) })
        }
        buckets[name] = bucket
        assign(watch(root), to: bucket.folder)
        if FileSystem.type(ofDevice: device).map(FileSystem.isShared) == true {
            needPeriodicScan("\(setup.lake)/\(name) lies on a file system that does not tell what others change in it")
        }
        scan.add(bucket)
    }

    /// A bucket of a restored database was looked through.
    func isFound(_ bucket: WatchedBucket) {
        bucket.isRestored = false
        guard let device = bucket.root.status.map({ Int64($0.st_dev) }) else { return }
        let name = bucket.name
        setup.store.submit({ try S3Store.setDevice(device, of: name, in: $0) })
    }

    private func missing(_ name: String) {
        needPeriodicScan(
            "the bucket \(setup.lake)/\(name) is empty and not on the disk where it was: is that disk mounted? "
                + "Its objects are kept as they are")
    }

    private func isEmpty(_ root: Descriptor) -> Bool {
        let number = openat(root.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0, let directory = fdopendir(number) else { return false }
        defer { closedir(directory) }
        return FolderEntry(next: directory) == nil
    }

    /// Forgets all watches and looks at everything afresh.
    func restart() {
        dropWatches()
        forgetPending()
        begin()
    }

    func dropWatches() {
        for bucket in buckets.values { _ = bucket.folder.dismantle() }
        buckets = [:]
        folders = [:]
        openFiles = [:]
        sights = [:]
        scan = ScanState()
        inotify = nil
        lake = nil
        lakeWatch = -1
        aboveWatch = -1
    }

    // MARK: Periodic scans

    func needPeriodicScan(_ reason: String) {
        needsPeriodicScan = true
        say("\(reason); the lake is looked through every \(setup.scanInterval.components.seconds) s instead")
    }

    func lackOfWatches() {
        needPeriodicScan(
            "there are more folders in \(setup.lake) than the system lets us watch (fs.inotify.max_user_watches)")
        schedulePeriodicScan()
    }

    private func watchFailed(_ code: Int32) {
        switch code {
        case ENOSPC: lackOfWatches()
        case ENOENT, ENOTDIR: break
        default:
            needPeriodicScan("some folders in \(setup.lake) can't be watched (\(reason(code)))")
            schedulePeriodicScan()
        }
    }

    func schedulePeriodicScan() {
        if needsPeriodicScan, nextScan == nil { nextScan = setup.time.now + setup.scanInterval }
    }

    // MARK: Folders

    /// A watch on a folder, -1 where there is none to have.
    private func watch(_ descriptor: Descriptor) -> Int32 {
        guard let inotify else { return -1 }
        let watch = inotify.watch(folder: descriptor)
        if watch < 0 { watchFailed(errno) }
        return watch
    }

    private func assign(_ watch: Int32, to folder: WatchedFolder) {
        guard watch >= 0 else { return }
        // The same folder under an earlier name, whose move has not been told yet.
        folders[watch]?.watch = -1
        folder.watch = watch
        folders[watch] = folder
    }

    /// Watches a folder that has appeared, and queues the scan of it.
    func enter(_ name: [UInt8], of parent: WatchedFolder) {
        guard parent.isAlive, !ObjectPath.isPassedOver(name, isFolder: true) else { return }
        let bucket = parent.bucket
        let path = parent.path(of: name)
        switch ObjectFile.folder(path[...], in: bucket.root) {
        case .failed(ENOENT): return
        // With O_PATH and O_DIRECTORY a link is "no directory".
        case .failed(let code):
            if code == ENOTDIR || code == ELOOP { return inspectLater(path, in: bucket, .moved) }
            if unreadable.count < 10000 { unreadable.insert(path) }
            say("\(shown(path, bucket)): the folder can't be opened (\(reason(code)))")
        case .descriptor(let descriptor):
            let number = watch(descriptor)
            if let before = parent.child(name) {
                // The same watch means the same folder, and its scan came after its watch.
                if number >= 0, before.watch == number { return }
                forget(before)
            }
            let folder = WatchedFolder(bucket: bucket, parent: parent, name: name)
            assign(number, to: folder)
            parent.add(folder)
            scan.add(folder)
        }
    }

    private func forget(_ folder: WatchedFolder) {
        let gone = folder.parent.map { $0.remove(folder.name) } ?? folder.dismantle()
        for one in gone where one.watch >= 0 {
            folders[one.watch] = nil
            inotify?.remove(one.watch)
        }
    }

    // MARK: Changes

    /// Takes in what the kernel has to tell; false where there may be more.
    func drain() -> Bool {
        guard let inotify else { return true }
        var overflow = false
        // Bounded, so that a flood of changes can't keep the loop from its work.
        let hasMore = inotify.drain(reads: 16) { event in
            if event.isOverflow { overflow = true } else { handle(event) }
        }
        if overflow {
            say("changes in \(setup.lake) came faster than they could be taken in; a scan finds what was missed")
            rescanWanted = true
        }
        if !touched.isEmpty {
            let files = touched
            touched = []
            for file in files { inspectLater(file.path, in: file.bucket, .touched) }
        }
        if !sights.isEmpty { sights = sights.filter { $0.value.whole > inotify.position } }
        return !hasMore
    }

    /// Has a file looked at for a change that the kernel has told. One that had happened before the file was last seen whole is no
    /// reason to take the same content for another version, whatever happened to the file's times since. It is a reason to look: the
    /// kernel tells of equal changes one behind the other but once, at the place of the first.
    private func told(_ cause: Cause, _ path: [UInt8], in bucket: WatchedBucket) {
        let isSeen = sight(of: path, in: bucket).map { $0.position < $0.sight.whole } ?? false
        inspectLater(path, in: bucket, isSeen ? min(cause, .seen) : cause)
    }

    /// When a file was last seen whole, and the place of the change that is being told.
    private func sight(
        of path: [UInt8], in bucket: WatchedBucket
    ) -> (sight: (opened: Int, whole: Int), position: Int)? {
        guard !sights.isEmpty, let inotify, let sight = sights[pendingKey(bucket, path)] else { return nil }
        return (sight, inotify.position)
    }

    private func handle(_ event: Inotify.Event) {
        if event.watch == lakeWatch { return handleLake(event) }
        if event.watch == aboveWatch { return handleAbove(event) }
        if let files = openFiles[event.watch] {
            openFiles[event.watch] = nil
            for file in files { told(.closed, file.path, in: file.bucket) }
            return
        }
        guard let folder = folders[event.watch], folder.isAlive else { return }
        if event.name.isEmpty { return handleSelf(folder, event) }
        guard !ObjectPath.isPassedOver(event.name, isFolder: event.isFolder) else { return }
        if event.isFolder { handleFolder(folder, event) } else { handleFile(folder, event) }
    }

    private func handleFile(_ folder: WatchedFolder, _ event: Inotify.Event) {
        let path = folder.path(of: event.name)
        if event.has(Int32(IN_CLOSE_WRITE)) {
            told(.closed, path, in: folder.bucket)
        } else if event.has(Int32(IN_MOVED_TO)) {
            told(.moved, path, in: folder.bucket)
        } else if event.has(Int32(IN_CREATE)) {
            told(.created, path, in: folder.bucket)
        } else if event.has(Int32(IN_DELETE)) || event.has(Int32(IN_MOVED_FROM)) {
            // Of a file that was seen after it, it is no removal.
            if let (sight, position) = sight(of: path, in: folder.bucket), position < sight.opened { return }
            unreadable.remove(path)
            enqueue(.absent(folder.bucket, path))
        } else if event.has(Int32(IN_ATTRIB)) {
            told(unreadable.contains(path) ? .moved : .touched, path, in: folder.bucket)
        }
    }

    private func handleFolder(_ folder: WatchedFolder, _ event: Inotify.Event) {
        if event.has(Int32(IN_CREATE)) || event.has(Int32(IN_MOVED_TO)) {
            enter(event.name, of: folder)
        } else if event.has(Int32(IN_DELETE)) || event.has(Int32(IN_MOVED_FROM)) {
            let path = folder.path(of: event.name)
            if let child = folder.child(event.name) { forget(child) }
            if let prefix = String(validating: path, as: UTF8.self) {
                enqueue(.absentTree(Removal(bucket: folder.bucket.name, prefix: prefix + "/")))
            }
            // One that was told of before: two folders can change places.
            enter(event.name, of: folder)
        } else if event.has(Int32(IN_ATTRIB)), unreadable.remove(folder.path(of: event.name)) != nil {
            enter(event.name, of: folder)
        }
    }

    /// What happens to a folder itself matters only for a bucket's; the others' parents tell it.
    private func handleSelf(_ folder: WatchedFolder, _ event: Inotify.Event) {
        guard folder.parent == nil else { return }
        let name = folder.bucket.name
        if event.has(Int32(IN_UNMOUNT)) {
            close(name)
            needPeriodicScan("\(setup.lake)/\(name) was unmounted; its objects are kept as they are")
            schedulePeriodicScan()
        } else if event.has(Int32(IN_DELETE_SELF)) || event.has(Int32(IN_MOVE_SELF)) {
            close(name)
            say("the bucket \(setup.lake)/\(name) was removed: so are its objects, until the folder is there again")
            enqueue(.absentTree(Removal(bucket: name, prefix: "")))
        }
    }

    private func handleLake(_ event: Inotify.Event) {
        if event.name.isEmpty {
            if event.has(Int32(IN_DELETE_SELF)) || event.has(Int32(IN_MOVE_SELF)) || event.has(Int32(IN_UNMOUNT)) {
                lakeIsGone()
            }
            return
        }
        guard event.isFolder || event.has(Int32(IN_MOVED_TO)) || event.has(Int32(IN_CREATE)),
            let name = String(validating: event.name, as: UTF8.self)
        else { return }
        if event.has(Int32(IN_CREATE)) || event.has(Int32(IN_MOVED_TO)) {
            guard !event.name.starts(with: ".".utf8) else { return }
            if let fault = BucketName.fault(in: name) {
                return say("\(setup.lake)/\(name) is no bucket: \(fault)")
            }
            guard event.isFolder || setup.buckets.contains(name) else { return }
            reopen(name)
        } else if event.has(Int32(IN_MOVED_FROM)) || event.has(Int32(IN_DELETE)), buckets[name] != nil {
            close(name)
            enqueue(.absentTree(Removal(bucket: name, prefix: "")))
            // One that was told of before: two buckets can change places.
            var status = stat()
            if let lake, fstatat(lake.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0, ObjectFile.isFolder(status) {
                return reopen(name)
            }
            say("the bucket \(setup.lake)/\(name) was removed: so are its objects, until the folder is there again")
        }
    }

    private func reopen(_ name: String) {
        close(name)
        said = said.filter { !$0.hasPrefix("the bucket \(setup.lake)/\(name) was removed") }
        openBucket(name, isDeclared: setup.buckets.contains(name))
        schedulePeriodicScan()
    }

    private func close(_ name: String) {
        guard let bucket = buckets.removeValue(forKey: name) else { return }
        forget(bucket.folder)
        scan.remove(bucket)
    }
}
