import Events
import Glibc

/// What functions send: calls of the Runtime API, and output.
extension FunctionScheduler {
    // MARK: - Runtime API

    func answer(
        _ request: RuntimeRequest, on connection: RuntimeConnection, of environment: ExecutionEnvironment
    ) {
        let action = environment.state.receive(
            request.call, bodyBytes: request.bodyBytes, maximumBody: settings.maximumResponse)
        let now = self.now
        switch action {
        case .park(let first):
            connection.isParked = true
            if first {
                environment.initDuration = (ContinuousClock.now - environment.startedAt).fractionalMilliseconds
                environment.sampleMemory()
                pools[environment.function]?.initFailures = 0
                pools[environment.function]?.startsNotBefore = nil
            }
            environment.deadline = now + settings.idleTimeout
            ports.arm(environment.deadline)
            becomeIdle(environment)
        case .parkAgain:
            for other in environment.connections { other.isParked = false }
            connection.isParked = true
            becomeIdle(environment)
        case .complete:
            environment.returningSince = now
            reply(connection, RuntimeResponse.accepted, to: request, environment)
            _ = environment.readOutput(limit: 1 << 20, at: now)
            if let type = request.errorType {
                // A streamed answer that broke off says so behind its body.
                finish(
                    environment,
                    .failure(
                        payload: .errorPayload(type: type, message: ""), errorType: type, errorMessage: ""), .error)
            } else {
                finish(environment, .success(payload: request.body), .success)
            }
        case .completeTooLarge:
            environment.returningSince = now
            reply(connection, RuntimeResponse.tooLarge(limit: settings.maximumResponse), to: request, environment)
            _ = environment.readOutput(limit: 1 << 20, at: now)
            let message =
                "Response payload size exceeded maximum allowed payload size (\(settings.maximumResponse) bytes)."
            finish(
                environment,
                .failure(
                    payload: .errorPayload(type: "Function.ResponseSizeTooLarge", message: message),
                    errorType: "Function.ResponseSizeTooLarge", errorMessage: message), .error)
        case .fail:
            environment.returningSince = now
            reply(connection, RuntimeResponse.accepted, to: request, environment)
            _ = environment.readOutput(limit: 1 << 20, at: now)
            let error = ReportedError(request)
            finish(
                environment,
                .failure(payload: error.payload, errorType: error.type, errorMessage: error.message), .error)
        case .failInit:
            reply(connection, RuntimeResponse.accepted, to: request, environment)
            let error = ReportedError(request)
            initFailed(environment, type: error.type, message: error.message, payload: error.payload)
        case .refuse(let from, let to):
            reply(connection, RuntimeResponse.refused(from: from, to: to), to: request, environment)
        case .refuseRequestID:
            reply(connection, RuntimeResponse.wrongRequestID, to: request, environment)
        case .unknownCall:
            reply(connection, RuntimeResponse.notFound, to: request, environment)
        }
    }

    func becomeIdle(_ environment: ExecutionEnvironment) {
        guard let pool = pools[environment.function], environment.configuration == pool.configuration else {
            return retire(environment)
        }
        pool.idle.removeAll { $0 == environment.number }
        pool.idle.append(environment.number)
        pump(pool)
    }

    func reply(
        _ connection: RuntimeConnection, _ bytes: [UInt8], to request: RuntimeRequest,
        _ environment: ExecutionEnvironment
    ) {
        if request.closes { connection.closesAfterSending = true }
        if !connection.send(bytes) || (connection.closesAfterSending && connection.pending.isEmpty) {
            drop(connection, of: environment)
        } else if !connection.pending.isEmpty {
            changeInterests()
        }
    }

    func drop(_ connection: RuntimeConnection, of environment: ExecutionEnvironment) {
        guard let index = environment.connections.firstIndex(where: { $0 === connection }) else { return }
        environment.connections.remove(at: index)
        close(connection.descriptor)
        if connection.isParked, let pool = pools[environment.function] {
            // Until it asks again, it can't be given work.
            pool.idle.removeAll { $0 == environment.number }
        }
        changeInterests()
    }

    // MARK: - The loop's side

    /// A descriptor that the loop watches, and whose it is.
    struct Interest {
        enum Kind { case listener, output, connection(Int32) }
        let environment: Int
        let kind: Kind
        let descriptor: Int32
        let writes: Bool
    }

    func interests() -> (interests: [Interest], pauses: Bool) {
        var found: [Interest] = []
        for environment in environments.values where environment.pid != nil {
            let number = environment.number
            if !environment.listenerPaused {
                found.append(
                    Interest(
                        environment: number, kind: .listener, descriptor: environment.listener.descriptor,
                        writes: false))
            }
            if !environment.outputClosed, !environment.outputPaused {
                found.append(
                    Interest(environment: number, kind: .output, descriptor: environment.output, writes: false))
            }
            for connection in environment.connections where !connection.isResting {
                found.append(
                    Interest(
                        environment: number, kind: .connection(connection.descriptor),
                        descriptor: connection.descriptor, writes: !connection.pending.isEmpty))
            }
        }
        return (found, paused)
    }

