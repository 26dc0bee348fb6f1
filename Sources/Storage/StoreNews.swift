import Glibc
import Synchronization

/// How a store fares, for whoever tells a person. Each thing is told once.
public enum StoreNews: Sendable {
    /// Something long goes on before the store is open: what.
    case opening(String)
    /// Writes don't go through: they wait, and are tried again every second.
    case waiting(MachineFault)
    /// Writes go through again.
    case resumed
    /// The database is broken or gone; nothing more is read or written, and the host has to end.
    case broken(StoreError)
}

/// Whether the database can still be trusted, shared by its readers and its writer.
final class StoreCondition: Sendable {
    private struct State {
        var broken: StoreError?
        var file: (device: UInt64, inode: UInt64)?
        /// The write-ahead log, once there is one.
        var log: (device: UInt64, inode: UInt64)?
    }

    let path: String
    let news: @Sendable (StoreNews) -> Void
    private let state = Mutex(State())

    init(path: String, news: @escaping @Sendable (StoreNews) -> Void) {
        self.path = path
        self.news = news
    }

    var isDamaged: Bool { state.withLock { $0.broken != nil } }

    /// Whether what is open is whole, though its files may have been taken away.
    var keepsContent: Bool {
        switch state.withLock({ $0.broken }) {
        case nil, .replaced: true
        default: false
        }
    }

    /// Takes note of a fault that only a person can mend, and tells it the first time. Returns what callers get: the store is as
    /// good as closed, so that nobody tries again.
    func damaged(_ error: StoreError) -> StoreError {
        let isFirst = state.withLock { state in
            defer { state.broken = state.broken ?? error }
            return state.broken == nil
        }
        if isFirst { news(.broken(error)) }
        return .closed
    }

    /// Takes note of which file the database is.
    func remember() {
        let now = Self.file(path)
        state.withLock { $0.file = now }
    }

    /// Whether the paths still lead to the files that are open: what is committed to ones that were removed is lost.
    var isInPlace: Bool {
        state.withLock { state in
            guard let file = state.file else { return true }
            guard Self.isThere(path, file) else { return false }
            if let log = state.log { return Self.isThere(path + "-wal", log) }
            state.log = Self.file(path + "-wal")
            return true
        }
    }

    private static func isThere(_ path: String, _ then: (device: UInt64, inode: UInt64)) -> Bool {
        if let now = file(path) { return now == then }
        // A folder that can't be looked into now proves nothing.
        return errno != ENOENT
    }

    private static func file(_ path: String) -> (device: UInt64, inode: UInt64)? {
        var status = stat()
        return stat(path, &status) == 0 ? (UInt64(status.st_dev), UInt64(status.st_ino)) : nil
    }
}
