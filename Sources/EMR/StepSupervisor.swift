import Glibc
import Storage

/// Runs the program of a step so that it outlives the host, and so that the host, even another one, learns how it ended.
///
/// Between the host and the program stands a shell of a few lines in a session of its own. It holds a lock for as long as
/// it lives, writes `started` before the program begins, and the program's exit status into `exit` when it ends. So a host that
/// comes back finds one of four cases, and none of them needs a guess.
///
/// Nothing but the program itself needs a process of its own, so that a machine without processes can't cut the shell short once
/// the program runs; a disk that is full when the program ends is waited for.
enum StepSupervisor {
    /// What a run has left in its folder.
    enum Status: Sendable, Hashable {
        /// Nobody has begun, and nobody will: it is safe to start.
        case neverStarted
        case running
        case exited(Int)
        /// It began and is gone without an exit status: the machine stopped, or somebody killed the supervisor.
        case lost
    }

    /// `$1` is the folder of the run, what follows is the program. Descriptor 3 holds the lock; the program does not get it.
    private static let script = """
        d=$1; shift; child=
        trap : HUP INT TERM
        trap '[ -n "$child" ] || : >"$d/unforked"' EXIT
        cd "$d/work" || exit 125
        printf '%s\\n' $$ >"$d/started" || exit 125
        setsid "$@" 3>&- &
        child=$!
        printf '%s\\n' "$child" >"$d/child"
        while :; do
            wait "$child"; code=$?
            kill -0 "$child" 2>/dev/null || break
        done
        until printf '%s\\n' "$code" >"$d/exit"; do sleep 1; done
        """

    /// Starts a program under supervision. Throws ``StepProgramError`` where that can't be done; then nothing runs.
    static func start(_ program: StepProgram, in folders: StepFolders) throws(StepProgramError) -> pid_t {
        let lock = open("\(folders.run)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw failure("open \(folders.run)/lock") }
        defer { close(lock) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw StepProgramError("another host is running this step already (\(folders.run))")
        }
        // What an attempt has left that could not have a process; in this order, so that no moment between looks like a run.
        if access("\(folders.run)/unforked", F_OK) == 0 {
            unlink("\(folders.run)/started")
            unlink("\(folders.run)/unforked")
        }
        return try Spawn.process(
            ["/bin/sh", "-c", script, "sluice-step", folders.run] + program.command, environment: program.environment,
            stdout: folders.stdout, stderr: folders.stderr, descriptor: lock)
    }

    private static func failure(_ what: String) -> StepProgramError {
        StepProgramError("can't \(what): \(String(cString: strerror(errno)))", errno: errno)
    }

    /// What stands in the folder of a run.
    static func status(_ run: String) -> Status {
        if let code = exitCode(run) { return .exited(code) }
        let lock = open("\(run)/lock", O_RDWR | O_CLOEXEC)
        guard lock >= 0 else { return started(run) ? .lost : .neverStarted }
        defer { close(lock) }
        if flock(lock, LOCK_EX | LOCK_NB) != 0 { return .running }
        // Nobody holds the lock, so nobody will write any more: what is there now is final.
        if let code = exitCode(run) { return .exited(code) }
        return started(run) ? .lost : .neverStarted
    }

    /// Blocks until the supervisor has ended, then tells how.
    static func wait(_ run: String) -> Status {
        let lock = open("\(run)/lock", O_RDWR | O_CLOEXEC)
        if lock >= 0 {
            while flock(lock, LOCK_EX) != 0, errno == EINTR {}
            close(lock)
        }
        return status(run)
    }

    /// Whether the program may have begun. The shell says so before, and takes it back where it could not have a process for it.
    private static func started(_ run: String) -> Bool {
        access("\(run)/started", F_OK) == 0 && access("\(run)/unforked", F_OK) != 0
    }

    /// A number without its line end is not written to its end yet.
    private static func exitCode(_ run: String) -> Int? {
        guard let text = TextFile.read("\(run)/exit"), text.hasSuffix("\n") else { return nil }
        return Int(text.dropLast())
    }

    /// Sends a signal to the program and all that came of it, but not to the supervisor, who is to write the exit status.
    static func signal(_ signal: Int32, run: String, step: String) {
        let child = number("\(run)/child")
        if let child, ProcessTable.session(of: child) == child { kill(-child, signal) }
        if signal == SIGKILL { sweep(run: run, step: step) }
    }

    /// Kills every process that is left of a step: those of its session, and those that carry its id in their environment.
    static func sweep(run: String, step: String) {
        let supervisor = number("\(run)/started")
        let child = number("\(run)/child")
        // What forks while we look is found by the next look.
        for _ in 0..<20 {
            let left = ProcessTable.processes { pid in
                pid != supervisor
                    && (child.map { ProcessTable.session(of: pid) == $0 } ?? false
                        || ProcessTable.environment(of: pid, contains: "EMR_STEP_ID=\(step)"))
            }
            if left.isEmpty { return }
            for pid in left { kill(pid, SIGKILL) }
            usleep(2000)
        }
    }

    private static func number(_ path: String) -> pid_t? {
        TextFile.read(path).flatMap { pid_t($0.split(separator: "\n").first ?? "") }
    }
}

/// What `/proc` knows.
enum ProcessTable {
    /// The processes, other than this one and zombies, for which `isWanted` holds.
    static func processes(_ isWanted: (pid_t) -> Bool) -> [pid_t] {
        TextFile.names(in: "/proc").compactMap { pid_t($0) }.filter { $0 != getpid() && isWanted($0) }
    }

    /// The session of a process; nil where it is gone or a zombie.
    static func session(of pid: pid_t) -> pid_t? {
        // `pid (name) state parent group session …`; the name may hold spaces and brackets.
        guard let stat = TextFile.read("/proc/\(pid)/stat"), let bracket = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: bracket)...].split(separator: " ")
        guard fields.count > 3, fields[0] != "Z" else { return nil }
        return pid_t(fields[3])
    }

    /// Whether a process was started with this entry in its environment.
    static func environment(of pid: pid_t, contains entry: String) -> Bool {
        guard let environment = TextFile.read("/proc/\(pid)/environ") else { return false }
        return environment.split(separator: "\0").contains { $0 == entry }
    }
}
