import Events
import Foundation
import Testing

/// What the host does when the machine gives out: each fault is made, said once with what to do, and ended; nothing is lost.
@Suite("The machine")
struct MachineTests {
    private let names = (1...5).map { "file-\($0)" }

    @Test(
        "a full disk is said once, with its file system and what is needed, and what waited goes on when there is room")
    func diskFull() async throws {
        let project = try TestProject.echo()
        // Where nobody may mount, the same error comes from a stand-in for the system.
        let disk = try await SmallFileSystem(at: project.state, megabytes: 3)
        let faults = Faults(project)
        let host = try await HostProcess(project, environment: disk == nil ? faults.environment : [:])
        let filling = try disk?.fill()
        if disk == nil { try faults.begin(("write", ENOSPC, "sluice.db")) }
        try project.drop(names)
        try await host.wait("the fault", "is full. At least ")
        let status = try await project.sluice("invoke", "echo")
        #expect(status.status == 0, "functions go on: \(status)")
        if disk != nil { #expect(host.notices("\(project.state) (tmpfs), 0 B free of 3 MiB") == 1) }
        if let filling { try FileManager.default.removeItem(atPath: filling) } else { try faults.end() }
        try await host.records(names.count)
        #expect(host.notices("the database can't be written") == 1 && host.notices("can be written again") == 1)
        #expect(try await host.stop() == 0)
        #expect(
            try await project.outcomes(names) == Dictionary(uniqueKeysWithValues: names.map { ($0, ["SUCCEEDED"]) }))
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        var call: String
        var code: Int32
        var path = "*"
        var says: String
        var over: String
        /// Whether the function has to be started while the fault lasts.
        var startsAnew = false
        var testDescription: String { "\(call): \(String(cString: strerror(code)))" }
    }

    static let faults = [
        Fault(
            call: "fsync", code: EIO, path: "sluice.db", says: "reports errors (Input/output error)",
            over: "can be written again"),
        Fault(
            call: "write", code: EDQUOT, path: "sluice.db", says: "disk quota of this user",
            over: "can be written again"),
        Fault(
            call: "write", code: EROFS, path: "sluice.db", says: "is read-only. Mount it for writing",
            over: "can be written again"),
        Fault(
            call: "thread", code: EAGAIN, says: "no more processes or threads", over: "can be started again",
            startsAnew: true),
        Fault(
            call: "pipe", code: EMFILE, says: "no file descriptors left", over: "can be started again", startsAnew: true
        ),
        Fault(
            call: "socket", code: ENFILE, says: "whole system has no file descriptors", over: "can be started again",
            startsAnew: true),
    ]

