import Glibc
import Synchronization

/// The reads under way: a connection must not be closed under one, nor read once it is closed.
final class ReaderCount: Sendable {
    private let state = Mutex((count: 0, isClosed: false))
    /// How long the end waits for a read.
    private static let patience = Duration.seconds(5)

    /// Begins a read. Throws ``StoreError/closed``.
    func enter() throws {
        try state.withLock { state in
            guard !state.isClosed else { throw StoreError.closed }
            state.count += 1
        }
    }

    func leave() { state.withLock { $0.count -= 1 } }

    /// Lets no read begin any more, and waits for those under way.
    func close() {
        state.withLock { $0.isClosed = true }
        let end = ContinuousClock.now + Self.patience
        while state.withLock({ $0.count }) > 0, ContinuousClock.now < end { usleep(500) }
    }
}
