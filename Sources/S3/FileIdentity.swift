import Glibc

/// What tells one version of a file from the next without reading it.
struct FileIdentity: Sendable, Hashable {
    var inode: Int64
    /// Bytes.
    var size: Int64
    /// Last change of the content, nanoseconds since 1970.
    var modified: Int64
    /// Last change of content or attributes, nanoseconds since 1970.
    var changed: Int64

    init(inode: Int64, size: Int64, modified: Int64, changed: Int64) {
        self.inode = inode
        self.size = size
        self.modified = modified
        self.changed = changed
    }

    init(_ status: stat) {
        inode = Int64(bitPattern: UInt64(status.st_ino))
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }

    /// Whether the content is the same as far as can be told without reading it: attributes may differ, as after `chmod` or a
    /// further hard link.
    func hasContent(of other: Self) -> Bool {
        inode == other.inode && size == other.size && modified == other.modified
    }
}