    @Test(
        "a fault of the machine is said once, events wait, and each gets its one outcome when the fault goes",
        arguments: faults)
    func fault(_ fault: Fault) async throws {
        let project = try TestProject.echo()
        let faults = Faults(project)
        let host = try await HostProcess(project, environment: faults.environment)
        if !fault.startsAnew {
            try project.drop(["before"])
            try await host.records(1)
        }
        try faults.begin((fault.call, fault.code, fault.path))
        try project.drop(names)
        try await host.wait("the fault", fault.says)
        try faults.end()
        try await host.wait("its end", fault.over)
        try await host.records(names.count + (fault.startsAnew ? 0 : 1))
        #expect(host.notices(fault.says) == 1)
        #expect(try await host.stop() == 0)
        #expect(
            try await project.outcomes(names) == Dictionary(uniqueKeysWithValues: names.map { ($0, ["SUCCEEDED"]) }))
    }

    @Test(
        "a start on a full or read-only disk is waited out instead of failed again and again",
        arguments: [ENOSPC, EROFS])
    func startWaits(_ code: Int32) async throws {
        let project = try TestProject.echo()
        try project.drop(names)
        let faults = Faults(project)
        try faults.begin(("write", code, ".sluice"))
        let host = try await HostProcess(project, environment: faults.environment, saying: "can't start yet")
        try faults.end()
        try await host.ready()
        try await host.records(names.count)
        #expect(host.notices("can't start yet") == 1 && host.notices("can be used again") == 1)
        #expect(try await host.stop() == 0)
    }

    @Test("a file that the disk does not give is said once, tried again, and keeps no other waiting")
    func unreadableFile() async throws {
        let project = try TestProject.echo()
        let faults = Faults(project)
        try faults.begin(("read", EIO, names[0]))
        let host = try await HostProcess(project, environment: faults.environment)
        try project.drop(names)
        try await host.wait("the fault", "\(names[0]): can't be read to its end; it is tried again")
        try await host.records(names.count - 1)
        try faults.end()
        try await host.records(names.count)
        #expect(host.notices("can't be read") == 1)
        #expect(try await host.stop() == 0)
        #expect(
            try await project.outcomes(names) == Dictionary(uniqueKeysWithValues: names.map { ($0, ["SUCCEEDED"]) }))
    }

    @Test(
        "where the machine grants no namespaces, functions run without them, and the doctor says what that means",
        .enabled(if: Self.canUnshare, "this machine lets nobody make a user namespace"))
    func noNamespaces() async throws {
        let project = try TestProject.echo()
        try project.drop(names)
        let limits = "for kind in user pid mnt; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done"
        func confined(_ command: String) async throws -> (status: Int32, output: String, error: String) {
            let sluice = "\(TestProject.programs)/sluice \(command) --project \(project.root)"
            return try await TestProject.run("/usr/bin/unshare", ["-Ur", "sh", "-c", "\(limits); exec \(sluice)"])
        }
        let up = try await confined("up --port 0 --until-idle")
        #expect(up.status == 0, "\(up)")
        #expect(
            try await project.outcomes(names) == Dictionary(uniqueKeysWithValues: names.map { ($0, ["SUCCEEDED"]) }))
        let doctor = try await confined("doctor --json")
        #expect(doctor.output.contains("functions see the machine's processes"), "\(doctor)")
    }

    private static let canUnshare =
        system("unshare -Ur sh -c 'echo 0 > /proc/sys/user/max_pid_namespaces' 2>/dev/null") == 0

    @Test("a start that is to end by itself does not wait for the machine")
    func untilIdle() async throws {
        let project = try TestProject.echo()
        let faults = Faults(project)
        try faults.begin(("write", ENOSPC, ".sluice"))
        let result = try await project.sluice("up", "--port", "0", "--until-idle", environment: faults.environment)
        #expect(result.status == 4 && result.error.contains("is full. At least"), "\(result)")
    }

    @Test("the host raises its own limit of descriptors, and too low a limit is said before anything starts")
    func descriptors() async throws {
        let project = try TestProject.echo()
        let few = try await TestProject.run(
            "/bin/sh",
            [
                "-c", "ulimit -n 64; exec \"$@\"", "sh", TestProject.programs + "/sluice", "up", "--port", "0",
                "--project", project.root,
            ])
        #expect(
            few.status == 4 && few.error.contains("needs at least 128") && few.error.contains("LimitNOFILE"), "\(few)")
        let host = try await HostProcess(project, through: ["/bin/sh", "-c", "ulimit -S -n 64; exec \"$@\"", "sh"])
        let limits = try String(contentsOfFile: "/proc/\(host.processID)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        #expect((line.split(separator: " ").dropFirst(3).first.flatMap { Int($0) } ?? 0) > 64, "\(line)")
        try project.drop(names)
        try await host.records(names.count)
        #expect(try await host.stop() == 0)
    }

    @Test("a project in shared memory has its functions all the same")
    func sharedMemory() async throws {
        let project = try TestProject.echo()
        try project.drop(names)
        let place = "/dev/shm/" + (project.root as NSString).lastPathComponent
        let copied = try await TestProject.run("/bin/cp", ["-rL", project.root, place])
        defer { try? FileManager.default.removeItem(atPath: place) }
        #expect(copied.status == 0, "\(copied)")
        let up = try await TestProject.run(
            TestProject.programs + "/sluice",
            ["up", "--port", "0", "--until-idle", "--concurrency", "2", "--project", place])
        #expect(up.status == 0, "\(up)")
        let queue = try await TestProject.run(
            TestProject.programs + "/sluice", ["functions", "--json", "--project", place])
        #expect(try JSON(parsing: queue.output).array?.first?["invocations"] == 5, "\(queue)")
    }

    @Test("with few descriptors fewer functions run at once, and no answer is lost for want of one")
    func fewDescriptors() async throws {
        let functions = (1...6).map { number in
            """
              F\(number):
                Type: AWS::Serverless::Function
                Properties:
                  FunctionName: f\(number)
                  CodeUri: slow/
                  Handler: bootstrap
                  Runtime: provided.al2023
                  Timeout: 60
                  ReservedConcurrentExecutions: 10
                  EventInvokeConfig:
                    MaximumRetryAttempts: 0
                    DestinationConfig:
                      OnSuccess:
                        Type: EventBridge
                        Destination: "arn:aws:events:us-east-1:000000000000:event-bus/default"
                  Events:
                    Upload:
                      Type: S3
                      Properties:
                        Bucket: !Ref Raw
                        Events: s3:ObjectCreated:*
                        Filter: {S3Key: {Rules: [{Name: prefix, Value: \(number)/}]}}
            """
        }
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Resources:
                  Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
                \(functions.joined(separator: "\n"))
                """)
        try project.writeFunction(
            """
            import time
            def handle(event):
                time.sleep(0.3)
                yield {}
            """, to: "slow")
        let names = (0..<60).map { "\($0 % 6 + 1)/\($0)" }
        try project.drop(names)
        let host = try await HostProcess(project, through: ["/bin/sh", "-c", "ulimit -n 160; exec \"$@\"", "sh"])
        try await host.records(names.count)
        #expect(host.notices("the limit of 160 open files") == 1)
        #expect(try await host.stop() == 0)
        #expect(
            try await project.outcomes(names) == Dictionary(uniqueKeysWithValues: names.map { ($0, ["SUCCEEDED"]) }))
    }

    @Test(
        "a user without processes left: functions wait for one, and run when the limit is raised",
        .enabled(if: geteuid() == 0, "only root can start the host as a user with a limit of its own"))
    func processes() async throws {
        let project = try TestProject.echo()
        // A user that nobody else on the machine is: the limit counts all processes of a user.
        let user = "\(62000 + getpid() % 2000)"
        try FileManager.default.createDirectory(atPath: project.state, withIntermediateDirectories: true)
        try await TestProject.run("/bin/chown", ["-R", "\(user):\(user)", project.root])
        let asUser = ["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        let host = try await HostProcess(project, through: asUser)
        func limit(_ number: Int) async throws {
            let command = asUser + ["prlimit", "--pid", "\(host.processID)", "--nproc=\(number):"]
            let result = try await TestProject.run(command[0], Array(command.dropFirst()))
            try #require(result.status == 0, "\(result)")
        }
        try await limit(1)
        try project.drop(names)
        try await host.wait("the fault", "no more processes or threads")
        try await limit(4096)
        try await host.wait("its end", "can be started again")
        try await host.records(names.count)
        #expect(host.notices("no more processes or threads") == 1)
        #expect(try await host.stop() == 0)
    }

    @Test("a lock that another program holds is said with that program's process, and waited for")
    func locked() async throws {
        let project = try TestProject.echo()
        let host = try await HostProcess(project)
        let script = """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1], isolation_level=None)
            c.execute("BEGIN IMMEDIATE"); print("held", flush=True); sys.stdin.readline(); c.execute("COMMIT")
            """
        let holder = Process()
        let (input, output) = (Pipe(), Pipe())
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        holder.arguments = ["python3", "-c", script, project.state + "/sluice.db"]
        holder.standardInput = input
        holder.standardOutput = output
        try holder.run()
        defer { kill(holder.processIdentifier, SIGKILL) }
        let held = try await TestProject.onThread {
            String(decoding: try output.fileHandleForReading.read(upToCount: 4) ?? Data(), as: UTF8.self)
        }
        try #require(held == "held")
        try project.drop(names)
        try await host.wait("the fault", "process \(holder.processIdentifier) (python3")
        try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
        try await host.records(names.count)
        #expect(host.notices("holds the database locked") == 1)
        #expect(try await host.stop() == 0)
    }

    @Test("a lock file that a killed host has left behind stops nobody, whoever has its process id now")
    func staleLock() async throws {
        let project = try TestProject.echo()
        let first = try await HostProcess(project)
        #expect(try await first.stop(SIGKILL) != 0)
        // This process is alive and is no host.
        try project.write(#"{"pid":\#(getpid()),"port":1,"started":0}"#, to: ".sluice/host.json")
        #expect(try await project.sluice("invoke", "echo").status == 0)
        let second = try await HostProcess(project)
        #expect(try await second.stop() == 0)
    }

    @Test(
        "a state folder that can't be written is read by every command that only reads",
        .enabled(if: geteuid() == 0, "only root can mount a folder read-only"))
    func readOnlyState() async throws {
        let project = try TestProject.echo()
        try project.drop(names)
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)
        for name in ["sluice.db-wal", "sluice.db-shm"] {
            try? FileManager.default.removeItem(atPath: project.state + "/" + name)
        }
        try await TestProject.run("/bin/mount", ["--bind", project.state, project.state])
        defer { umount2(project.state, Int32(MNT_DETACH)) }
        let mounted = try await TestProject.run("/bin/mount", ["-o", "remount,ro,bind", project.state])
        guard mounted.status == 0 else {
            Issue.record("this machine mounts nothing read-only: \(mounted.error)")
            return
        }
        for command in ["alarms", "steps", "executions", "queue", "functions", "alerts"] {
            let result = try await project.sluice(command)
            #expect(result.status == 0, "\(command): \(result)")
        }
        #expect(try await project.outcomes(["file-1"]) == ["file-1": ["SUCCEEDED"]])
        let up = try await project.sluice("up", "--port", "0", "--until-idle")
        #expect(up.status == 4 && up.error.contains("remount,rw"), "\(up)")
        let doctor = try await project.sluice("doctor", "--json")
        #expect(doctor.status == 1 && doctor.output.contains("is read-only"), "\(doctor)")
    }
}
