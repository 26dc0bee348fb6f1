import Glibc

/// The kernel's stream of changes in folders: inotify(7).
final class Inotify {
    /// One change.
    struct Event {
        /// Which watch it belongs to; -1 for an overflow.
        var watch: Int32
        var mask: UInt32
        /// The name in the folder; empty for the folder itself.
        var name: [UInt8]

        func has(_ bit: Int32) -> Bool { mask & UInt32(bitPattern: bit) != 0 }
        var isFolder: Bool { has(Int32(IN_ISDIR)) }
        var isOverflow: Bool { has(Int32(IN_Q_OVERFLOW)) }
    }

    let descriptor: Descriptor
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    private var watches = 0
    /// Where in the stream the change stands that is being handed on, in bytes since the beginning.
    private(set) var position = 0
    /// Watches beyond this number fail as beyond the system's own limit.
    private let maximumWatches: Int

    /// Nil where the system has no inotify to give.
    init?(maximumWatches: Int) {
        guard maximumWatches > 0 else {
            errno = ENOSYS
            return nil
        }
        let number = inotify_init1(Int32(bitPattern: UInt32(O_NONBLOCK | O_CLOEXEC)))
        guard number >= 0 else { return nil }
        descriptor = Descriptor(number)
        self.maximumWatches = maximumWatches
    }

    deinit { buffer.deallocate() }

    /// What a folder's watch tells: files that came to be, were closed by a writer, moved in or out, or removed.
    private static let folderMask = UInt32(
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
            | IN_ONLYDIR)
    // IN_ONESHOT is the sign bit, which the import makes awkward.
    private static let closeMask = UInt32(IN_CLOSE_WRITE) | 0x8000_0000

    /// Watches a folder by its descriptor, so that no rename on the way matters. -1 with `errno` where that fails.
    func watch(folder: Descriptor) -> Int32 { add(folder, Self.folderMask) }

    /// Watches one file until a writer closes it under whatever name.
    func watchClose(of file: Descriptor) -> Int32 { add(file, Self.closeMask) }

    private func add(_ target: Descriptor, _ mask: UInt32) -> Int32 {
        guard watches < maximumWatches else {
            errno = ENOSPC
            return -1
        }
        let watch = inotify_add_watch(descriptor.number, "/proc/self/fd/\(target.number)", mask)
        if watch >= 0 { watches += 1 }
        return watch
    }

    func remove(_ watch: Int32) {
        guard watch >= 0 else { return }
        inotify_rm_watch(descriptor.number, watch)
    }

    /// Where in the stream the next change will stand: all that has happened up to now stands before it.
    var end: Int {
        var waiting: Int32 = 0
        return ioctl(descriptor.number, UInt(FIONREAD), &waiting) == 0 ? position + Int(waiting) : position
    }

    /// Hands on all changes that wait, up to a number of reads; true where more may wait.
    func drain(reads: Int, _ body: (Event) -> Void) -> Bool {
        for _ in 0..<reads {
            let count = read(descriptor.number, buffer.baseAddress, buffer.count)
            guard count > 0 else { return false }
            var at = 0
            while at + 16 <= count {
                let length = Int(buffer.load(fromByteOffset: at + 12, as: UInt32.self))
                let name = UnsafeRawBufferPointer(rebasing: buffer[(at + 16)..<(at + 16 + length)])
                let event = Event(
                    watch: buffer.load(fromByteOffset: at, as: Int32.self),
                    mask: buffer.load(fromByteOffset: at + 4, as: UInt32.self), name: Array(name.prefix { $0 != 0 }))
                // Every watch ends with this one, whoever ended it.
                if event.has(Int32(IN_IGNORED)) { watches -= 1 }
                body(event)
                at += 16 + length
                position += 16 + length
            }
        }
        return true
    }
}
