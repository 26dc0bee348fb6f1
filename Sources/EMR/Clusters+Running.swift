import Events
import Glibc
import Storage

/// From a row that says RUNNING to a process, and from there to its end.
extension Clusters {
    /// Launches a step and returns when it runs, or when it is clear that it can't yet.
    func begin(_ step: Step) async {
        let task = Task { await self.launch(step) }
        watched[step.id] = [task]
        await task.value
    }

    /// Starts the program of a step that its row says is running, and that nobody has started yet.
    private func launch(_ step: Step) async {
        let folders = settings.folders(of: step)
        let launch = StepLaunch(settings: settings, master: master(of: step))
        do {
            let prepared = try launch.prepare(step, in: folders)
            guard let state = await markLaunched(step.id) else { return watched[step.id] = nil }
            guard state == .running else { return await finish(step, .neverStarted("Cancelled before it began")) }
            let (supervisor, record) = try launch.begin(prepared, in: folders)
            watch(step, folders, record, supervisor: supervisor)
            // A cancellation that came while there was no process yet found nobody.
            if isBeingCancelled(step.id) { deliverCancellation(of: step.id) }
            if fault != nil {
                fault = nil
                announcer.outputs.trouble("steps can be started again; going on")
            }
        } catch let error as StepProgramError where error.outside != nil {
            await launchLater(step, MachineFault(errno: error.outside ?? 0, path: folders.run), folders)
        } catch {
            TextFile.append("\(time.now.iso8601) ERROR \(error)", to: folders.controller)
            await finish(step, .neverStarted("\(error)"))
        }
    }

    private func isBeingCancelled(_ id: String) -> Bool {
        (try? store.read { try EMRStore.step(id, $0)?.state }) == .cancelPending
    }

    /// Commits that the step's program may have begun, and returns the step's state; nil where nothing can be committed: the host is
    /// going down, and the next one begins the step.
    private func markLaunched(_ id: String) async -> StepState? {
        try? await store.write { connection in
            let state = try EMRStore.step(id, connection)?.state
            if state == .running { try EMRStore.setLaunched(ProcessTable.boot, of: id, connection) }
            return state
        }
    }

    /// The machine has no process or no room for a step now. Nothing of it runs, so its row stays as it is until it can be started;
    /// a host that ends meanwhile leaves it to the next one.
    private func launchLater(_ step: Step, _ cause: MachineFault, _ folders: StepFolders) async {
        if (try? await store.read { try EMRStore.launched(step.id, $0) }) ?? nil != nil {
            TextFile.append("\(time.now.iso8601) \(Self.notBegun)\(cause)", to: folders.controller)
            try? await store.write { try EMRStore.setLaunched(nil, of: step.id, $0) }
        }
        if fault != cause.kind {
            fault = cause.kind
            announcer.outputs.trouble("steps can't be started: \(cause). They wait and are tried again every second")
        }
        watched[step.id] = [
            Task {
                let hasWaited = (try? await time.sleep(for: .seconds(1))) != nil
                let state = try? await store.read { try EMRStore.step(step.id, $0)?.state }
                if state == .cancelPending {
                    await finish(step, .neverStarted("Cancelled before it began"))
                } else if hasWaited, !stopping {
                    await launch(step)
                } else {
                    watched[step.id] = nil
                }
            }
        ]
    }

    private func master(of step: Step) -> String { configurations[step.clusterID]?.master ?? "local[*]" }

    /// Takes up a step that another host has started, or was about to.
    func resume(_ step: Step) async throws {
        let folders = settings.folders(of: step)
        let launched = try await store.read { try EMRStore.launched(step.id, $0) }
        switch RunTraces(of: step.id, folders, launched: launched).verdict {
        case .runs(let record):
            TextFile.append("\(time.now.iso8601) INFO Found again by a new host, still running", to: folders.controller)
            watch(step, folders, record, supervisor: nil)
            if step.state == .cancelPending { deliverCancellation(of: step.id) }
        case .ended(let ending): await finish(step, ending)
        case .neverBegan where step.state == .cancelPending:
            await finish(step, .neverStarted("Cancelled before it began"))
        case .neverBegan: await begin(step)
        }
    }

    // MARK: - Watching

    /// Watches a run: one thread waits for its end, one task reads its progress, one keeps its time limit.
    private func watch(_ step: Step, _ folders: StepFolders, _ record: RunRecord, supervisor: pid_t?) {
        let progress = Task { await self.followProgress(of: step.id, folders, record) }
        let timeout = configurations[step.clusterID]?.stepTimeout
        let limit = timeout.map { limit in
            let deadline = (step.started ?? time.now) + limit
            return Task {
                guard (try? await time.sleep(until: deadline)) != nil else { return }
                self.expire(step.id)
            }
        }
        let end = Task {
            let status = await withCheckedContinuation { (done: CheckedContinuation<StepSupervisor.Status, Never>) in
                BlockingThread.start(name: "step-\(step.id.suffix(10))") {
                    let status = StepSupervisor.wait(record, in: folders.run)
                    if let supervisor { Spawn.wait(supervisor) }
                    done.resume(returning: status)
                }
            }
            progress.cancel()
            limit?.cancel()
            let expired = self.expired.remove(step.id) != nil
            switch status {
            case _ where expired: await self.finish(step, .timedOut(seconds: (timeout ?? .zero).milliseconds / 1000))
            case .exited(let code): await self.finish(step, .exited(code))
            case .lost, .running, .absent: await self.finish(step, .lost(.supervisorGone))
            case .neverStarted:
                if let code = TextFile.fault(in: folders.run) {
                    await self.launchLater(step, MachineFault(errno: code, path: folders.run), folders)
                } else if record.journal.isUnforked || access("\(folders.run)/unforked", F_OK) == 0 {
                    await self.launchLater(step, MachineFault(errno: EAGAIN, path: folders.run), folders)
                } else {
                    await self.finish(
                        step, .neverStarted("The supervisor could not write its records into \(folders.run)"))
                }
            }
        }
        watched[step.id] = [end]
    }

    private func expire(_ id: String) {
        expired.insert(id)
        interrupt(id)
    }

    private func followProgress(of id: String, _ folders: StepFolders, _ record: RunRecord) async {
        var last: StepProgress?
        var isRemoved = false
        while (try? await time.sleep(for: .seconds(1))) != nil {
            if !isRemoved, record.isRemoved {
                isRemoved = true
                announcer.outputs.trouble(
                    "step \(id): somebody has removed files from \(folders.run), the folder that it works in. It goes on as "
                        + "far as it can without them, and its exit status will be known as long as its supervisor lives"
                )
            }
            guard let progress = StepProgress(file: folders.progress), progress != last else { continue }
            last = progress
            store.submit { try EMRStore.setProgress(progress, of: id, $0) }
        }
    }
}
