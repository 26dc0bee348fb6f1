import ArgumentParser
import EMR
import Events
import Glibc
import S3
import Storage

/// `sluice restore`: puts a backup in the database's place.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the database's place; the old one is kept beside it.",
        discussion: """
            The host must be stopped. The backup is checked before anything is touched. At its next start the host compares the \
            buckets with the restored database: an object that is there as the backup knows it is left alone; one that came or changed \
            since the backup was made is delivered again, and one that is gone is recorded as removed. Events that waited when the \
            backup was made are run. A step that the backup does not know, because it was started later, can be started once \
            more by its file's delivery: see "Backup and restore" in the documentation.

              sluice restore /backup/sluice-2026-11-24.db
            """)

    @Argument(help: "A file that 'sluice backup' wrote.")
    var file: String
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        let source = Project.absolute(file)
        guard access(source, R_OK) == 0 else {
            throw CommandError("\(file): \(String(cString: strerror(errno)))", status: ExitStatus.notFound)
        }
        guard source != project.database else {
            throw CommandError("\(file): is the database itself", status: ExitStatus.unusable)
        }
        if mkdir(project.state, 0o755) != 0, errno != EEXIST { throw MachineFault(errno: errno, path: project.state) }
        // Held to the end: no host may start in between.
        let lock = try HostLock(project: project, now: .now)
        defer { lock.release() }
        let running = Clusters.runningSteps(stateFolder: project.state)
        guard running.isEmpty else {
            throw CommandError(
                "\(running.joined(separator: ", ")) still run\(running.count == 1 ? "s" : ""), left by the last host: restored now, the "
                    + "database could start the same work beside it. Let it end, or start the host and cancel it ('sluice up', "
                    + "then stop it with --steps-at-stop cancel)", status: ExitStatus.unusable)
        }
        let progress = CopyProgressLine("restored")
        let kept: String?
        do {
            kept = try Store.restore(
                source, to: project.database, schemas: Records.schemas, mark: { try S3Store.markRestored(in: $0) },
                progress: { progress.show($0) })
        } catch {
            progress.clear()
            throw error
        }
        progress.clear()
        if output.json {
            let json: JSON = .compact([
                "database": .string(project.database), "from": .string(source), "kept": kept.map(JSON.string),
            ])
            Terminal.output.line(json.description)
        } else {
            if let kept {
                Terminal.output.line("kept the old database as \(kept); remove it when it is not needed any more")
            }
            Terminal.output.line("\(project.database): restored from \(file)")
        }
    }
}
