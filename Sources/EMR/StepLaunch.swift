import Events
import Glibc

/// Prepares the folders of a step and starts its program.
struct StepLaunch: Sendable {
    var settings: EMRSettings
    var master: String

    /// What is ready to begin: no failure but the machine's own can keep it from that.
    struct Prepared: Sendable {
        var program: StepProgram
        /// Reserved, so that nobody else can begin.
        var record: RunRecord
    }

    /// Makes the folders of a step, finds its program and reserves its run. Throws with the reason where it can't be started.
    func prepare(_ step: Step, in folders: StepFolders) throws -> Prepared {
        for folder in [folders.logs, folders.work, folders.temporary, folders.scratch, folders.configuration] {
            guard TextFile.makeFolder(folder) else {
                throw StepProgramError(
                    "can't make the folder \(folder): \(String(cString: strerror(errno)))", errno: errno)
            }
        }
        log("INFO \(step.id) '\(step.name)' on \(step.clusterID): \(step.hadoopJarStep.jar)", folders)

        let maker = StepProgramMaker(
            lake: settings.lake, master: master, environment: settings.environment, processors: settings.processors)
        let program = try maker.program(for: step, folders: folders, engine: settings.engine)
        if let engine = try? settings.engine() { try writeDefaults(maker, engine, folders) }
        if let script = program.script { try fetch(script, into: folders) }

        let record = try RunRecord.reserve(run: folders.run)
        // A class path of 250 jars hides what matters.
        let shown = program.command.map { $0.utf8.count > 2000 ? "\($0.prefix(200))…" : $0 }
        log("INFO startExec \(shown.map { "'\($0)'" }.joined(separator: " "))", folders)
        log("INFO Environment: \(program.environment.keys.sorted().joined(separator: " "))", folders)
        return Prepared(program: program, record: record)
    }

    /// Starts what is prepared; returns its supervisor's process, a child of this one, and its record to wait for. Throws
    /// ``StepProgramError``, and then nothing runs.
    func begin(
        _ prepared: Prepared, in folders: StepFolders
    ) throws(StepProgramError) -> (supervisor: pid_t, record: RunRecord) {
        // Before the start: the program may remove the file as soon as it runs.
        let record = try prepared.record.again()
        let pid = try StepSupervisor.start(prepared.program, in: folders, record: prepared.record)
        log("INFO Started under supervisor \(pid)", folders)
        return (pid, record)
    }

    private func log(_ line: String, _ folders: StepFolders) {
        TextFile.append("\(Timestamp.now.iso8601) \(line)", to: folders.controller)
    }

    /// The same settings as a file, for a `spark-submit` that a shell script calls.
    private func writeDefaults(
        _ maker: StepProgramMaker, _ engine: SparkInstallation, _ folders: StepFolders
    ) throws {
        let lines = maker.settings(folders: folders, engine: engine) + [("spark.master", master)]
        let path = "\(folders.configuration)/spark-defaults.conf"
        let text = lines.map { "\($0.0) \($0.1)\n" }.joined()
        guard TextFile.write(Array(text.utf8), to: path) else {
            throw StepProgramError("can't write \(path): \(String(cString: strerror(errno)))", errno: errno)
        }
    }

    private func fetch(_ script: StepProgram.Script, into folders: StepFolders) throws {
        let source = "\(settings.lake)/\(script.bucket)/\(script.key)"
        guard let text = TextFile.bytes(source) else {
            throw StepProgramError("s3://\(script.bucket)/\(script.key): no such object (\(source))")
        }
        let target = "\(folders.work)/\(script.name)"
        // A script without a first line that names its interpreter would not start by itself.
        let bytes = text.starts(with: [0x23, 0x21]) ? text : Array("#!/bin/bash\n".utf8) + text
        guard TextFile.write(bytes, to: target), chmod(target, 0o755) == 0 else {
            throw StepProgramError("can't write \(target): \(String(cString: strerror(errno)))", errno: errno)
        }
    }
}
