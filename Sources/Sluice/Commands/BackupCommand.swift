import ArgumentParser
import Events
import Glibc
import Storage

/// `sluice backup`: a consistent copy of the database, also while the host runs.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the database into one file, consistent, while the host runs or not.",
        discussion: """
            The copy holds everything but the objects themselves and the steps' own logs, which are files: invocations that
            wait, executions, steps, logs, metrics, alarms.

              sluice backup /backup/sluice-$(date +%F).db
            """)

    @Argument(help: "The file to write. It must not exist.")
    var file: String
    @OptionGroup var project: Project.Options

    func run() async throws {
        let project = try project.find()
        let target = Project.absolute(file)
        guard access(target, F_OK) != 0 else {
            throw CommandError("\(file): exists already; name another file", status: ExitStatus.unusable)
        }
        let store = try Records.open(project)
        defer { store.close() }
        // Under a temporary name first: a backup that was interrupted must not look like one.
        let unfinished = target + ".unfinished"
        unlink(unfinished)
        try store.backup(to: unfinished)
        guard rename(unfinished, target) == 0 else {
            throw CommandError("\(file): \(String(cString: strerror(errno)))", status: ExitStatus.unusable)
        }
        var status = stat()
        stat(target, &status)
        Terminal.output.line("\(file): \(status.st_size / 1024) KiB")
    }
}
