import Glibc
import Storage

/// Runs the program of a step so that it outlives the host, and so that the host, even another one, learns how it ended.
///
/// Between the host and the program stands a shell of a few lines in a session of its own. It holds a lock on the run's record for
/// as long as it lives, writes into it before the program begins, and the program's exit status when it ends (``RunJournal``).
/// The status goes into the controller's log too, so that it can be read where the run's folder was removed. Then it ends every
/// descendant of the program that is left, whatever session or environment that has made for itself: each becomes its child
/// when its own parent ends.
///
/// Nothing but the program itself needs a process of its own, so that a machine without processes can't cut the shell short once
/// the program runs; a disk that is full when the program ends is waited for.
enum StepSupervisor {
    /// What a run has left behind.
    enum Status: Sendable, Hashable {
        /// The record says that nobody has begun.
        case neverStarted
        case running
        case exited(Int)
        /// It began and is gone without an exit status: the machine stopped, or somebody killed the supervisor.
        case lost
        /// There is no record. That proves nothing: somebody may have removed it.
        case absent
    }

    /// `$1` is the folder of the run, `$2` the controller's log, what follows is the program. Descriptor 3 is the record with its
    /// lock; the program does not get it.
    private static let script = #"""
        d=$1 c=$2; shift 2; child=
        trap : HUP INT TERM
        trap '[ -n "$child" ] || echo unforked >&3' EXIT
        look() { s=; { read -r s <"/proc/$1/stat"; } 2>/dev/null; s=${s##*) }; set -- $s; start=${20}; }
        note() { look "$2"; printf '%s %s %s %s\n' "$1" "$2" "$start" "$boot" >&3; }
        { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
        cd "$d/work" || exit 125
        note started $$ || exit 125
        setsid "$@" 3>&- &
        child=$!
        note child "$child"; began=$start
        while :; do
            wait "$child"; code=$?
            look "$child"
            [ -n "$start" ] && [ "$start" = "$began" ] || break
        done
        # Where a signal came together with the end, this one has the true status.
        wait "$child" 2>/dev/null; again=$?
        [ $again = 127 ] || code=$again
        until printf 'exit %s\n' "$code" >&3; do sleep 1 3>&-; done
        { printf 'INFO waitProcessCompletion ended with exit code %s\n' "$code" >>"$c"; } 2>/dev/null
        n=0 left= last=
        while
            { read -r left <"/proc/$$/task/$$/children"; } 2>/dev/null
            [ "$left" != "$last" ] && [ $n -lt 200 ]
        do
            last=$left n=$((n + 1))
            for pid in $left; do
                look "$pid"
                case $s in '' | [ZX]*) ;; *) kill -9 "$pid" 2>/dev/null && last= ;; esac
            done
            [ -n "$last" ] || sleep 0.05 3>&-
        done
        """#

    /// Starts a program under supervision; `record` is the run's, reserved. Throws ``StepProgramError`` where that can't be done;
    /// then nothing runs.
    static func start(
        _ program: StepProgram, in folders: StepFolders, record: RunRecord
    ) throws(StepProgramError) -> pid_t {
        // A supervisor of an older version kept its records in files of their own.
        for name in ["started", "unforked"] { unlink("\(folders.run)/\(name)") }
        return try Spawn.process(
            ["/bin/sh", "-c", script, name, folders.run, folders.controller] + program.command,
            environment: program.environment, stdout: folders.stdout, stderr: folders.stderr,
            descriptor: record.descriptor, adopts: true)
    }

    /// How a supervisor calls itself among its arguments.
    static let name = "sluice-step"

    /// What stands in the folder of a run.
    static func status(_ run: String) -> Status { status(of: RunRecord(run: run), in: run) }

    /// What a run's record tells, or the files of an older version beside it.
    static func status(of record: RunRecord?, in run: String) -> Status {
        if let code = record?.journal.exitStatus ?? oldExitStatus(run) { return .exited(code) }
        if let record, record.isHeld { return .running }
        // Nobody holds the lock, so nobody will write any more: what is there now is final.
        let journal = record?.journal
        if let code = journal?.exitStatus ?? oldExitStatus(run) { return .exited(code) }
        if journal?.hasStarted ?? false || hasOldStarted(run) { return .lost }
        return record == nil ? .absent : .neverStarted
    }

    /// Blocks until the supervisor has ended, then tells how.
    static func wait(_ record: RunRecord, in run: String) -> Status {
        record.wait()
        return status(of: record, in: run)
    }

    private static func hasOldStarted(_ run: String) -> Bool {
        access("\(run)/started", F_OK) == 0 && access("\(run)/unforked", F_OK) != 0
    }

    /// A number without its line end is not written to its end yet.
    private static func oldExitStatus(_ run: String) -> Int? {
        guard let text = TextFile.read("\(run)/exit"), text.hasSuffix("\n") else { return nil }
        return Int(text.dropLast())
    }
}
