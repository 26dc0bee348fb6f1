import Events
import Glibc
import Storage

/// The life of an environment: its start, its INIT, its end.
extension FunctionScheduler {
    // MARK: - The life of an environment

    func start(_ pool: FunctionPool, phase: ExecutionEnvironment.InitPhase) {
        let configuration = pool.configuration
        let now = self.now
        guard hasDescriptors(besides: pool) else { return }
        guard let output = Descriptor.pipe() else { return hostFailed(pool, errno) }
        guard let listener = RuntimeListener() else {
            let code = errno
            close(output.read)
            close(output.write)
            return hostFailed(pool, code)
        }
        let limit = phase == .invoke ? configuration.timeoutDuration : settings.initTimeout
        let id = Identifier.hexadecimal(digits: 32)
        let temporary = "\(settings.stateFolder)/environments/\(id)"
        let environment = ExecutionEnvironment(
            number: nextNumber, id: id, configuration: configuration,
            listener: listener, output: output.read, code: CodeFingerprint(of: configuration.codeFile),
            initPhase: phase, deadline: now + limit, now: now, rate: settings.outputRate,
            temporaryFolder: temporary)
        nextNumber += 1
        environments[environment.number] = environment
        pool.environments[environment.number] = environment
        environment.capture.note(
            ReportLine.initStart(runtime: configuration.runtime, region: place.region), at: now)
        ports.arm(environment.deadline)
        let specification = ProcessSpecification(
            command: configuration.command,
            environment: FunctionVariables.make(
                environment, configuration, settings: settings, place: place, temporaryFolder: temporary),
            workingFolder: configuration.codeFolder, temporaryFolder: temporary, output: output.write,
            dataLimit: UInt64(configuration.memorySize) * 2_097_152 + (1 << 30),
            processLimit: UInt64(settings.maximumProcesses), readOnlyFolder: readOnlyFolder(configuration),
            sharedMemory: needsMachineMemory(configuration) ? 0 : UInt64(configuration.memorySize) << 20,
            marker: "SLUICE_ENVIRONMENT_ID=\(environment.id)")
        let number = environment.number
        effects.append { [ports] in ports.start(specification, number) }
    }

    /// A project that lies in `/dev/shm` would be hidden by one of the function's own.
    private func needsMachineMemory(_ configuration: FunctionConfiguration) -> Bool {
        ([configuration.codeFolder, settings.stateFolder] + settings.environment.values).contains {
            $0.hasPrefix("/dev/shm/")
        }
    }

    /// The function's code, which Lambda lets no function change either, unless the host's own files lie in it.
    private func readOnlyFolder(_ configuration: FunctionConfiguration) -> String? {
        let code = configuration.codeFolder
        let written = [settings.stateFolder] + settings.environment.values
        return written.contains { $0 == code || $0.hasPrefix(code + "/") } ? nil : code
    }

    /// Descriptors that stay free for the host itself, and those that an environment takes once its runtime has called.
    private static let spareDescriptors = 24
    private static let connectionDescriptors = 2

    /// Whether one environment more leaves descriptors for those that run: without any they could not hand in their answers. If
    /// not, an idle one makes room, or the function waits as for its concurrency.
    private func hasDescriptors(besides pool: FunctionPool) -> Bool {
        let silent = environments.values.count { $0.connections.isEmpty }
        let free = ProcessLimits.freeDescriptors()
        if free >= Self.spareDescriptors + Self.connectionDescriptors * (silent + 2) { return true }
        let now = self.now
        if retireOneIdle(besides: pool) {
            pool.startsNotBefore = now + .milliseconds(50)
        } else {
            pool.startsNotBefore = now + .seconds(1)
            if !hasToldLimit {
                hasToldLimit = true
                let limit = ProcessLimits.descriptors.current
                ports.trouble(
                    "the limit of \(limit) open files leaves room for about \(environments.count) functions at once; events wait. "
                        + "Raise it: 'ulimit -n 65536', or LimitNOFILE=65536 in the systemd unit")
            }
            for invocation in pool.waiting where pool.environments.isEmpty {
                refuse(
                    invocation,
                    .service(detail: "The host has no descriptors left to start \(pool.configuration.name) with."))
            }
            if pool.environments.isEmpty { pool.waiting = [] }
        }
        if let again = pool.startsNotBefore { ports.arm(again) }
        return false
    }

