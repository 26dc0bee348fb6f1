import Storage

/// What to run for a step: a program, its arguments and its environment.
struct StepProgram: Sendable, Hashable {
    /// The program's path and its arguments.
    var command: [String]
    var environment: [String: String]
    /// The object whose bytes are to be put into the working folder as a script before the start, with its local name.
    var script: Script?

    struct Script: Sendable, Hashable {
        var bucket: String
        var key: String
        var name: String
    }
}

/// A step that can't be run here, and why.
struct StepProgramError: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String
    /// `errno` where the machine is the cause and may be better later; nil where trying again would be of no use.
    let outside: Int32?

    init(_ description: String, errno code: Int32? = nil) {
        self.description = description
        outside = code.flatMap { MachineFault.isOutside($0) ? $0 : nil }
    }
}

/// The folders of one run of a step.
struct StepFolders: Sendable, Hashable {
    /// `controller`, `stdout`, `stderr`; kept.
    var logs: String
    /// The supervisor's records and everything temporary; removed once the outcome is committed.
    var run: String

    var work: String { "\(run)/work" }
    var temporary: String { "\(run)/tmp" }
    /// What committers stage, outside the buckets.
    var scratch: String { "\(run)/scratch" }
    var configuration: String { "\(run)/conf" }
    var progress: String { "\(run)/progress" }
    var stdout: String { "\(logs)/stdout" }
    var stderr: String { "\(logs)/stderr" }
    var controller: String { "\(logs)/controller" }
}

/// Turns a step's `HadoopJarStep` into a program, the way EMR's `command-runner.jar` and `script-runner.jar` do.
///
/// <https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-commandrunner.html>
struct StepProgramMaker: Sendable {
    /// The folder of the buckets.
    var lake: String
    var master: String
    /// Variables that every step gets, for example the endpoint of the S3 API.
    var environment: [String: String]
    /// Processors of this machine.
    var processors: Int

    /// Programs that EMR's nodes have and this engine has not.
    private static let absent: Set<String> = [
        "hadoop-streaming", "hadoop", "hdfs", "yarn", "hive-script", "hive", "pig-script", "pig", "s3-dist-cp",
        "state-pusher-script", "mapred", "presto-cli", "trino-cli", "flink", "flink-yarn-session",
    ]

