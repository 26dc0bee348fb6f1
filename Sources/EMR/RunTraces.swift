/// All that is left of a step's run, and what may be concluded from it.
///
/// A step never runs twice, and its outcome is read, never guessed. So that it never began has to be written somewhere: files that are
/// not there prove nothing, as anybody may have removed them.
struct RunTraces {
    /// What the run's record, or the record that a living supervisor holds, tells.
    var status: StepSupervisor.Status
    /// The record, where there is one.
    var record: RunRecord?
    /// Whether the record says that there was no process to be had for the program.
    var isUnforked = false
    /// The boot in which the database says that the program may have begun; nil where it knows of no beginning.
    var launched: String?
    /// The boot of the machine now.
    var boot: String
    /// What the controller's log tells; nil where it knows of no beginning.
    var logged: StepSchedule.Ending?
    /// Whether a process that carries the step's id lives.
    var isAlive: Bool

    /// What to do with the step.
    enum Verdict {
        /// Its supervisor lives and holds this record.
        case runs(RunRecord)
        case ended(StepSchedule.Ending)
        /// It is certain that it has not begun.
        case neverBegan
    }

    var verdict: Verdict {
        switch status {
        case .exited(let code): return .ended(.exited(code))
        case .running: return record.map(Verdict.runs) ?? .ended(.lost(.recordsGone))
        case .lost: return .ended(logged?.known ?? .lost(.supervisorGone))
        case .neverStarted:
            if isAlive { return .ended(.lost(.recordsGone)) }
            guard let launched else { return .neverBegan }
            // What the supervisor wrote may not have come to the disk before the machine stopped.
            guard launched == boot else { return .ended(logged ?? .lost(.machineStopped)) }
            // Somebody may have emptied the record, but nobody would write that there was no process.
            return isUnforked ? .neverBegan : logged.map(Verdict.ended) ?? .neverBegan
        case .absent:
            if let logged { return .ended(logged) }
            if let launched { return .ended(.lost(launched == boot ? .recordsGone : .machineStopped)) }
            return isAlive ? .ended(.lost(.recordsGone)) : .neverBegan
        }
    }
}

extension RunTraces {
    /// Looks at the run's folder, the log, and the processes of this machine.
    init(of step: String, _ folders: StepFolders, launched: String?) {
        record = RunRecord(run: folders.run)
        status = StepSupervisor.status(of: record, in: folders.run)
        switch status {
        case .running, .exited: isAlive = true
        case .lost, .neverStarted, .absent:
            if let held = StepSupervisor.find(run: folders.run).flatMap(RunRecord.init(supervisor:)) {
                record = held
                status = StepSupervisor.status(of: held, in: folders.run)
            }
            isAlive = !StepSupervisor.processes(of: step, run: folders.run).isEmpty
        }
        self.launched = launched
        boot = ProcessTable.boot
        isUnforked = record?.journal.isUnforked ?? false
        logged = Clusters.recorded(folders, of: step)
    }
}

extension StepSchedule.Ending {
    /// Itself where it is a program's own end.
    fileprivate var known: Self? {
        switch self {
        case .exited: self
        case .lost, .neverStarted, .timedOut: nil
        }
    }
}
