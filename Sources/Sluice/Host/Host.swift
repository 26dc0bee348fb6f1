import EMR
import Events
import Gateway
import Glibc
import Lambda
import NIOPosix
import S3
import Storage
import Synchronization
import Template

/// A running host: the lock, the database, the rooms, the port, and the way they end.
struct Host {
    let project: Project
    let options: UpCommand

    func run() async throws {
        let time = SystemTime()
        guard mkdir(project.state, 0o755) == 0 || errno == EEXIST else {
            throw CommandError("\(project.state): \(String(cString: strerror(errno)))", status: ExitStatus.unusable)
        }
        let lock = try HostLock(project: project, now: time.now)
        defer { lock.release() }
        let configuration = try loadTemplate()
        let text = StatusText()
        let feed = Feed(json: options.output.json, quiet: options.quiet, time: time) { text.value }
        defer { feed.close() }
        for fault in configuration.faults { feed.notice("\(fault)", .red) }
        if !configuration.warnings.isEmpty {
            feed.notice(
                "\(configuration.warnings.count) things in the template have no effect here; 'sluice check' names them",
                .grey)
        }
        let store = try Store(path: project.database, schemas: Records.schemas) { trouble in
            feed.notice(
                trouble.map {
                    "the database can't be written: \($0). Everything waits and nothing is lost; make room or mend it."
                }
                    ?? "the database can be written again; going on", trouble == nil ? .green : .red)
        }
        defer { store.close() }

        let door = InvocationDoor()
        let gateway: Gateway
        do {
            gateway = try await Gateway(
                port: options.port,
                lambda: LambdaInvocations { (request) async throws(LambdaError) in try await door.invoke(request) },
                on: MultiThreadedEventLoopGroup.singleton)
        } catch {
            throw CommandError("\(error)", status: ExitStatus.unusable)
        }
        let pipeline = try Pipeline(
            configuration, project: project, port: gateway.port, store: store, time: time, feed: feed)
        let signals = HostSignals.stream()
        try await pipeline.start()
        door.open(pipeline.lambda)
        lock.write(HostLock.Holder(processID: getpid(), port: gateway.port, started: time.now))
        let ready =
            "watching \(configuration.buckets.count) bucket(s) in \(project.lake), \(configuration.functions.count) function(s), "
            + "AWS clients on http://127.0.0.1:\(gateway.port)"
        feed.say("host", ready, .green, json: ["ready": true, "port": JSON(gateway.port), "pid": JSON(getpid())])

        await wait(for: pipeline, signals, text: text, feed: feed, time: time)
        await end(pipeline, gateway, signals, feed: feed)
    }

    private func loadTemplate() throws -> PipelineConfiguration {
        do throws(TemplateError) {
            return try PipelineConfiguration.load(project, settings: options.settings)
        } catch {
            for diagnostic in error.diagnostics { Terminal.error.line(diagnostic.painted(on: .error)) }
            let count = error.diagnostics.filter { $0.severity == .error }.count
            throw CommandError("the template has \(count) fault\(count == 1 ? "" : "s"); nothing was started")
        }
    }

    // MARK: - Waiting

    /// Returns when the host is to stop: a signal, or nothing left to do where that was asked for.
    private func wait(
        for pipeline: Pipeline, _ signals: AsyncStream<Int32>, text: StatusText, feed: Feed, time: some TimeSource
    ) async {
        let showsStatus = Terminal.output.isInteractive && !options.output.json
        let untilIdle = options.untilIdle
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await signal in signals {
                    guard signal == SIGUSR1 else { return }
                    pipeline.lookAgain()
                }
            }
            if untilIdle {
                group.addTask {
                    await pipeline.s3.scanCompleted()
                    var quiet = 0
                    while quiet < 15 {
                        guard (try? await time.sleep(for: .milliseconds(200))) != nil else { return }
                        quiet = (try? await pipeline.isIdle()) == true ? quiet + 1 : 0
                    }
                    feed.say("host", "nothing left to do", .grey)
                }
            }
            if showsStatus {
                group.addTask {
                    while (try? await time.sleep(for: .milliseconds(500))) != nil {
                        if let status = try? await pipeline.statusLine() { text.value = status }
                    }
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Drains and ends everything; a second signal ends the process at once.
    private func end(_ pipeline: Pipeline, _ gateway: Gateway, _ signals: AsyncStream<Int32>, feed: Feed) async {
        feed.say("host", "stopping; a second Ctrl-C stops at once", .grey)
        let impatience = Task {
            for await signal in signals where signal != SIGUSR1 { Glibc._exit(130) }
        }
        await gateway.close()
        await pipeline.stop(
            within: .seconds(options.drain), steps: options.stepsAtStop == .cancel ? .cancelRunning : .leaveRunning)
        impatience.cancel()
        feed.say("host", "stopped", .grey, json: ["stopped": true])
    }
}

/// The status line, written by one task and read by the feed's thread.
final class StatusText: Sendable {
    private let text = Mutex("")
    var value: String {
        get { text.withLock { $0 } }
        set { text.withLock { $0 = newValue } }
    }
}

/// The way from the gateway to Lambda, which is made after it because functions must know the port.
private final class InvocationDoor: Sendable {
    private let lambda = Mutex<LambdaService?>(nil)

    func open(_ service: LambdaService) { lambda.withLock { $0 = service } }

    func invoke(_ request: InvokeRequest) async throws(LambdaError) -> InvokeResult {
        guard let service = lambda.withLock({ $0 }) else { throw .service(detail: "The host is starting.") }
        return try await service.invoke(request)
    }
}
