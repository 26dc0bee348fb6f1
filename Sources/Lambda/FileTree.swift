import Glibc

/// Folders of temporary files that a function has filled as it liked.
enum FileTree {
    /// Removes a folder and what is in it, without following links. What can't be removed stays.
    ///
    /// Folders in folders are first moved up to the top, so that no depth of nesting outgrows a path, the stack or the
    /// descriptors of the host.
    static func remove(_ path: String) {
        if rmdir(path) == 0 || errno == ENOENT { return }
        chmod(path, 0o700)
        let top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard top >= 0 else { return }
        defer { close(top) }
        let mark = ".sluice-\(UInt64.random(in: 0 ... .max))-"
        var number = 0
        var isProgress = true
        while isProgress {
            isProgress = false
            forEachName(in: top) { name, isFolder in
                if unlinkat(top, name, isFolder ? AT_REMOVEDIR : 0) == 0 {
                    isProgress = true
                    return
                }
                guard isFolder else { return }
                fchmodat(top, name, 0o700, 0)
                let folder = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard folder >= 0 else { return }
                forEachName(in: folder) { inner, isFolder in
                    if unlinkat(folder, inner, isFolder ? AT_REMOVEDIR : 0) == 0 {
                        isProgress = true
                    } else if isFolder {
                        number += 1
                        // Its own entry for the parent changes, for which it must be writable.
                        fchmodat(folder, inner, 0o700, 0)
                        if renameat(folder, inner, top, mark + String(number)) == 0 { isProgress = true }
                    }
                }
                close(folder)
                if unlinkat(top, name, AT_REMOVEDIR) == 0 { isProgress = true }
            }
        }
        rmdir(path)
    }

    /// Bytes that a folder's files take up on the disk, as far as up to `limit` of its entries tell.
    static func size(_ path: String, limit: Int) -> Int {
        let top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard top >= 0 else { return 0 }
        var left = limit
        return size(top, depth: 0, &left)
    }

    /// Closes `folder`.
    private static func size(_ folder: Int32, depth: Int, _ left: inout Int) -> Int {
        var total = 0
        var rest = left
        forEachName(in: folder) { name, isFolder in
            guard rest > 0 else { return }
            rest -= 1
            var status = stat()
            guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
            total += Int(status.st_blocks) * 512
            guard isFolder, depth < 64 else { return }
            let inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if inner >= 0 { total += size(inner, depth: depth + 1, &rest) }
        }
        left = rest
        close(folder)
        return total
    }

    /// Calls `body` with the names in a folder, and whether each is a folder itself.
    private static func forEachName(in folder: Int32, _ body: (UnsafePointer<CChar>, Bool) -> Void) {
        let own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0 else { return }
        guard let directory = fdopendir(own) else {
            close(own)
            return
        }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    if strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { return }
                    var isFolder = entry.pointee.d_type == UInt8(DT_DIR)
                    if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                        var status = stat()
                        isFolder =
                            fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0
                            && status.st_mode & S_IFMT == S_IFDIR
                    }
                    body(name, isFolder)
                }
            }
        }
    }
}