    /// The program of a step. `engine` is asked only where Spark is needed.
    func program(
        for step: Step, folders: StepFolders, engine: () throws -> SparkInstallation
    ) throws -> StepProgram {
        let jar = step.hadoopJarStep.jar
        let args = step.hadoopJarStep.args
        let name = jar.split(separator: "/").last.map(String.init) ?? jar
        guard let first = args.first else { throw StepProgramError("The step has no arguments: nothing to run.") }
        switch name {
        case "command-runner.jar":
            if Self.absent.contains(first) {
                throw StepProgramError(
                    "'\(first)' is not part of this engine; steps run Apache Spark: start Args with \"spark-submit\".")
            }
            if first == "spark-submit" || first.hasSuffix("/spark-submit") {
                return try spark(Array(args.dropFirst()), step: step, folders: folders, engine: try engine())
            }
            let installation = try? engine()
            return StepProgram(
                command: ["/usr/bin/env", "--"] + args,
                environment: variables(for: step, folders: folders, engine: installation))
        case "script-runner.jar":
            let installation = try? engine()
            let variables = variables(for: step, folders: folders, engine: installation)
            guard first.hasPrefix("s3://") || first.hasPrefix("s3a://") || first.hasPrefix("s3n://") else {
                return StepProgram(command: ["/usr/bin/env", "--"] + args, environment: variables)
            }
            let parts = first.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).map(String.init)
            guard parts.count == 3, !parts[1].isEmpty, !parts[2].split(separator: "/").contains("..") else {
                throw StepProgramError("'\(first)' names no object; expected s3://BUCKET/KEY.")
            }
            let script = StepProgram.Script(
                bucket: parts[1], key: parts[2], name: parts[2].split(separator: "/").last.map(String.init) ?? "script")
            return StepProgram(
                command: ["\(folders.work)/\(script.name)"] + args.dropFirst(), environment: variables, script: script)
        default:
            throw StepProgramError(
                "The jar '\(jar)' can't be run here. Use command-runner.jar with \"spark-submit\" (and --class for a jar "
                    + "of your own), or script-runner.jar.")
        }
    }

    // MARK: - Spark

    /// Settings that every Spark program here starts from; what the step says itself comes later, and wins.
    func settings(folders: StepFolders, engine: SparkInstallation) -> [(String, String)] {
        var settings = ["s3", "s3a", "s3n"].map { ("spark.hadoop.fs.\($0).impl", "sluice.LakeFileSystem") }
        settings += [
            ("spark.hadoop.fs.sluice.lake", lake), ("spark.hadoop.fs.sluice.scratch", folders.scratch),
            ("spark.driver.extraClassPath", engine.ownJar), ("spark.executor.extraClassPath", engine.ownJar),
            ("spark.sluice.progress", folders.progress), ("spark.extraListeners", "sluice.StepProgressListener"),
            ("spark.ui.enabled", "false"), ("spark.local.dir", folders.temporary),
            ("spark.sql.warehouse.dir", "file://\(folders.work)/spark-warehouse"),
            // A script that insists on YARN should hear at once that there is none, instead of trying for minutes.
            ("spark.hadoop.yarn.resourcemanager.connect.max-wait.ms", "1000"),
            ("spark.hadoop.yarn.resourcemanager.connect.retry-interval.ms", "500"),
            ("spark.hadoop.yarn.client.failover-max-attempts", "1"),
            ("spark.hadoop.ipc.client.connect.max.retries", "0"),
        ]
        return settings
    }

    private func spark(
        _ arguments: [String], step: Step, folders: StepFolders, engine: SparkInstallation
    ) throws -> StepProgram {
        let submit = try SparkSubmitArguments(parsing: arguments)
        var classPath = engine.classPath
        let extra = submit.last("--driver-class-path", setting: "spark.driver.extraClassPath")
        if let extra { classPath += ":\(extra)" }
        let userOptions =
            submit.last("--driver-java-options", setting: "spark.driver.extraJavaOptions")
            .map(ShellWords.split) ?? []
        let defaultOptions = ShellWords.split(submit.setting("spark.driver.defaultJavaOptions") ?? "")
        let memory = submit.last("--driver-memory", setting: "spark.driver.memory") ?? "1g"

        var command = [engine.java] + engine.javaOptions + ["-Xmx\(memory)", "-Djava.io.tmpdir=\(folders.temporary)"]
        if !(userOptions + defaultOptions).contains(where: { $0.hasPrefix("-XX:+Use") && $0.hasSuffix("GC") }) {
            // One processor or two gain nothing from a parallel collector, and start sooner without one.
            command.append(processors <= 2 ? "-XX:+UseSerialGC" : "-XX:+UseParallelGC")
        }
        if let library = submit.last("--driver-library-path", setting: "spark.driver.extraLibraryPath") {
            command.append("-Djava.library.path=\(library)")
        }
        command += defaultOptions + userOptions
        command += ["-cp", classPath, "org.apache.spark.deploy.SparkSubmit"]

        for (name, value) in settings(folders: folders, engine: engine) { command += ["--conf", "\(name)=\(value)"] }
        command += submit.options
        if let listeners = submit.setting("spark.extraListeners") {
            command += ["--conf", "spark.extraListeners=\(listeners),sluice.StepProgressListener"]
        }
        if let extra { command += ["--conf", "spark.driver.extraClassPath=\(engine.ownJar):\(extra)"] }
        if let executors = submit.setting("spark.executor.extraClassPath") {
            command += ["--conf", "spark.executor.extraClassPath=\(engine.ownJar):\(executors)"]
        }
        // The last one wins, so `--master yarn --deploy-mode cluster` can stand as people write it.
        let asked = submit.last("--master", setting: "spark.master")
        let own = asked.map { $0.hasPrefix("local") || $0.contains("://") } ?? false
        command += ["--master", own ? asked ?? master : master, "--deploy-mode", "client"]
        command.append(submit.resource)
        command += submit.applicationArguments

        var variables = variables(for: step, folders: folders, engine: engine)
        let prefix = "spark.yarn.appMasterEnv."
        for (name, value) in submit.settings where name.hasPrefix(prefix) {
            variables[String(name.dropFirst(prefix.count))] = value
        }
        return StepProgram(command: command, environment: variables)
    }

    // MARK: - Environment

    /// A clean environment: nothing of the host's own.
    private func variables(for step: Step, folders: StepFolders, engine: SparkInstallation?) -> [String: String] {
        var variables = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folders.work,
            "PWD": folders.work, "TMPDIR": folders.temporary, "LANG": "C.UTF-8", "USER": "hadoop",
            "HADOOP_USER_NAME": "hadoop", "PYTHONUNBUFFERED": "1", "EMR_CLUSTER_ID": step.clusterID,
            "EMR_STEP_ID": step.id,
        ]
        if let engine {
            let bin = engine.python.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            variables["PATH"] = "\(bin.joined(separator: "/")):\(variables["PATH"] ?? "")"
            variables["SPARK_HOME"] = engine.sparkHome
            // For a `spark-submit` inside a shell script.
            variables["SPARK_CONF_DIR"] = folders.configuration
            variables["JAVA_HOME"] = engine.java.hasSuffix("/bin/java") ? String(engine.java.dropLast(9)) : nil
            variables["PYSPARK_PYTHON"] = engine.python
            variables["PYTHONPATH"] = "\(engine.sparkHome)/python"
            variables["SPARK_LOCAL_IP"] = master.hasPrefix("local") ? "127.0.0.1" : nil
        }
        return variables.merging(environment) { $1 }
    }
}
