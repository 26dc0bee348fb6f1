/// What a service's loop waits on: a deadline from the store, or a call that says that something new is there.
///
/// A wake-up carries nothing, and one that comes while nobody waits is kept, so that none is missed between reading
/// the store and waiting. One loop waits on it.
public final class Waker: Sendable {
    private let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    /// A waker that nobody has woken yet.
    public init() {
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Ends the wait under way, or the next one.
    public func wake() { continuation.yield() }

    /// Returns once woken, or when `deadline` has come. Throws `CancellationError` when the task is cancelled.
    public func wait(until deadline: Timestamp?, _ time: any TimeSource) async throws {
        // The timer wakes through the stream, since a stream that two tasks race for would end with the loser.
        let timer = deadline.map { deadline in
            Task { [continuation] in
                if (try? await time.sleep(until: deadline)) != nil { continuation.yield() }
            }
        }
        defer { timer?.cancel() }
        for await _ in signals { return try Task.checkCancellation() }
        // The stream ends when its reader is cancelled.
        throw CancellationError()
    }
}
