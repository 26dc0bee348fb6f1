import Events
import Foundation
import GRDB
import Testing

/// Many folders, many files, many events: what a host does with them, and what memory it takes.
///
/// `make scale FOLDERS=10000 FILES=200000 EVENTS=1000000` runs it at length; the suite runs a little of it.
@Suite("Scale")
struct ScaleTests {
    private static func setting(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }

    private static let template = """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
          Echo:
            Type: AWS::Serverless::Function
            Properties: {FunctionName: echo, CodeUri: echo/, Handler: bootstrap, Runtime: provided.al2023}
        """

    /// What memory a process takes, in MB: now and at most.
    private static func memory(of process: Int32) throws -> (now: Int, peak: Int) {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        func value(_ name: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
            return (line.split { !$0.isNumber }.first.flatMap { Int($0) } ?? 0) / 1024
        }
        return (value("VmRSS:"), value("VmHWM:"))
    }

    private func say(_ text: String) {
        guard ProcessInfo.processInfo.environment["FILES"] != nil else { return }
        FileHandle.standardError.write(Data("scale: \(text)\n".utf8))
    }

    private func seconds(_ body: () async throws -> Void) async rethrows -> String {
        let begun = ContinuousClock.now
        try await body()
        let duration = ContinuousClock.now - begun
        return String(
            format: "%.2f s", Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18)
    }

    private func value(_ project: TestProject, _ sql: String) async throws -> Int {
        var configuration = Configuration()
        configuration.readonly = true
        let database = try DatabaseQueue(path: project.root + "/.sluice/sluice.db", configuration: configuration)
        defer { try? database.close() }
        return try await database.read { try Int.fetchOne($0, sql: sql) ?? -1 }
    }

    /// Waits until a count in the database is reached.
    private func wait(_ project: TestProject, _ sql: String, _ wanted: Int) async throws {
        while true {
            let begun = ContinuousClock.now
            if try await value(project, sql) == wanted { return }
            // Counting must not be what is measured.
            try await Task.sleep(for: max(.milliseconds(20), (ContinuousClock.now - begun) * 10))
        }
    }

    @Test(
        "thousands of folders and files are taken in once each, found again at a restart, and watched to the last one")
    func files() async throws {
        let (folders, files) = (Self.setting("FOLDERS", 300), Self.setting("FILES", 2000))
        let project = try TestProject(template: Self.template)
        try project.install("echo-function", as: "echo")
        let made = try await TestProject.run(
            "/usr/bin/env",
            [
                "python3", "-c",
                """
                import os, sys
                root, folders, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
                paths = []
                for number in range(folders):
                    # Some flat, some nested, as a partitioned table is.
                    path = f"{root}/year={number % 7}/month={number % 100}/part={number}"
                    os.makedirs(path)
                    paths.append(path)
                for number in range(files):
                    with open(f"{paths[number % folders]}/{number}.csv", "w") as file:
                        file.write(f"{number}\\n")
                """, project.lake + "/raw", "\(folders)", "\(files)",
            ])
        try #require(made.status == 0, "\(made.error)")
        let host = try await HostProcess(project)
        let events = "SELECT count(*) FROM s3_event"
        let first = try await seconds { try await wait(project, events, files) }
        let memory = try Self.memory(of: host.processID)
        say(
            "\(folders) folders, \(files) files taken in after \(first); host at \(memory.now) MB, at most \(memory.peak)"
        )
        // The last folder is watched like the first: a file in it is seen, and so is a new folder's.
        let last = "year=\((folders - 1) % 7)/month=\((folders - 1) % 100)/part=\(folders - 1)"
        let seen = try await seconds {
            try project.write("x", to: "lake/raw/\(last)/new.csv")
            try project.write("x", to: "lake/raw/\(last)/deeper/still/new.csv")
            try await wait(project, events, files + 2)
        }
        let removed = try await seconds {
            try FileManager.default.removeItem(atPath: project.lake + "/raw/year=1")
            let left = try FileManager.default.subpathsOfDirectory(atPath: project.lake + "/raw").count {
                $0.hasSuffix(".csv")
            }
            try await wait(project, "SELECT count(*) FROM s3_object", left)
        }
        say("two files in the last folder seen after \(seen); a seventh of all removed after \(removed)")
        #expect(host.notices("") == 0, "\(host.said)")
        #expect(try await host.stop() == 0)
        let before = try await value(project, events)
        // Nobody watches: one more, one less.
        try project.write("x", to: "lake/raw/\(last)/away.csv")
        try FileManager.default.removeItem(atPath: project.lake + "/raw/\(last)/new.csv")
        let next = try await HostProcess(project)
        let again = try await seconds { try await wait(project, events, before + 2) }
        let later = try Self.memory(of: next.processID)
        say("two changes found after a restart in \(again); host at \(later.now) MB, at most \(later.peak)")
        #expect(try await next.stop() == 0)
        #expect(try await value(project, events) == before + 2, "what had not changed is told once")
        #expect(
            try await value(
                project,
                "SELECT count(*) FROM (SELECT key FROM s3_event WHERE size IS NOT NULL GROUP BY key HAVING count(*) > 1)"
            )
                == 0)
        // 45 MB, and what a folder and a file's change take; in a debug build.
        let limit = 120 + folders / 50 + files / 1000
        #expect(max(memory.peak, later.peak) < limit, "\(memory) \(later) \(limit)")
    }

    @Test("a backlog is worked off in memory that does not grow with it")
    func backlog() async throws {
        let events = Self.setting("EVENTS", 6000)
        let project = try TestProject(template: Self.template)
        try project.install("echo-function", as: "echo")
        let first = try await HostProcess(project, "--until-idle")
        #expect(try await first.waitForExit() == 0)
        // Rows as the host writes them for uploads.
        let database = try DatabaseQueue(path: project.root + "/.sluice/sluice.db")
        try await database.write { database in
            try database.execute(
                sql: """
                    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < \(events))
                    INSERT INTO lambda_invocation (request_id, function, state, trace, payload, received, due)
                    SELECT printf('00000000-0000-4000-8000-%012d', n), 'echo', 'QUEUED',
                      'Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0',
                      CAST(printf('{"Records":[{"n":%d,"pad":"%s"}]}', n, hex(zeroblob(400))) AS BLOB),
                      \(Timestamp.now.milliseconds), \(Timestamp.now.milliseconds) FROM number
                    """)
        }
        try database.close()
        var host: HostProcess?
        let start = try await seconds { host = try await HostProcess(project) }
        let running = try #require(host)
        let listed = try await seconds {
            let queue = try await project.json("queue", "--limit", "3")
            #expect(queue["events"]?.array?.count == 3)
        }
        var memory = (now: 0, peak: 0)
        let done = try await seconds {
            try await wait(
                project, "SELECT count(*) FROM lambda_invocation WHERE function = 'echo' AND state = 'QUEUED'", 0)
            memory = try Self.memory(of: running.processID)
        }
        say(
            "\(events) events: host ready after \(start), listed in \(listed), worked off after \(done); host at most \(memory.peak) MB"
        )
        #expect(try await running.stop() == 0)
        #expect(try await value(project, "SELECT count(*) FROM lambda_invocation WHERE state = 'SUCCEEDED'") == events)
        #expect(try await value(project, "SELECT count(*) FROM lambda_attempt") == events, "each ran once")
        #expect(memory.peak < 150, "\(memory)")
    }
}
