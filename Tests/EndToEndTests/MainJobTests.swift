import Events
import Foundation
import Testing

/// The pipeline that ships, on its own data, with a stand-in for Spark that only notes what it was asked.
@Suite("The main job")
struct MainJobTests {
    /// The shipped project in a folder of its own. `spark` is the shell script that stands in for java; it gets spark-submit's
    /// arguments.
    private func project(spark: String = "exit 0") async throws -> TestProject {
        let template = try String(contentsOfFile: TestProject.checkout + "/functions/template.yaml", encoding: .utf8)
        let project = try TestProject(template: template)
        try FileManager.default.copyItem(
            atPath: TestProject.checkout + "/functions/flights-pipeline.asl.json",
            toPath: project.root + "/functions/flights-pipeline.asl.json")
        try project.install("validate-flights", as: "validate-flights")
        for name in ["airlines.csv", "airports.csv"] {
            try await project.copy("events/\(name)", to: "lake/raw/reference/\(name)")
        }
        try await project.copy("functions/flights-etl/flights_etl.py", to: "lake/scripts/flights_etl.py")
        // Steps get a clean environment, so what a script is to know stands in it.
        try project.installSpark(script: spark.replacingOccurrences(of: "CALLS", with: project.root + "/calls"))
        return project
    }

    private static func isStep(_ json: JSON, _ state: String) -> Bool {
        json["event"]?["detail-type"]?.string == "EMR Step Status Change"
            && json["event"]?["detail"]?["state"]?.string == state
    }

    private static func isExecution(_ json: JSON, _ status: String) -> Bool {
        json["event"]?["detail-type"]?.string == "Step Functions Execution Status Change"
            && json["event"]?["detail"]?["status"]?.string == status
    }

