/// A folder that is watched, in the tree of its bucket.
final class WatchedFolder {
    let bucket: WatchedBucket
    private(set) weak var parent: WatchedFolder?
    let name: [UInt8]
    /// -1 where no watch could be had.
    var watch: Int32 = -1
    /// False once the folder was removed, moved or replaced; what still refers to it is to forget it.
    private(set) var isAlive = true
    private var children: [[UInt8]: WatchedFolder] = [:]

    init(bucket: WatchedBucket, parent: WatchedFolder?, name: [UInt8]) {
        self.bucket = bucket
        self.parent = parent
        self.name = name
    }

    /// The path from the bucket on, empty for the bucket's own folder.
    var path: [UInt8] {
        var names: [[UInt8]] = []
        var folder: WatchedFolder? = self
        while let one = folder, one.parent != nil {
            names.append(one.name)
            folder = one.parent
        }
        return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
    }

    /// The path of something in the folder.
    func path(of name: [UInt8]) -> [UInt8] {
        let path = self.path
        return path.isEmpty ? name : path + [UInt8(ascii: "/")] + name
    }

    func child(_ name: [UInt8]) -> WatchedFolder? { children[name] }

    func add(_ child: WatchedFolder) { children[child.name] = child }

    /// Takes a child out with all below it; returns those that are no longer in the tree.
    func remove(_ name: [UInt8]) -> [WatchedFolder] { children.removeValue(forKey: name)?.dismantle() ?? [] }

    /// Marks the folder and all below it as gone, and returns them.
    func dismantle() -> [WatchedFolder] {
        var gone: [WatchedFolder] = []
        var stack = [self]
        while let folder = stack.popLast() {
            folder.isAlive = false
            gone.append(folder)
            stack.append(contentsOf: folder.children.values)
            folder.children = [:]
        }
        return gone
    }
}

/// A bucket whose folder is there.
final class WatchedBucket {
    let name: String
    let root: Descriptor
    private(set) var folder: WatchedFolder!
    /// The database was restored, and this bucket has not been looked through since.
    var isRestored = false

    init(name: String, root: Descriptor) {
        self.name = name
        self.root = root
        folder = WatchedFolder(bucket: self, parent: nil, name: [])
    }
}
