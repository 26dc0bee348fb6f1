/// The host's limits for functions. The defaults are Lambda's where Lambda has one.
public struct LambdaSettings: Sendable {
    /// The folder for the environments' temporary files.
    public var stateFolder: String
    /// Names this host among others on the machine, the same after a restart: leftovers of a killed host are found by it.
    public var hostID: String
    /// Variables that each function gets besides Lambda's own, for example `AWS_ENDPOINT_URL`.
    public var environment: [String: String]
    /// How many invocations run or wait at once in the whole host.
    public var accountConcurrency: Int
    /// How many environments work on one function's asynchronous events where nothing is reserved.
    public var asynchronousConcurrency: Int
    /// How many environments a burst of synchronous invocations starts at once where nothing is reserved.
    public var burstConcurrency: Int
    /// How long INIT may take.
    public var initTimeout: Duration
    /// How long an environment waits for work before it is shut down.
    public var idleTimeout: Duration
    /// How many of a function's waiting events are held in memory.
    public var window: Int
    /// Bytes of a response at most: 6 MB and 100 bytes.
    public var maximumResponse = 6_291_556
    /// Bytes of a synchronous request at most: 6 MB.
    public var maximumRequest = 6_291_456
    /// Bytes of an asynchronous request at most: 1 MB.
    public var maximumAsynchronousRequest = 1_048_576
    /// Bytes of output a second that are kept of one environment; more is dropped and said.
    public var outputRate = 2_097_152
    /// Processes of one environment at most.
    public var maximumProcesses = 1024

    /// Makes settings for a host whose files live under `stateFolder`.
    public init(
        stateFolder: String, hostID: String, environment: [String: String] = [:], accountConcurrency: Int = 1000,
        asynchronousConcurrency: Int = 4, burstConcurrency: Int = 16, initTimeout: Duration = .seconds(10),
        idleTimeout: Duration = .seconds(300), window: Int = 256
    ) {
        self.stateFolder = stateFolder
        self.hostID = hostID
        self.environment = environment
        self.accountConcurrency = accountConcurrency
        self.asynchronousConcurrency = asynchronousConcurrency
        self.burstConcurrency = burstConcurrency
        self.initTimeout = initTimeout
        self.idleTimeout = idleTimeout
        self.window = window
    }
}
