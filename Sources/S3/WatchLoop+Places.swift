import Glibc

/// Whether the lake and its buckets are still the folders that they were.
extension WatchLoop {
    /// Where the folder above can't be watched, a lake that is removed is not noticed.
    func watchAbove() {
        guard let inotify else { return }
        let parts = setup.lake.split(separator: "/")
        let above = (setup.lake.hasPrefix("/") ? "/" : "./") + parts.dropLast().joined(separator: "/")
        let number = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { return }
        aboveWatch = inotify.watch(folder: Descriptor(number))
    }

    /// Something happened in the folder above.
    func handleAbove(_ event: Inotify.Event) {
        guard let name = setup.lake.split(separator: "/").last, event.name.elementsEqual(name.utf8) else { return }
        if event.has(Int32(IN_DELETE)) || event.has(Int32(IN_MOVED_FROM)) {
            lakeIsGone()
        } else if event.has(Int32(IN_CREATE)) || event.has(Int32(IN_MOVED_TO)) {
            rescanWanted = true
        }
    }

    func lakeIsGone() {
        lakeWatch = -1
        needPeriodicScan("\(setup.lake) is gone")
        schedulePeriodicScan()
    }

    /// Notices what no watch tells of: a file system that was mounted over the lake, a bucket or a
    /// folder in it, or taken away from there.
    func checkPlaces() {
        let now = Self.monotonic()
        guard now - placesChecked >= Int64(Self.placeCheck) * 1_000_000, let lake, !isStopping else { return }
        placesChecked = now
        func isOther(_ status: stat, _ place: Descriptor) -> Bool {
            place.status.map { $0.st_dev != status.st_dev || $0.st_ino != status.st_ino } ?? false
        }
        var status = stat()
        var changed: String?
        if stat(setup.lake, &status) == 0, isOther(status, lake) { changed = setup.lake }
        for (name, bucket) in buckets where changed == nil {
            if fstatat(lake.number, name, &status, 0) == 0, isOther(status, bucket.root) {
                changed = "\(setup.lake)/\(name)"
            }
        }
        let points = FileSystem.mountPoints(below: setup.lake)
        if changed == nil, points != mounts { changed = Set(points).symmetricDifference(mounts).sorted().first }
        guard let changed else { return }
        setup.notice(
            "\(changed) is another folder by now (mounted over, or taken away); the lake is looked through afresh")
        rescanWanted = true
    }
}
