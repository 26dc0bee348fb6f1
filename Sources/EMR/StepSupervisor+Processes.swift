import Glibc

/// Finding and ending a step's processes: by what they are, never by a number alone, which may be somebody else's by now.
extension StepSupervisor {
    /// The living supervisor of a run, whether the run's files are there or not.
    static func find(run: String, in table: ProcessTable = ProcessTable()) -> pid_t? {
        living(in: table).first { isSame($0, run) }?.pid
    }

    /// The steps in a folder of runs whose supervisors live.
    static func livingSteps(in runs: String) -> [String] {
        living(in: ProcessTable()).map { ($0, "\(runs)/\(name(ofStepIn: $0.run))") }.filter { isSame($0.0, $0.1) }
            .map { name(ofStepIn: $0.1) }
    }

    /// A process that was started as a supervisor, and the folder of its run.
    private typealias Living = (pid: pid_t, run: String)

    private static func living(in table: ProcessTable) -> [Living] {
        // What a supervisor forks looks like it until it has called exec, but leads no session.
        table.entries.filter { $0.key == $0.value.session }.compactMap { pid, _ in
            let arguments = ProcessTable.arguments(of: pid)
            guard arguments.count > 4, arguments[1] == "-c", arguments[3] == name else { return nil }
            return (pid, String(arguments[4]))
        }
    }

    private static func name(ofStepIn run: String) -> String { run.split(separator: "/").last.map(String.init) ?? "" }

    /// Whether a supervisor's run is this one, and not that of a copy of the project: by the state folder, under whatever path it
    /// is known, and where that was moved, by the record that it holds.
    private static func isSame(_ living: Living, _ run: String) -> Bool {
        name(ofStepIn: living.run) == name(ofStepIn: run)
            && (living.run == run || isSameFile(above(living.run), above(run))
                || isSameFile("/proc/\(living.pid)/fd/3", "\(run)/lock"))
    }

    /// The folder of the runs, which is there where the run's own was removed.
    private static func above(_ run: String) -> String {
        String(run[..<(run.lastIndex(of: "/") ?? run.startIndex)])
    }

    private static func isSameFile(_ one: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev
            && first.st_ino == second.st_ino
    }

    /// Sends a signal to the program and all that came of it, but not to the supervisor, who is to write the exit status.
    static func signal(_ signal: Int32, run: String, step: String) {
        let table = ProcessTable()
        if let supervisor = find(run: run, in: table) {
            for child in table.children(of: supervisor) where table.entries[child]?.session == child {
                kill(-child, signal)
            }
        } else if let program = RunRecord(run: run)?.journal.program, table.holds(program) {
            kill(-program.pid, signal)
        }
        if signal == SIGKILL { sweep(run: run, step: step) }
    }

    /// Kills every process that is left of a step: the descendants of its supervisor, those that carry its id in their environment,
    /// and their sessions.
    static func sweep(run: String, step: String) {
        let program = RunRecord(run: run)?.journal.program
        // What forks while we look is found by the next look.
        for _ in 0..<20 {
            let left = processes(of: step, run: run, program: program, in: ProcessTable())
            if left.isEmpty { return }
            for pid in left { kill(pid, SIGKILL) }
            usleep(2000)
        }
    }

    /// The processes of a step, other than its supervisor. `program` is the one that its record names.
    static func processes(
        of step: String, run: String, program: ProcessIdentity? = nil, in table: ProcessTable = ProcessTable()
    ) -> Set<pid_t> {
        let living = living(in: table).filter { name(ofStepIn: $0.run) == step }
        let supervisors = Set(living.filter { isSame($0, run) }.map(\.pid))
        // A copy of the project has steps of the same names, which run for somebody else.
        var others = Set(living.map(\.pid)).subtracting(supervisors)
        for other in others { others.formUnion(table.descendants(of: other)) }

        var own = Set(table.processes(withEnvironment: "EMR_STEP_ID=\(step)"))
        if let program, table.holds(program) { own.insert(program.pid) }
        own.subtract(others)
        own.subtract(supervisors)
        var found = own
        for supervisor in supervisors { found.formUnion(table.descendants(of: supervisor)) }
        // Only the leader makes a session ours: its number may have gone to somebody else when it ended.
        for leader in own where table.entries[leader]?.session == leader {
            found.formUnion(table.members(ofSession: leader))
        }
        return found.subtracting(supervisors)
    }
}