    @Test("a file that passes starts one step, one that breaks a rule is held back with its rows and raises an alarm")
    func gate() async throws {
        let project = try await project(spark: #"echo "$@" >> "CALLS""#)
        let calls = project.root + "/calls"
        let host = try await HostProcess(project, environment: project.sparkEnvironment)
        try await project.copy("events/flights-2013-01-LGA.csv.gz", to: "lake/raw/flights/2013-01-LGA.csv.gz")
        try await project.copy("events/flights-2013-01-JFK.csv.gz", to: "lake/raw/flights/2013-01-JFK.csv.gz")
        try await host.wait("the execution to succeed") { Self.isExecution($0, "SUCCEEDED") }
        try await host.wait("JFK to be held back") { $0["record"]?["responsePayload"]?["passed"] == false }
        try await host.wait("the alarm") {
            $0["event"]?["detail"]?["alarmName"]?.string == "flights-rejected"
                && $0["event"]?["detail"]?["state"]?["value"]?.string == "ALARM"
        }
        #expect(try await host.stop() == 0)

        let passed = try await project.json("trace", "s3://raw/flights/2013-01-LGA.csv.gz")["versions"]?[0]?[
            "invocations"]?[0]
        #expect(passed?["report"]?["passed"] == true && passed?["report"]?["rows"]?.int == 7950)
        let executions = try #require(passed?["executions"]?.array)
        #expect(executions.count == 1 && executions[0]["status"]?.string == "SUCCEEDED")
        #expect(executions[0]["steps"]?.array?.map { $0["Status"]?["State"]?.string } == ["COMPLETED"])
        let made = try String(contentsOfFile: calls, encoding: .utf8)
        #expect(made.contains("s3://scripts/flights_etl.py --input s3://raw/flights/2013-01-LGA.csv.gz"))
        #expect(!made.contains("JFK"))

        let held = try await project.json("trace", "s3://raw/flights/2013-01-JFK.csv.gz")["versions"]?[0]?[
            "invocations"]?[0]
        #expect(held?["report"]?["passed"] == false && held?["report"]?["rejected"]?.int == 539)
        #expect(held?["executions"]?.array?.isEmpty == true)
        let check = held?["report"]?["checks"]?.array?.first { ($0["count"]?.int ?? 0) > 0 }
        #expect(check?["offenders"]?[0]?["value"]?.string == "BQN" && check?["offenders"]?[0]?["row"]?.int == 2)
        let alerts = try await project.sluice("alerts", "--json").output
        #expect(alerts.contains("flights-rejected"))
    }

    @Test("a step that the machine has no room for waits, said once, and runs once when there is room")
    func stepWaits() async throws {
        let project = try await project(spark: #"echo "$@" >> "CALLS""#)
        let faults = Faults(project)
        let host = try await HostProcess(
            project, environment: project.sparkEnvironment.merging(faults.environment) { $1 })
        try faults.begin(("open", ENOSPC, "/.sluice/steps/"))
        try await project.copy("events/flights-2013-01-LGA.csv.gz", to: "lake/raw/flights/2013-01-LGA.csv.gz")
        try await host.wait("the fault", "steps can't be started: the file system")
        try faults.end()
        try await host.wait("the execution to succeed") { Self.isExecution($0, "SUCCEEDED") }
        #expect(host.notices("steps can't be started") == 1 && host.notices("steps can be started again") == 1)
        #expect(try await host.stop() == 0)
        let made = try String(contentsOfFile: project.root + "/calls", encoding: .utf8)
        #expect(made.split(separator: "\n").count == 1)
        #expect(try await project.json("steps").array?.count == 1)
    }

    @Test("files that came while the host was down are validated once, and not again at the next start")
    func whileDown() async throws {
        let project = try await project()
        try await project.copy("events/flights-2013-01-LGA.csv.gz", to: "lake/raw/flights/a.csv.gz")
        let first = try await HostProcess(project, "--until-idle", environment: project.sparkEnvironment)
        #expect(try await first.waitForExit() == 0)
        let second = try await HostProcess(project, "--until-idle", environment: project.sparkEnvironment)
        #expect(try await second.waitForExit() == 0)
        let trace = try await project.json("trace", "s3://raw/flights/a.csv.gz", "--all")
        #expect(trace["versions"]?.array?.count == 1)
        #expect(trace["versions"]?[0]?["invocations"]?.array?.count == 1)
        #expect(try await project.json("executions").array?.count == 1)
        #expect(try await project.json("steps").array?.count == 1)
    }

    @Test("replay sends an object through again as a new version")
    func replay() async throws {
        let project = try await project()
        try await project.copy("events/flights-2013-01-LGA.csv.gz", to: "lake/raw/flights/a.csv.gz")
        let host = try await HostProcess(project, environment: project.sparkEnvironment)
        try await host.wait("the first execution") { Self.isExecution($0, "SUCCEEDED") }
        #expect(try await project.sluice("replay", "s3://raw/flights/").status == 0)
        try await host.wait("the second execution", count: 2) { Self.isExecution($0, "SUCCEEDED") }
        try await host.stop()
        #expect(try await project.json("trace", "s3://raw/flights/a.csv.gz", "--all")["versions"]?.array?.count == 2)
    }

    @Test("a job that exits with 1 fails its step and its execution, each with the reason, and the host goes on")
    func failingJob() async throws {
        let project = try await project(spark: "echo 'ValueError: no such column' >&2; exit 1")
        let host = try await HostProcess(project, environment: project.sparkEnvironment)
        try await project.copy("events/flights-2013-01-LGA.csv.gz", to: "lake/raw/flights/a.csv.gz")
        try await host.wait("the execution to fail") { Self.isExecution($0, "FAILED") }
        let steps = try await project.json("steps", "--status", "FAILED")
        #expect(steps[0]?["Status"]?["FailureDetails"]?["Message"]?.string?.contains("no such column") == true)
        let answer = try await project.sluice(
            "invoke", "validate-flights", "--event", TestProject.checkout + "/events/s3-put-passes.json")
        #expect(answer.status == 1, "the event's object is not in this lake, so the function fails: \(answer)")
        #expect(try await host.stop() == 0)
    }

    @Test("without Spark the step fails with one message that says how to get it")
    func noSpark() async throws {
        let project = try await project()
        let host = try await HostProcess(project, environment: ["XDG_CACHE_HOME": project.root + "/nothing"])
        try await project.copy("events/flights-2013-01-LGA.csv.gz", to: "lake/raw/flights/a.csv.gz")
        try await host.wait("the execution to fail") { Self.isExecution($0, "FAILED") }
        let message = try await project.json("steps")[0]?["Status"]?["FailureDetails"]?["Message"]?.string
        #expect(message?.contains("make setup") == true, "\(message ?? "none")")
        try await host.stop()
        let doctor = try await project.sluice(
            "doctor", "--json", environment: ["XDG_CACHE_HOME": project.root + "/nothing"])
        #expect(doctor.status == 1 && doctor.output.contains("make setup"))
    }

    @Test("SIGKILL in the middle of a step: the next host reads its outcome and runs nothing twice")
    func killed() async throws {
        let project = try await project(spark: #"echo run >> "CALLS"; while [ ! -e "CALLS.go" ]; do sleep 0.05; done"#)
        let host = try await HostProcess(project, environment: project.sparkEnvironment)
        try await project.copy("events/flights-2013-01-LGA.csv.gz", to: "lake/raw/flights/a.csv.gz")
        try await host.wait("the step to run") { Self.isStep($0, "RUNNING") }
        try await host.stop(SIGKILL)
        try project.write("", to: "calls.go")
        let next = try await HostProcess(project, "--until-idle", environment: project.sparkEnvironment)
        #expect(try await next.waitForExit() == 0)
        #expect(try await project.json("executions")[0]?["status"]?.string == "SUCCEEDED")
        #expect(try await project.json("steps").array?.map { $0["Status"]?["State"]?.string } == ["COMPLETED"])
        #expect(try String(contentsOfFile: project.root + "/calls", encoding: .utf8) == "run\n")
    }
}
