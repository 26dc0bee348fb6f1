import Events
import Testing

@testable import EMR

@Suite struct SparkSubmitTests {
    private let engine = SparkInstallation(
        java: "/jdk/bin/java", python: "/venv/bin/python3", sparkHome: "/spark", sparkVersion: "3.5.9",
        classPath: "/e/sluice.jar:/spark/jars/a.jar", javaOptions: ["-XX:+IgnoreUnrecognizedVMOptions"])
    private let folders = StepFolders(logs: "/state/logs/j/steps/s", run: "/state/steps/s")

    private func program(_ args: [String], master: String = "local[*]", processors: Int = 2) throws -> StepProgram {
        let step = Step(
            id: "s-1", clusterID: "j-1", name: "x", actionOnFailure: .continue,
            hadoopJarStep: HadoopJarStep(jar: "command-runner.jar", args: ["spark-submit"] + args), state: .running,
            created: Timestamp(milliseconds: 0), logFolder: "/logs")
        let maker = StepProgramMaker(lake: "/lake", master: master, environment: ["A": "1"], processors: processors)
        return try maker.program(for: step, folders: folders) { engine }
    }

    private func tail(_ command: [String]) -> ArraySlice<String> {
        command[(command.lastIndex(of: "--master") ?? command.startIndex)...]
    }

    @Test("--master yarn --deploy-mode cluster runs here as it was written for EMR")
    func yarn() throws {
        let args = [
            "--master", "yarn", "--deploy-mode", "cluster", "--executor-memory", "2g", "s3://b/x.py", "--out", "y",
        ]
        let command = try program(args).command
        #expect(tail(command) == ["--master", "local[*]", "--deploy-mode", "client", "s3://b/x.py", "--out", "y"])
        #expect(command.contains("--executor-memory"))
    }

    @Test("a master of the step's own is kept, the cluster's is used otherwise")
    func masters() throws {
        #expect(tail(try program(["--master=local[1]", "x.py"]).command).contains("local[1]"))
        #expect(tail(try program(["x.py"], master: "spark://h:7077").command).contains("spark://h:7077"))
        #expect(tail(try program(["--conf", "spark.master=yarn", "x.py"]).command).contains("local[*]"))
    }

    @Test("what only the launcher of spark-submit would honour is honoured")
    func driverOptions() throws {
        let command = try program([
            "--driver-memory", "3g", "--driver-java-options", "-Dx='a b' -XX:+UseG1GC", "--driver-class-path",
            "/my.jar",
            "--conf", "spark.yarn.appMasterEnv.TOKEN=t", "x.py",
        ])
        #expect(command.command.contains("-Xmx3g") && command.command.contains("-Dx=a b"))
        #expect(!command.command.contains("-XX:+UseSerialGC"), "two collectors would not start")
        #expect(command.command.contains("/e/sluice.jar:/spark/jars/a.jar:/my.jar"))
        #expect(command.environment["TOKEN"] == "t" && command.environment["A"] == "1")
        #expect(try program(["--conf", "spark.driver.memory=2g", "x.py"]).command.contains("-Xmx2g"))
    }

    @Test("a listener of the step's own does not lose us the progress")
    func listeners() throws {
        let command = try program(["--conf", "spark.extraListeners=my.L", "x.py"]).command
        #expect(
            command.last { $0.hasPrefix("spark.extraListeners=") }
                == "spark.extraListeners=my.L,sluice.StepProgressListener")
    }

    @Test("the application's own options are left alone, even those that look like Spark's")
    func applicationArguments() throws {
        let submit = try SparkSubmitArguments(parsing: ["--name", "n", "x.py", "--master", "m", "--nonsense"])
        #expect(submit.applicationArguments == ["--master", "m", "--nonsense"])
    }

    @Test(
        "a command line that Spark would not take is refused with the option's name",
        arguments: [["--nonsense", "x.py"], ["--conf", "novalue", "x.py"], ["--name"], ["--verbose"], []])
    func refused(args: [String]) {
        #expect(throws: StepProgramError.self) { try SparkSubmitArguments(parsing: args) }
    }

    @Test("programs of EMR that are not here, and jars, are refused with what to use instead")
    func notHere() throws {
        let maker = StepProgramMaker(lake: "/lake", master: "local[*]", environment: [:], processors: 2)
        for (jar, args) in [
            ("command-runner.jar", ["hadoop-streaming"]), ("s3://b/my.jar", ["x"]), ("command-runner.jar", []),
        ] {
            let step = Step(
                id: "s", clusterID: "j", name: "x", actionOnFailure: .continue,
                hadoopJarStep: HadoopJarStep(jar: jar, args: args), state: .running,
                created: Timestamp(milliseconds: 0), logFolder: "/l")
            #expect(throws: StepProgramError.self) { try maker.program(for: step, folders: folders) { engine } }
        }
    }

    @Test("of a failure the line that a person looks for is found")
    func messages() {
        let py4j = """
            Traceback (most recent call last):
              File "/x.py", line 9, in <module>
            py4j.protocol.Py4JJavaError: An error occurred while calling o1.parquet.
            : org.apache.spark.SparkException: Job aborted.
            \tat org.apache
            """
        func find(_ out: String, _ err: String, _ code: Int = 1) -> String {
            FailureMessage.find(stdout: out, stderr: err, exitCode: code).message
        }
        #expect(
            find(py4j, "x")
                == "py4j.protocol.Py4JJavaError: An error occurred while calling o1.parquet.: "
                + "org.apache.spark.SparkException: Job aborted.")
        #expect(
            find("", "Exception in thread \"main\" java.io.FileNotFoundException: NoSuchBucket: s3://x\n\tat y")
                == "java.io.FileNotFoundException: NoSuchBucket: s3://x")
        #expect(find("", "26/11/24 INFO ShutdownHookManager: bye", 143) == "The program was ended by signal 15")
        #expect(find("", "", 52) == "Java ran out of memory (exit status 52)")
        #expect(find("", "cat: x: No such file\n") == "cat: x: No such file (exit status 1)")
    }

    @Test("words are split as a shell splits them")
    func words() {
        #expect(ShellWords.split(#"-a  "b c" 'd "e' f\ g """#) == ["-a", "b c", "d \"e", "f g", ""])
    }
}
