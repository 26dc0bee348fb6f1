import Synchronization

/// For processes that write for a host without being one, and for the host that hears of it.
extension LambdaService {
    /// Makes the functions known, so that events for them can be queued; nothing is run by this process.
    public func know(_ configurations: [FunctionConfiguration]) {
        functions.withLock { $0 = Dictionary(configurations.map { ($0.name, $0) }, uniquingKeysWith: { $1 }) }
    }

    /// Looks at the queue again: another process has written to it.
    public func lookAgain() { setFunctions(configurations) }

    /// How many invocations run or wait for an environment at this moment, of either type.
    public var runningCount: Int {
        box.enter { $0.pools.values.reduce(0) { $0 + $1.running + $1.waiting.count } }
    }
}
