import Synchronization

/// For processes that write for a host without being one, and for the host that hears of it.
extension LambdaService {
    /// Makes the functions known, so that events for them can be queued; nothing is run by this process.
    public func know(_ configurations: [FunctionConfiguration]) {
        functions.withLock { $0 = Dictionary(configurations.map { ($0.name, $0) }, uniquingKeysWith: { $1 }) }
    }

    /// Looks at the queue again: another process has written to it.
    public func lookAgain() { setFunctions(configurations) }
}
