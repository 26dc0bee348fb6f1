public import Events

/// What the room has to know of the host.
public struct EMRSettings: Sendable {
    /// The folder of the buckets.
    public var lake: String
    /// The host's own folder; logs go to `logs/CLUSTER/steps/STEP/` in it, what is temporary to `steps/`.
    public var stateFolder: String
    /// The account and region that the host stands for.
    public var place: AccountRegion
    /// Variables that every step gets, for example `AWS_ENDPOINT_URL`.
    public var environment: [String: String]
    /// How long a step that was asked to end may take before it is killed.
    public var interruptGrace: Duration
    /// Processors of this machine.
    public var processors: Int
    /// Finds Spark; asked at each step, so that setting it up later needs no restart.
    public var engine: @Sendable () throws -> SparkInstallation

    /// Settings; the paths are absolute.
    public init(
        lake: String, stateFolder: String, place: AccountRegion = AccountRegion(), environment: [String: String] = [:],
        interruptGrace: Duration = .seconds(10), processors: Int,
        engine: @escaping @Sendable () throws -> SparkInstallation
    ) {
        self.lake = lake
        self.stateFolder = stateFolder
        self.place = place
        self.environment = environment
        self.interruptGrace = interruptGrace
        self.processors = processors
        self.engine = engine
    }

    /// The folder of a step's logs, laid out as EMR does under `LogUri`.
    func logFolder(cluster: String, step: String) -> String { "\(stateFolder)/logs/\(cluster)/steps/\(step)" }

    func folders(of step: Step) -> StepFolders { StepFolders(logs: step.logFolder, run: "\(runs)/\(step.id)") }

    /// The folder of the runs, each in a folder that is named after its step.
    var runs: String { Self.runs(in: stateFolder) }

    static func runs(in stateFolder: String) -> String { "\(stateFolder)/steps" }
}
