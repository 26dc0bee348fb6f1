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
}
