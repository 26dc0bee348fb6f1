import ArgumentParser
import Events
import Glibc
import Storage

/// `sluice restore`: puts a backup in the database's place.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the database's place; the old one is kept beside it.",
        discussion: """
            The host must be stopped. At its next start it compares the buckets with the restored database and takes every
            object that it does not know for a new upload.

              sluice restore /backup/sluice-2026-11-24.db
            """)

    @Argument(help: "A file that 'sluice backup' wrote.")
    var file: String
    @OptionGroup var project: Project.Options

    func run() async throws {
        let project = try project.find()
        let source = Project.absolute(file)
        guard access(source, R_OK) == 0 else {
            throw CommandError("\(file): \(String(cString: strerror(errno)))", status: ExitStatus.notFound)
        }
        mkdir(project.state, 0o755)
        // Held to the end: no host may start in between.
        let lock = try HostLock(project: project, now: .now)
        defer { lock.release() }
        let backup = try Store(path: source, schemas: Records.schemas, mode: .readOnly)
        let findings = try backup.integrityCheck()
        guard findings == ["ok"] else {
            throw CommandError(
                "\(file): damaged: \(findings.prefix(3).joined(separator: "; "))", status: ExitStatus.unusable)
        }
        let unfinished = project.database + ".restoring"
        unlink(unfinished)
        try backup.backup(to: unfinished)
        backup.close()
        if access(project.database, F_OK) == 0 {
            let kept = project.database + ".before-restore"
            for suffix in ["", "-wal", "-shm"] {
                unlink(kept + suffix)
                rename(project.database + suffix, kept + suffix)
            }
            Terminal.output.line("kept the old database as \(kept)")
        }
        guard rename(unfinished, project.database) == 0 else {
            throw CommandError("\(project.database): \(String(cString: strerror(errno)))", status: ExitStatus.unusable)
        }
        Terminal.output.line("\(project.database): restored from \(file)")
    }
}
