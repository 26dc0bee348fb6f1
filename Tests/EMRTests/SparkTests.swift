import Events
import Foundation
import Glibc
import Storage
import Testing

@testable import EMR

/// Real Apache Spark, from the user's cache folder.
@Suite(.timeLimit(.minutes(5))) struct SparkTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)

    @Test("the engine's folder is the one that the set-up makes from these sources")
    func fingerprint() throws {
        let process = Process()
        process.executableURL = URL(filePath: "\(Self.root)/Sources/Setup/spark.sh")
        process.arguments = ["--name"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let name = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(SparkInstallation.folderName == name.split(separator: "\n").first.map(String.init))
    }

    @Test("the flights job turns a bucket's CSV into partitioned Parquet, and shows its progress")
    func flights() async throws {
        let environment = ProcessInfo.processInfo.environment
        let installation: SparkInstallation
        do {
            installation = try SparkInstallation.find(environment: environment)
        } catch {
            print("skipped, the flights job on real Spark: \(error)")
            return
        }
        let room = try TestRoom(engine: { installation })
        let header =
            "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
            + "origin,dest,air_time,distance,hour,minute,time_hour\n"
        let rows =
            "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z\n"
            + "2013,2,1,NA,529,NA,NA,830,NA,UA,1714,NA,LGA,IAH,NA,1416,5,29,2013-02-01T10:00:00Z\n"
        try #require(TextFile.write(Array((header + rows).utf8), to: "\(room.folder)/lake/raw/flights.csv"))
        let job = try #require(TextFile.bytes("\(Self.root)/functions/flights-etl/flights_etl.py"))
        try #require(TextFile.write(job, to: "\(room.folder)/lake/scripts/flights_etl.py"))
        try await room.start()
        let step = try await room.run(
            StepConfig(
                name: "flights-etl",
                hadoopJarStep: HadoopJarStep(
                    jar: "command-runner.jar",
                    args: [
                        "spark-submit", "--master", "yarn", "--deploy-mode", "cluster", "s3://scripts/flights_etl.py",
                        "--input", "s3://raw/flights.csv", "--output", "s3://curated/flights/",
                    ])))
        #expect(step.state == .completed, "\(step.failure?.message ?? "")")
        #expect(room.log(step, "stdout").contains("2 flights from s3://raw/flights.csv"))
        let year = "\(room.folder)/lake/curated/flights/year=2013"
        #expect(TextFile.names(in: "\(year)/month=1/origin=EWR").count { $0.hasSuffix(".parquet") } == 1)
        #expect(TextFile.names(in: "\(year)/month=2/origin=LGA").count { $0.hasSuffix(".parquet") } == 1)
        #expect(TextFile.names(in: "\(room.folder)/lake/curated/flights") == ["year=2013"], "no _temporary, no .crc")
        let progress = try #require(step.progress)
        #expect(progress.tasks > 0 && progress.tasksDone == progress.tasks)
        #expect(progress.stagesDone == progress.stages && progress.rowsWritten == 2, "\(progress)")

        // This costs another start of Spark, and shows what only Spark can: its own words.
        let failed = try await room.run(
            StepConfig(
                name: "no bucket",
                hadoopJarStep: HadoopJarStep(
                    jar: "command-runner.jar", args: ["spark-submit", "s3://nowhere/job.py"])))
        #expect(failed.state == .failed)
        #expect(failed.failure?.message.contains("NoSuchBucket") == true, "\(failed.failure?.message ?? "")")
    }

    /// Asks Hadoop's file system for what lies beyond a link, in each way that a job can.
    private static let burglar = """
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        jvm, configuration = spark._jvm, spark._jsc.hadoopConfiguration()

        def attempt(name, action):
            try:
                print(name, "got", action())
            except Exception as error:
                text = str(error)
                print(name, "refused" if "AccessDenied" in text or "outside" in text or "FileNotFound" in text
                      or "No such" in text else "failed: " + text)

        def path(uri):
            return jvm.org.apache.hadoop.fs.Path(uri)

        files = path("s3://raw/a").getFileSystem(configuration)
        attempt("open", lambda: files.open(path("s3://raw/link/secret")).read())
        attempt("open file", lambda: files.open(path("s3://raw/file")).read())
        attempt("status", lambda: files.getFileStatus(path("s3://raw/link/secret")).getLen())
        attempt("list", lambda: len(files.listStatus(path("s3://raw/link"))))
        attempt("create", lambda: files.create(path("s3://raw/link/new")).close())
        attempt("create deep", lambda: files.create(path("s3://raw/link/deep/er/new")).close())
        attempt("mkdirs", lambda: files.mkdirs(path("s3://raw/link/folder/deep")))
        attempt("mkdirs there", lambda: files.mkdirs(path("s3://raw/link/there")))
        attempt("rename out", lambda: files.rename(path("s3://raw/mine"), path("s3://raw/link/mine")))
        attempt("rename in", lambda: files.rename(path("s3://raw/link/secret"), path("s3://raw/stolen")))
        attempt("delete", lambda: files.delete(path("s3://raw/link/secret"), True))
        attempt("dots", lambda: files.open(path("s3://raw/../../outside/secret")).read())
        files.create(path("s3://raw/own/folder/new")).close()
        print("own", files.exists(path("s3://raw/own/folder/new")))
        """

    @Test("a job reaches nothing outside the buckets, whatever links lie in them")
    func links() async throws {
        let installation: SparkInstallation
        do {
            installation = try SparkInstallation.find(environment: ProcessInfo.processInfo.environment)
        } catch {
            print("skipped, links and real Spark: \(error)")
            return
        }
        let room = try TestRoom(engine: { installation })
        let outside = "\(room.folder)/outside"
        for folder in [outside, "\(outside)/there"] { try #require(mkdir(folder, 0o755) == 0) }
        for path in ["\(outside)/secret", "\(outside)/there/x", "\(room.folder)/lake/raw/mine"] {
            try #require(TextFile.write(Array("secret".utf8), to: path))
        }
        try #require(symlink(outside, "\(room.folder)/lake/raw/link") == 0)
        try #require(symlink("\(outside)/secret", "\(room.folder)/lake/raw/file") == 0)
        try #require(TextFile.write(Array(Self.burglar.utf8), to: "\(room.folder)/lake/scripts/burglar.py"))
        try await room.start()
        let step = try await room.run(
            StepConfig(
                name: "burglar",
                hadoopJarStep: HadoopJarStep(
                    jar: "command-runner.jar", args: ["spark-submit", "s3://scripts/burglar.py"])))
        #expect(step.state == .completed, "\(step.failure?.message ?? "")")
        let said = room.log(step, "stdout")
        for name in [
            "open", "open file", "status", "create", "create deep", "mkdirs", "mkdirs there", "rename out", "rename in",
            "delete", "dots",
        ] {
            let line = said.split(separator: "\n").first { $0.hasPrefix(name + " ") }.map(String.init) ?? "nothing"
            #expect(line == "\(name) refused" || line == "\(name) got False", "\(line)")
        }
        #expect(said.contains("own True"))
        #expect(Set(TextFile.names(in: outside)) == ["secret", "there"], "nothing was made or taken there")
        #expect(TextFile.names(in: "\(outside)/there") == ["x"])
        #expect(TextFile.bytes("\(outside)/secret").map { String(decoding: $0, as: UTF8.self) } == "secret")
        #expect(TextFile.names(in: "\(room.folder)/lake/raw").contains("mine"))
    }
}
