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
        let start = HostStart(project: project, waits: !options.untilIdle)
        try start.ensureLimits()
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
        let fault = HostFault()
        let (lock, store) = try await start.open(time: time, feed: feed) { news in
            feed.tell(news)
            if case .broken(let error) = news { fault.report(error) }
        }
        defer { lock.release() }
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
        try lock.write(HostLock.Holder(processID: getpid(), port: gateway.port, started: time.now))
        let ready =
            "watching \(configuration.buckets.count) bucket(s) in \(project.lake), \(configuration.functions.count) function(s), "
            + "AWS clients on http://127.0.0.1:\(gateway.port)"
        feed.say("host", ready, .green, json: ["ready": true, "port": JSON(gateway.port), "pid": JSON(getpid())])

        let broken = await wait(for: pipeline, signals, fault, text: text, feed: feed, time: time)
        await end(pipeline, gateway, signals, within: broken == nil ? options.drain : 1, feed: feed, time: time)
        if let broken { throw broken }
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

    /// Returns when the host is to stop: a signal, or nothing left to do where that was asked for, or a database that can't be used
    /// any more, which is returned.
    private func wait(
        for pipeline: Pipeline, _ signals: AsyncStream<Int32>, _ fault: HostFault, text: StatusText, feed: Feed,
        time: some TimeSource
    ) async -> StoreError? {
        let showsStatus = Terminal.output.isInteractive && !options.output.json
        let untilIdle = options.untilIdle
        return await withTaskGroup(of: StoreError?.self) { group in
            group.addTask {
                for await signal in signals {
                    guard signal == SIGUSR1 else { return nil }
                    pipeline.lookAgain()
                }
                return nil
            }
            group.addTask { await fault.wait() }
            if untilIdle {
                group.addTask {
                    // Through a stream, which a stop ends: the scan itself may wait long for a folder that can't be read.
                    let (scanned, scan) = AsyncStream.makeStream(of: Void.self)
                    Task {
                        await pipeline.s3.scanCompleted()
                        scan.finish()
                    }
                    for await _ in scanned {}
                    guard !Task.isCancelled else { return nil }
                    var quiet = 0
                    while quiet < 15 {
                        guard (try? await time.sleep(for: .milliseconds(200))) != nil else { return nil }
                        quiet = (try? await pipeline.isIdle()) == true ? quiet + 1 : 0
                    }
                    feed.say("host", "nothing left to do", .grey)
                    return nil
                }
            }
            if showsStatus {
                group.addTask {
                    // A long backlog takes long to count: the line may then be older, but costs little.
                    var pause = Duration.milliseconds(500)
                    while (try? await time.sleep(for: pause)) != nil {
                        let begun = time.now
                        if let status = try? await pipeline.statusLine() { text.value = status }
                        pause = max(.milliseconds(500), (time.now - begun) * 20)
                    }
                    return nil
                }
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }

    /// Drains and ends everything; a second signal ends the process at once.
    private func end(
        _ pipeline: Pipeline, _ gateway: Gateway, _ signals: AsyncStream<Int32>, within drain: Int, feed: Feed,
        time: some TimeSource
    ) async {
        feed.say("host", "stopping; a second Ctrl-C stops at once", .grey, json: ["stopping": true])
        let impatience = Task {
            for await signal in signals where signal != SIGUSR1 { Glibc._exit(130) }
        }
        let progress = Task { await tellProgress(pipeline, within: drain, feed: feed, time: time) }
        await gateway.close()
        await pipeline.stop(
            within: .seconds(drain), steps: options.stepsAtStop == .cancel ? .cancelRunning : .leaveRunning)
        impatience.cancel()
        progress.cancel()
        let steps = (try? await pipeline.runningSteps()) ?? 0
        if steps > 0 {
            feed.say(
                "host",
                "\(Self.count(steps, "step")) left running; the next start finds \(steps == 1 ? "it" : "them") again",
                .grey, json: ["stepsLeft": JSON(steps)])
        }
        feed.say("host", "stopped", .grey, json: ["stopped": true])
    }

    /// Says what the stop waits for, at its begin and every five seconds.
    private func tellProgress(_ pipeline: Pipeline, within drain: Int, feed: Feed, time: some TimeSource) async {
        var left = drain
        while !Task.isCancelled {
            let running = pipeline.lambda.runningCount
            if running == 0 { return }
            feed.say(
                "host", "waiting for \(Self.count(running, "invocation")), at most \(left) s more", .grey,
                json: ["waitingFor": JSON(running)])
            guard (try? await time.sleep(for: .seconds(5))) != nil else { return }
            left = max(0, left - 5)
        }
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
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
