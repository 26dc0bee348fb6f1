import Events
import Glibc
import Storage
import Synchronization
import Testing

@testable import EMR

/// A lake, a store and one cluster in a folder of their own, and all that the room says to others.
final class TestRoom: Sendable {
    static let clusterID = "j-TEST000000001"

    let folder: String
    let store: Store
    let clusters: Clusters
    let settings: EMRSettings
    let ended: AsyncStream<Step>
    let notices: AsyncStream<String>
    private let said = Recorder()
    private let running: Mutex<Task<Void, Never>?> = Mutex(nil)

    init(
        level: Int = 1, keepsAlive: Bool = true, logURI: String? = nil, steps: [StepConfig] = [],
        grace: Duration = .milliseconds(200), timeout: Duration? = nil, environment: [String: String] = [:],
        time: any TimeSource = SystemTime(),
        engine: @escaping @Sendable () throws -> SparkInstallation = {
            throw EngineMissing(missing: ["Apache Spark (nowhere)"])
        }
    ) throws {
        folder = try #require(mkdtemp(strdup("/tmp/sluice-emr-XXXXXX")).map { String(cString: $0) })
        for name in ["lake/raw", "lake/curated", "lake/scripts", "lake/logs", "state"] {
            try #require(TextFile.makeFolder("\(folder)/\(name)"))
        }
        store = try Store(path: "\(folder)/sluice.db", schemas: [EMRStore.schema])
        settings = EMRSettings(
            lake: "\(folder)/lake", stateFolder: "\(folder)/state", environment: environment, interruptGrace: grace,
            processors: 2, engine: engine)
        let (stream, continuation) = AsyncStream<Step>.makeStream()
        ended = stream
        let (lines, line) = AsyncStream<String>.makeStream()
        notices = lines
        let box = said
        let outputs = EMROutputs(
            publish: { event, connection in connection.afterCommit { box.add(event) } },
            record: { data, connection in connection.afterCommit { box.add(data) } },
            stepEnded: { step, connection in connection.afterCommit { continuation.yield(step) } },
            trouble: { line.yield($0) })
        clusters = Clusters(
            store: store,
            configurations: [
                ClusterConfiguration(
                    id: Self.clusterID, name: "etl", logURI: logURI, stepConcurrencyLevel: level,
                    keepJobFlowAliveWhenNoSteps: keepsAlive, steps: steps, stepTimeout: timeout)
            ], settings: settings, outputs: outputs, time: time)
    }

    var events: [EventBridgeEvent] { said.value.withLock { $0.events } }
    var data: [MetricDatum] { said.value.withLock { $0.data } }

    /// The states that the events told of a step, in order.
    func states(of step: String) -> [String] {
        events.filter { $0.detail["stepId"]?.string == step }.compactMap { $0.detail["state"]?.string }
    }

    /// Brings the room up.
    func start() async throws {
        try await clusters.start()
        let task = Task { [clusters] in await clusters.run() }
        running.withLock { $0 = task }
    }

    /// A step that runs a line of bash.
    static func bash(_ line: String, name: String = "bash", _ action: ActionOnFailure = .continue) -> StepConfig {
        StepConfig(
            name: name, actionOnFailure: action,
            hadoopJarStep: HadoopJarStep(jar: "command-runner.jar", args: ["bash", "-c", line]))
    }

    func add(_ configs: StepConfig...) async throws -> [String] {
        try await clusters.addSteps(configs, to: Self.clusterID)
    }

    /// The next steps that end, by their ids.
    func nextEnded(_ count: Int = 1) async -> [String: Step] {
        var found: [String: Step] = [:]
        for await step in ended {
            found[step.id] = step
            if found.count == count { break }
        }
        return found
    }

    /// The next thing that a person is told.
    func nextNotice() async -> String? {
        for await notice in notices { return notice }
        return nil
    }

    /// A step whose row says that it runs, as a host that was killed leaves it. What it runs appends a line to `count` each time it
    /// begins. The supervisor is a child of this process; nil where it is not launched.
    func orphan(_ line: String, launch isLaunched: Bool = true) async throws -> (step: Step, supervisor: pid_t?) {
        try await clusters.start()
        let id = try await add(TestRoom.bash("echo begun >> '\(folder)/count'; \(line)"))[0]
        var step = try step(id)
        step.state = .running
        step.started = .now
        let marked = step
        #expect(
            try await store.write { connection in
                if isLaunched { try EMRStore.setLaunched(ProcessTable.boot, of: id, connection) }
                return try EMRStore.setState(of: marked, from: [.pending], connection)
            })
        guard isLaunched else { return (marked, nil) }
        let launch = StepLaunch(settings: settings, master: "local[1]")
        let folders = settings.folders(of: marked)
        return (marked, try launch.begin(try launch.prepare(marked, in: folders), in: folders).supervisor)
    }

    /// An ``orphan(_:launch:)`` whose program works, and will for minutes, by the time this returns.
    func orphanAtWork() async throws -> (step: Step, supervisor: pid_t) {
        let ready = "\(folder)/ready"
        try Signpost.make(ready)
        let (step, supervisor) = try await orphan(": > '\(ready)'; sleep 300")
        await Signpost.wait(ready)
        return (step, try #require(supervisor))
    }

    /// How often what an ``orphan(_:launch:)`` runs has begun.
    var begun: Int { (TextFile.read("\(folder)/count") ?? "").split(separator: "\n").count }

    /// Adds one step and waits for its end.
    func run(_ config: StepConfig) async throws -> Step {
        let id = try await add(config)[0]
        return try #require(await nextEnded()[id])
    }

    func step(_ id: String) throws -> Step { try #require(try store.read { try EMRStore.step(id, $0) }) }

    func log(_ step: Step, _ name: String) -> String { TextFile.read("\(step.logFolder)/\(name)") ?? "" }

    /// The processes that carry a step's id.
    static func processes(of step: String) -> [pid_t] {
        ProcessTable().processes(withEnvironment: "EMR_STEP_ID=\(step)")
    }

    deinit {
        running.withLock { $0?.cancel() }
        TextFile.removeFolder(folder)
    }
}

/// What the room said.
private final class Recorder: Sendable {
    let value = Mutex<(events: [EventBridgeEvent], data: [MetricDatum])>(([], []))
    func add(_ event: EventBridgeEvent) { value.withLock { $0.events.append(event) } }
    func add(_ data: [MetricDatum]) { value.withLock { $0.data.append(contentsOf: data) } }
}

/// Waits for a file that a step writes when it is where the test wants it: a pipe, so nobody polls.
enum Signpost {
    static func make(_ path: String) throws { try #require(mkfifo(path, 0o600) == 0) }

    /// Returns once somebody has opened the pipe for writing and closed it.
    static func wait(_ path: String) async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            BlockingThread.start(name: "signpost") {
                _ = TextFile.read(path)
                done.resume()
            }
        }
    }
}