    /// The host has no descriptors, processes, room or memory left: not the function's fault. A caller is told; events wait where
    /// they are and are tried again every second.
    func hostFailed(_ pool: FunctionPool, _ code: Int32) {
        let now = self.now
        let fault = MachineFault(errno: code, path: settings.stateFolder + "/environments")
        if hostFault != fault.kind {
            hostFault = fault.kind
            ports.trouble(
                "functions can't be started: \(fault). Events wait and are tried again every second; none is lost")
        }
        for invocation in pool.waiting {
            refuse(
                invocation,
                .service(
                    detail: "The host could not start \(pool.configuration.name): \(String(cString: strerror(code)))."))
        }
        pool.waiting = []
        pool.startsNotBefore = now + .seconds(1)
        ports.arm(now + .seconds(1))
    }

    func process(_ number: Int, _ event: FunctionProcess.Event) {
        if case .cleaned = event {
            ending[number] = nil
            if let environment = environments[number] { retire(environment) }
            ending[number] = nil
            return
        }
        guard let environment = environments[number] else {
            // Told to end before it had begun.
            guard let gone = ending[number] else { return }
            switch event {
            case .spawned(let pid, let keeper):
                gone.pid = pid
                gone.keeper = keeper
                gone.killProcess()
            case .exited:
                gone.pid = nil
                gone.keeper = nil
            case .failed, .unable, .cleaned: break
            }
            return
        }
        switch event {
        case .spawned(let pid, let keeper):
            environment.pid = pid
            environment.keeper = keeper
            changeInterests()
            ports.watchMemory()
            if hostFault != nil {
                hostFault = nil
                ports.trouble("functions can be started again; going on")
            }
        case .unable(let code):
            let pool = pools[environment.function]
            retire(environment)
            if let pool { hostFailed(pool, code) }
        case .failed(let code): failedToStart(environment, code)
        case .exited(let status):
            environment.pid = nil
            environment.keeper = nil
            exited(environment, status)
        case .cleaned: break
        }
    }

    func failedToStart(_ environment: ExecutionEnvironment, _ code: Int32) {
        guard let pool = pools[environment.function] else { return retire(environment) }
        switch code {
        case ENOENT, EACCES, ENOEXEC, ENOTDIR, ELOOP, ENAMETOOLONG, EISDIR, EPERM, EINVAL, E2BIG:
            let reason = String(cString: strerror(code)).lowercased()
            initFailed(
                environment, type: "Runtime.InvalidEntrypoint",
                message: "fork/exec \(environment.configuration.command[0]): \(reason)")
        default:
            retire(environment)
            hostFailed(pool, code)
            pump(pool)
        }
    }

    func exited(_ environment: ExecutionEnvironment, _ status: ExitStatus) {
        _ = environment.readOutput(limit: 1 << 20, at: now)
        let message = environment.isOutOfMemory ? ExitStatus.signalled(SIGKILL).message : status.message
        switch environment.state.phase {
        case .initializing:
            initFailed(environment, type: "Runtime.ExitError", message: message)
        case .busy:
            let type = environment.isOutOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError"
            fail(environment, type: "Runtime.ExitError", message: message, reported: .crash(type: type))
        case .idle, .returning, .ended:
            break
        }
        retire(environment)
        if let pool = pools[environment.function] { pump(pool) }
    }