    func changeInterests() {
        interestVersion += 1
        ports.wake()
    }

    /// Functions that write faster than is kept are read again.
    func resumeOutputs() {
        guard paused else { return }
        paused = false
        for environment in environments.values {
            environment.outputPaused = false
            environment.listenerPaused = false
            for connection in environment.connections where connection.isResting {
                connection.isResting = false
                serve(connection, of: environment)
            }
        }
        interestVersion += 1
    }

    /// Leaves a descriptor alone for a moment, so that one function can't keep the loop for itself.
    private func pause() {
        paused = true
        interestVersion += 1
    }

    func ready(_ interest: Interest) {
        guard let environment = environments[interest.environment] else { return }
        switch interest.kind {
        case .listener: accept(environment)
        case .output: readOutput(environment)
        case .connection(let descriptor):
            guard let connection = environment.connections.first(where: { $0.descriptor == descriptor }) else { return }
            if !connection.pending.isEmpty {
                if !connection.flush() || (connection.pending.isEmpty && connection.closesAfterSending) {
                    return drop(connection, of: environment)
                }
                // Who does not read the answers is not heard further.
                guard connection.pending.isEmpty else { return }
                changeInterests()
                return serve(connection, of: environment)
            }
            receive(connection, of: environment)
        }
    }

    func accept(_ environment: ExecutionEnvironment) {
        guard environment.pid != nil else { return }
        for _ in 0..<Self.acceptsPerTurn {
            switch environment.listener.accept() {
            case .none: return
            case .later:
                // Asking again at once would only burn time.
                environment.listenerPaused = true
                return pause()
            case .client(let descriptor, let port):
                guard environment.connections.count < Self.maximumConnections,
                    ProcessTable.isOwner(
                        ofClient: port, server: environment.listener.port, among: environment.processes)
                else {
                    close(descriptor)
                    continue
                }
                environment.connections.append(
                    RuntimeConnection(descriptor: descriptor, maximumBody: settings.maximumResponse))
                interestVersion += 1
            }
        }
        environment.listenerPaused = true
        pause()
    }

    /// Connections of one environment at once; more are closed.
    private static let maximumConnections = 32
    /// Connections that are taken, and requests that are answered, before it is another function's turn.
    private static let acceptsPerTurn = 8
    private static let requestsPerTurn = 16

    func readOutput(_ environment: ExecutionEnvironment) {
        let now = self.now
        // What can't be written down is not read either: the function then waits with its next line.
        let count = ports.isBehind() ? 65536 : environment.readOutput(limit: 65536, at: now)
        if environment.outputClosed { changeInterests() }
        if count == 65536 {
            environment.outputPaused = true
            pause()
        }
        if environment.capture.bytes > 1 << 20 {
            flush(environment)
        } else if environment.flushAt == nil, !environment.capture.isEmpty {
            let at = now + .seconds(1)
            environment.flushAt = at
            ports.arm(at)
        }
    }

    func receive(_ connection: RuntimeConnection, of environment: ExecutionEnvironment) {
        // More than one read a turn would let one function keep the loop for itself.
        let count = withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { buffer in
            let count = recv(connection.descriptor, buffer.baseAddress, 65536, 0)
            if count > 0 { connection.parser.push(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            return count
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0 else { return drop(connection, of: environment) }
        let held = environment.connections.reduce(0) { $0 + $1.parser.heldBytes }
        // A client sends one body at a time; bodies begun on many connections would only fill the host's memory.
        guard held <= 2 * settings.maximumResponse + 1 << 20 else { return drop(connection, of: environment) }
        serve(connection, of: environment)
    }

    /// Answers what has come whole, as long as the client takes the answers.
    private func serve(_ connection: RuntimeConnection, of environment: ExecutionEnvironment) {
        var answered = 0
        while environments[environment.number] != nil, connection.pending.isEmpty,
            environment.connections.contains(where: { $0 === connection })
        {
            guard answered < Self.requestsPerTurn else {
                connection.isResting = true
                return pause()
            }
            answered += 1
            switch connection.parser.next() {
            case .needMore: return
            case .expectsContinue: if !connection.send(RuntimeResponse.goOn) { drop(connection, of: environment) }
            case .request(let request): answer(request, on: connection, of: environment)
            case .malformed(let message):
                connection.closesAfterSending = true
                reply(
                    connection, RuntimeResponse.malformed(message), to: RuntimeRequest(closes: true), environment)
            }
        }
    }
}
