import Glibc

/// What a run's supervisor has written down so far.
///
/// It is one file, so that nobody can take away a part of it, and a line is one fact: `started PID START BOOT` before the program
/// may begin, `child PID START BOOT` once it has a process, `unforked` where it could not have one, `exit STATUS` at its end.
struct RunJournal: Sendable, Hashable {
    /// Whether the program may have begun.
    var hasStarted = false
    /// Whether there was no process to be had for the program.
    var isUnforked = false
    /// The program's process, which leads a session of its own.
    var program: ProcessIdentity?
    /// The program's exit status; 128 and the signal's number where a signal ended it.
    var exitStatus: Int?

    /// Reads the file's text. A line without its end is not written to its end, and counts for nothing.
    init(_ text: String) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            // A disk that was full may have cut the first try short, right before the next one.
            if let word = line.ranges(of: "exit ").last { exitStatus = Int(line[word.upperBound...]) ?? exitStatus }
            if line.hasPrefix("started ") { hasStarted = true }
            if line.hasPrefix("child ") { program = ProcessIdentity(line.dropFirst("child ".count)) }
            if line == "unforked" { (isUnforked, hasStarted) = (true, false) }
        }
    }
}

/// The file with a run's journal. Its supervisor holds a lock on it for as long as it lives, so whoever has it open learns how
/// the run ended, even where the file's name is gone.
final class RunRecord: Sendable {
    let descriptor: Int32

    /// The file of a run, or nil where it can't be opened.
    convenience init?(run: String) { self.init(path: "\(run)/lock") }

    /// The file that a living supervisor holds, or nil where it is gone.
    convenience init?(supervisor: pid_t) { self.init(path: "/proc/\(supervisor)/fd/3") }

    private init?(path: String) {
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Makes the file for a run that is to begin, empty, and holds its lock. Throws ``StepProgramError``.
    static func reserve(run: String) throws(StepProgramError) -> RunRecord {
        let descriptor = open("\(run)/lock", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("open \(run)/lock") }
        let record = RunRecord(descriptor: descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StepProgramError("another host is running this step already (\(run))")
        }
        // What an attempt has left that could not have a process.
        guard ftruncate(descriptor, 0) == 0 else { throw failure("empty \(run)/lock") }
        return record
    }

    private static func failure(_ what: String) -> StepProgramError {
        StepProgramError("can't \(what): \(String(cString: strerror(errno)))", errno: errno)
    }

    /// The same file, opened once more: with a lock of its own.
    func again() throws(StepProgramError) -> RunRecord {
        guard let record = RunRecord(path: "/proc/self/fd/\(descriptor)") else {
            throw Self.failure("open the record of a run")
        }
        return record
    }

    /// What stands in the file now.
    var journal: RunJournal {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return RunJournal(String(decoding: bytes[..<max(0, count)], as: UTF8.self))
    }

    /// Whether its supervisor lives.
    var isHeld: Bool {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return true }
        flock(descriptor, LOCK_UN)
        return false
    }

    /// Whether somebody has removed the file's name.
    var isRemoved: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink == 0
    }

    /// Blocks until its supervisor has ended.
    func wait() {
        while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
        flock(descriptor, LOCK_UN)
    }
}