    /// INIT did not get as far as the first event. The invocation that waited gets a second INIT, within its own time;
    /// if that fails too, it is the invocation that fails.
    func initFailed(
        _ environment: ExecutionEnvironment, type: String, message: String, payload: [UInt8]? = nil,
        status: String = "error", duration: Double? = nil
    ) {
        let now = self.now
        let took = duration ?? (ContinuousClock.now - environment.startedAt).fractionalMilliseconds
        _ = environment.readOutput(limit: 1 << 20, at: now)
        environment.sampleMemory()
        environment.capture.note(
            ReportLine.initReport(
                duration: took, phase: environment.initPhase.rawValue, status: status,
                errorType: status == "error" ? type : nil), at: now)
        guard let pool = pools[environment.function] else { return retire(environment) }
        pool.initFailures += 1
        if pool.initFailures >= 4 {
            // So that it does not take the machine for itself, and still has its retries in their time.
            pool.startsNotBefore = now + .milliseconds(100)
        }
        if var invocation = pool.takeNext(settings) {
            if invocation.initFailed {
                count(invocation, pool, +1)
                environment.invocation = invocation
                environment.invocationStarted = environment.startedAt
                environment.invocationStartedAt = now
                environment.capture.note(ReportLine.start(invocation.requestID), at: now)
                let id = invocation.requestID
                let isTimeout = status == "timeout"
                let seconds = environment.configuration.timeout
                fail(
                    environment, type: isTimeout ? "Sandbox.Timedout" : type,
                    message: isTimeout ? "Task timed out after \(seconds).00 seconds" : message, payload: payload,
                    reported: isTimeout ? .timeout : .crash(type: type), id: id)
            } else {
                invocation.initFailed = true
                pool.putBack(invocation)
            }
        }
        retire(environment)
        pump(pool)
    }

    /// Ends an environment: kills what runs, closes what is open, writes down what is left of its output.
    func retire(_ environment: ExecutionEnvironment) {
        guard environments.removeValue(forKey: environment.number) != nil else { return }
        if let pool = pools[environment.function] {
            pool.environments[environment.number] = nil
            pool.idle.removeAll { $0 == environment.number }
        }
        environment.state.end()
        ending[environment.number] = environment
        environment.killProcess()
        environment.capture.finish(at: now)
        flush(environment)
        environment.closeDescriptors()
        changeInterests()
    }

    // MARK: - Limits

    /// What is to be looked at of an environment.
    struct Watched {
        let number: Int
        let pid: pid_t
        let keeper: pid_t?
        /// Its temporary folder, where that is due.
        let folder: String?
    }

    /// Environments whose memory, processes and files are to be looked at now: those at work, once they have been so for a
    /// while, and the others now and then, as what they left running goes on.
    func watched() -> (environments: [Watched], anyAtWork: Bool, any: Bool) {
        var found: [Watched] = []
        var any = false
        let now = ContinuousClock.now
        for environment in environments.values {
            let since: ContinuousClock.Instant
            switch environment.state.phase {
            case .initializing: since = environment.startedAt
            case .busy, .returning: since = environment.invocationStarted
            case .idle:
                if let last = environment.idleLook, now - last < .milliseconds(400) { continue }
                environment.idleLook = now
                since = environment.startedAt
            case .ended: continue
            }
            if environment.state.phase != .idle { any = true }
            guard now - since >= .milliseconds(15), let pid = environment.pid else { continue }
            var folder: String?
            if now >= environment.measureFolderAt ?? environment.startedAt + .milliseconds(250) {
                folder = environment.temporaryFolder
            }
            found.append(
                Watched(number: environment.number, pid: pid, keeper: environment.keeper, folder: folder))
        }
        return (found, any, !environments.isEmpty)
    }

    func observed(_ number: Int, _ usage: ProcessTable.Usage) {
        guard let environment = environments[number] else { return }
        environment.peakMemory = max(environment.peakMemory, usage.memory)
        let limit = environment.configuration.memorySize << 20
        if usage.memory > limit {
            // The figure that Lambda reports never exceeds the limit.
            environment.peakMemory = limit
            environment.isOutOfMemory = true
            environment.killProcess()
        } else if usage.processes >= settings.maximumProcesses {
            environment.capture.note(
                "[sluice] ended: it had \(settings.maximumProcesses) processes", at: now)
            environment.killProcess()
        }
    }

    /// The size of a temporary folder, in bytes, and how long it took to measure.
    func measured(_ number: Int, bytes: Int, took: Duration) {
        guard let environment = environments[number] else { return }
        // A folder of many files is not measured all the time.
        environment.measureFolderAt = .now + max(.milliseconds(250), took * 20)
        let limit = environment.configuration.ephemeralStorage
        guard bytes > limit << 20 else { return }
        environment.capture.note(
            "[sluice] ended: its temporary folder held more than \(limit) MB (EphemeralStorage)", at: now)
        environment.killProcess()
    }
}
