import Events
import Glibc
import Storage

/// An entry of a folder.
struct FolderEntry {
    enum Kind {
        case file, folder, link, other, unknown
    }

    var name: [UInt8]
    var kind: Kind

    /// The next entry except `.` and `..`; nil at the end.
    init?(next directory: OpaquePointer) {
        while let entry = readdir(directory) {
            guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { return nil }
            let start = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            let name = Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
            if name == Array(".".utf8) || name == Array("..".utf8) { continue }
            self.name = name
            kind =
                switch Int(entry.pointee.d_type) {
                case Int(DT_REG): .file
                case Int(DT_DIR): .folder
                case Int(DT_LNK): .link
                case Int(DT_UNKNOWN): .unknown
                default: .other
                }
            return
        }
        return nil
    }
}

/// What a scan has still to look at: folders first, then the objects whose files may be gone.
struct ScanState {
    /// The folder that is being read.
    final class Cursor {
        let folder: WatchedFolder
        let directory: OpaquePointer

        init(_ folder: WatchedFolder, _ directory: OpaquePointer) {
            self.folder = folder
            self.directory = directory
        }

        deinit { closedir(directory) }
    }

    var folders: [WatchedFolder] = []
    var cursor: Cursor?
    /// Buckets whose objects are to be compared with their files, each from a key on.
    var sweeps: [(bucket: WatchedBucket, after: String)] = []

    var isActive: Bool { cursor != nil || !folders.isEmpty || !sweeps.isEmpty }

    mutating func add(_ folder: WatchedFolder) { folders.append(folder) }

    mutating func add(_ bucket: WatchedBucket) {
        folders.append(bucket.folder)
        sweeps.append((bucket, ""))
    }

    mutating func remove(_ bucket: WatchedBucket) {
        if cursor?.folder.bucket === bucket { cursor = nil }
        folders.removeAll { $0.bucket === bucket }
        sweeps.removeAll { $0.bucket === bucket }
    }
}

extension WatchLoop {
    /// Files looked at in one step, between which changes are taken in.
    private static let stepSize = 128

    /// Goes on with the scan by one step.
    func stepScan() {
        if let cursor = scan.cursor {
            read(cursor)
        } else if let folder = scan.folders.popLast() {
            open(folder)
        } else if let sweep = scan.sweeps.last {
            compare(sweep.bucket, after: sweep.after)
        }
    }

    private func open(_ folder: WatchedFolder) {
        guard folder.isAlive else { return }
        let bucket = folder.bucket
        guard case .descriptor(let place) = ObjectFile.folder(folder.path[...], in: bucket.root) else { return }
        let number = openat(place.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0, let directory = fdopendir(number) else {
            let code = errno
            if number >= 0 { Glibc.close(number) }
            let path = folder.path
            if code == EACCES, unreadable.count < 10000 { unreadable.insert(path) }
            if code != ENOENT { say("\(shown(path, bucket)): the folder can't be read (\(reason(code)))") }
            return
        }
        scan.cursor = ScanState.Cursor(folder, directory)
    }

    private func read(_ cursor: ScanState.Cursor) {
        let folder = cursor.folder
        let bucket = folder.bucket
        guard folder.isAlive else { return scan.cursor = nil }
        var files: [(path: [UInt8], key: String)] = []
        for _ in 0..<Self.stepSize {
            guard let entry = FolderEntry(next: cursor.directory) else {
                scan.cursor = nil
                break
            }
            if ObjectPath.isPassedOver(entry.name, isFolder: entry.kind == .folder) { continue }
            let path = folder.path(of: entry.name)
            var kind = entry.kind
            if kind == .unknown, let status = ObjectFile.status(path, in: bucket.root) {
                kind = ObjectFile.isFolder(status) ? .folder : ObjectFile.isRegular(status) ? .file : .other
                if ObjectPath.isPassedOver(entry.name, isFolder: kind == .folder) { continue }
            }
            switch kind {
            case .folder: enter(entry.name, of: folder)
            case .file: if let key = key(path, in: bucket) { files.append((path, key)) }
            // Opening tells what it is, and says so.
            case .link, .other, .unknown: inspect(path, in: bucket, .found)
            }
        }
        let keys = files.map(\.key)
        let name = bucket.name
        let known = try? setup.store.read { connection in
            try keys.map { try S3Store.object(bucket: name, key: $0, in: connection)?.identity }
        }
        for (index, file) in files.enumerated() {
            // A file that is known by its identity is not read again.
            if let known = known?[index], ObjectFile.identity(file.path, in: bucket.root) == known { continue }
            inspect(file.path, in: bucket, .found)
        }
    }

    private func compare(_ bucket: WatchedBucket, after: String) {
        let name = bucket.name
        let keys =
            (try? setup.store.read { connection in
                try S3Store.objects(bucket: name, after: after, limit: Self.stepSize, in: connection).map(\.key)
            }) ?? []
        for key in keys where ObjectFile.identity(Array(key.utf8), in: bucket.root) == nil {
            observe(.absent(bucket: name, key: key, current: nil))
        }
        scan.sweeps.removeLast()
        if let last = keys.last, keys.count == Self.stepSize { scan.sweeps.append((bucket, last)) }
    }
}
