import Events
import Glibc
import Storage

/// How steps end, by themselves or by others, and what follows from it.
extension Clusters {
    /// Writes the outcome of a step and all that follows from it, then cleans up.
    func finish(_ ended: Step, _ ending: StepSchedule.Ending) async {
        let folders = settings.folders(of: ended)
        StepSupervisor.sweep(run: folders.run, step: ended.id)
        let failure = Self.failure(ending, folders: folders)
        let progress = StepProgress(file: folders.progress)
        let (announcer, time) = (announcer, time)
        do {
            let written = try await store.write { connection -> Step? in
                let now = time.now
                guard var step = try EMRStore.step(ended.id, connection),
                    let cluster = try EMRStore.cluster(step.clusterID, connection)
                else { return nil }
                if let progress {
                    try EMRStore.setProgress(progress, of: step.id, connection)
                    step.progress = progress
                }
                step.state = StepSchedule.outcome(of: ending, whileIn: step.state)
                if step.state == .cancelled, cluster.state == .terminating { step.state = .interrupted }
                step.ended = max(now, step.started ?? now)
                if case .exited(let code) = ending { step.exitCode = code }
                if step.state == .failed { step.failure = failure }
                let changed = try announcer.change(
                    step, from: [.running, .cancelPending], cluster: cluster, at: now, connection)
                guard changed else { return nil }
                if step.state == .failed {
                    try Self.applyFailure(of: step, cluster, announcer, at: now, connection)
                }
                return step
            }
            if let written {
                TextFile.append(Self.summary(written, at: written.ended ?? time.now), to: folders.controller)
                await LogUpload(lake: settings.lake).run(written, logURI: configurations[written.clusterID]?.logURI)
            }
            TextFile.removeFolder(folders.run)
            interruptRest(of: ended.clusterID)
        } catch {
            // The store is closed: the next host reads the exit status from the folder, which therefore stays.
        }
        watched[ended.id] = nil
        bell.yield()
    }

    private static func applyFailure(
        of step: Step, _ cluster: Cluster, _ announcer: StepAnnouncer, at now: Timestamp, _ connection: Connection
    ) throws {
        let active = try EMRStore.activeSteps(of: cluster.id, connection)
        let running = active.filter { $0.state != .pending }
        let consequence = StepSchedule.consequence(
            of: step.actionOnFailure, level: cluster.stepConcurrencyLevel, othersRunning: running.count)
        switch consequence {
        case .goOn: return
        case .cancelPending: break
        case .terminate:
            try terminate(
                cluster, code: "STEP_FAILURE", reason: "Shut down as step failed", announcer, at: now, connection)
            return
        }
        for step in active where step.state == .pending {
            try cancelPending(step, cluster, announcer, at: now, connection)
        }
    }

    static func cancelPending(
        _ step: Step, _ cluster: Cluster, _ announcer: StepAnnouncer, at now: Timestamp, _ connection: Connection
    ) throws {
        var step = step
        step.state = .cancelled
        step.ended = now
        _ = try announcer.change(step, from: [.pending], cluster: cluster, at: now, connection)
    }

    /// Cancels what waits, marks what runs for its end, and lets the cluster end when the last step has.
    static func terminate(
        _ cluster: Cluster, code: String, reason: String, _ announcer: StepAnnouncer, at now: Timestamp,
        _ connection: Connection
    ) throws {
        var cluster = cluster
        cluster.state = .terminating
        cluster.reasonCode = code
        cluster.reason = reason
        try announcer.change(cluster, at: now, connection)
        for var step in try EMRStore.activeSteps(of: cluster.id, connection) {
            if step.state == .pending {
                try cancelPending(step, cluster, announcer, at: now, connection)
            } else {
                step.state = .cancelPending
                _ = try announcer.change(step, from: [.running], cluster: cluster, at: now, connection)
                try EMRStore.setCancellation(.terminateProcess, of: step.id, connection)
            }
        }
    }

    /// Ends what still runs on a cluster that is terminating.
    func interruptRest(of id: String) {
        let state = try? store.read { try EMRStore.cluster(id, $0)?.state }
        guard state == .terminating else { return }
        let rest = (try? store.read { try EMRStore.activeSteps(of: id, $0) }) ?? []
        for step in rest where step.state == .cancelPending { deliverCancellation(of: step.id) }
        bell.yield()
    }

    // MARK: - Cancelling

    /// Sends the signal that the row asks for.
    func deliverCancellation(of id: String) {
        let option = try? store.read { try EMRStore.cancellation(of: id, $0) }
        switch option ?? .sendInterrupt {
        case .sendInterrupt: interrupt(id)
        case .terminateProcess: Task { await killUntilEnded(id) }
        }
    }

    /// SIGKILL, again and again: a supervisor that has no program yet is about to have one.
    private func killUntilEnded(_ id: String) async {
        let run = "\(settings.runs)/\(id)"
        repeat {
            StepSupervisor.signal(SIGKILL, run: run, step: id)
            guard (try? await time.sleep(for: .seconds(1))) != nil else { return }
        } while watched[id] != nil
    }

    /// SIGTERM now, SIGKILL for what is left after the grace.
    func interrupt(_ id: String) {
        StepSupervisor.signal(SIGTERM, run: "\(settings.runs)/\(id)", step: id)
        let (time, grace) = (time, settings.interruptGrace)
        Task {
            guard (try? await time.sleep(for: grace)) != nil, watched[id] != nil else { return }
            await killUntilEnded(id)
        }
    }
}
