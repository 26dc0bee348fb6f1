import ArgumentParser
import Events
import Glibc
import Storage
import Synchronization

/// `sluice backup`: a consistent copy of the database, also while the host runs.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the database into one file, consistent, while the host runs or not.",
        discussion: """
            The copy holds what the database held at one moment: objects that are known, invocations that wait, executions, steps, \
            logs, metrics, alarms. The objects themselves, the steps' own logs and the functions/ folder are plain files: copy them \
            with what you copy files with.

              sluice backup /backup/sluice-$(date +%F).db
              sluice backup --force /backup/latest.db      replace the file that is there, once the new one is whole

            The copy is checked and on the disk before it gets its name. Ctrl-C leaves nothing behind.
            """)

    @Argument(help: "The file to write.")
    var file: String
    @Flag(help: "Replace the file if it exists.")
    var force = false
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        let target = Project.absolute(file)
        var status = stat()
        guard !Self.isOwn(target, project) else {
            throw CommandError("\(file): is one of the host's own files", status: ExitStatus.unusable)
        }
        if stat(target, &status) == 0 {
            guard force, status.st_mode & S_IFMT == S_IFREG else {
                throw CommandError(
                    "\(file): exists already; name another file\(force ? "" : ", or replace it with --force")",
                    status: ExitStatus.unusable)
            }
        }
        let store = try Records.open(project)
        defer { store.close() }
        let interrupted = Interruption()
        let progress = CopyProgressLine("copied")
        do {
            try store.backup(to: target) {
                if interrupted.isSet { throw Interruption.Stop() }
                progress.show($0)
            }
        } catch is Interruption.Stop {
            progress.clear()
            throw ExitCode(130)
        } catch {
            progress.clear()
            throw error
        }
        progress.clear()
        stat(target, &status)
        let size = Int64(status.st_size)
        if output.json {
            Terminal.output.line((["file": .string(target), "bytes": JSON(size)] as JSON).description)
        } else {
            Terminal.output.line("\(file): \(Feed.bytes(size)), checked")
        }
    }
}

extension BackupCommand {
    /// Whether a path is the database, its log, or another file that a host keeps beside it.
    fileprivate static func isOwn(_ target: String, _ project: Project) -> Bool {
        func resolved(_ path: String) -> String? {
            guard let found = realpath(path, nil) else { return nil }
            defer { free(found) }
            return String(cString: found)
        }
        let parts = target.split(separator: "/")
        guard let name = parts.last, let state = resolved(project.state) else { return false }
        if let target = resolved(target), target == resolved(project.database) { return true }
        guard resolved("/" + parts.dropLast().joined(separator: "/")) == state else { return false }
        let database = project.database.split(separator: "/").last ?? ""
        return name == database || name.hasPrefix(database + "-") || name.hasPrefix(database + ".run")
            || name == (project.lock.split(separator: "/").last ?? "")
    }
}

/// Ctrl-C and SIGTERM as something to look at between two steps of a long work.
final class Interruption: Sendable {
    struct Stop: Error {}

    private let signals = Mutex<Int32?>(nil)

    init() {
        let stream = HostSignals.stream()
        Task { [weak self] in
            for await signal in stream where signal != SIGUSR1 { self?.signals.withLock { $0 = signal } }
        }
    }

    var isSet: Bool { signals.withLock { $0 != nil } }
}

/// How far a copy is, on a terminal and for long copies only.
final class CopyProgressLine: Sendable {
    private let verb: String
    private let begun = ContinuousClock.now
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(_ verb: String) { self.verb = verb }

    func show(_ progress: Store.CopyProgress) {
        guard Terminal.error.isInteractive, ContinuousClock.now - begun > .seconds(1) else { return }
        let isDue = last.withLock { last in
            let now = ContinuousClock.now
            if let last, now - last < .milliseconds(200) { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let percent = progress.total > 0 ? progress.done * 100 / progress.total : 0
        Terminal.error.write(
            "\r\u{1B}[K\(verb) \(Feed.bytes(progress.done)) of \(Feed.bytes(progress.total)), \(percent) %")
    }

    func clear() { if last.withLock({ $0 != nil }) { Terminal.error.write("\r\u{1B}[K") } }
}
