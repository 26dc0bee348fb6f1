import Events
import Foundation
import Glibc
import Testing

/// How the host ends: what it waits for, what it leaves, and what the next start finds.
@Suite("Stopping")
struct StopTests {
    /// A function that tells a named pipe of each event, and answers once a file is there.
    private static let patient = """
        import os, time
        def handle(event):
            with open(os.environ["STARTED"], "w") as pipe:
                pipe.write("started\\n")
            while not os.path.exists(os.environ["GO"]):
                time.sleep(0.02)
            yield {"done": True}
        """

    private static func template(_ root: String) -> String {
        """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Patient:
            Type: AWS::Serverless::Function
            Properties:
              FunctionName: patient
              CodeUri: patient/
              Handler: bootstrap
              Runtime: provided.al2023
              Timeout: 300
              Environment: {Variables: {STARTED: \(root)/started, GO: \(root)/go}}
        """
    }

    private func project() throws -> TestProject {
        let project = try TestProject(template: "Resources: {}")
        try project.write(Self.template(project.root), to: "functions/template.yaml")
        try project.writeFunction(Self.patient, to: "patient")
        try #require(mkfifo(project.root + "/started", 0o600) == 0)
        return project
    }

    /// Waits until the function has an event.
    private func started(_ project: TestProject) async throws {
        let path = project.root + "/started"
        let count = try await TestProject.onThread {
            let pipe = open(path, O_RDONLY | O_CLOEXEC)
            defer { close(pipe) }
            var bytes = [UInt8](repeating: 0, count: 64)
            return read(pipe, &bytes, bytes.count)
        }
        try #require(count > 0)
    }

    private func isStopping(_ line: JSON) -> Bool { line["stopping"]?.bool == true }

    @Test(
        "a stop waits for the invocation that runs, its caller gets the answer, and says what it waits for",
        arguments: [SIGTERM, SIGINT, SIGHUP])
    func drain(signal: Int32) async throws {
        let project = try project()
        // The leader of a process group, as a shell makes it.
        let lead = [
            "/usr/bin/env", "python3", "-c", "import os, sys; os.setpgid(0, 0); os.execv(sys.argv[1], sys.argv[1:])",
        ]
        let host = try await HostProcess(project, through: lead)
        let root = project.root
        async let answer = TestProject.run(TestProject.programs + "/sluice", ["invoke", "patient", "--project", root])
        try await started(project)
        // As a terminal does it: to the whole process group. The function is in one of its own, and does not hear of it.
        try #require(kill(-host.processID, signal) == 0)
        try await host.wait("what it waits for") { $0["waitingFor"]?.int == 1 }
        try project.write("", to: "go")
        let result = try await answer
        #expect(result.status == 0 && result.output.contains("done"), "\(result)")
        #expect(try await host.waitForExit() == 0)
    }

    @Test("an event that does not end within the drain runs again at the next start, and has one outcome")
    func tooLong() async throws {
        let project = try project()
        let host = try await HostProcess(project, "--drain", "1")
        #expect(try await project.sluice("invoke", "patient", "--async").status == 0)
        try await started(project)
        #expect(try await host.stop() == 0)
        let next = try await HostProcess(project, "--until-idle")
        try await started(project)
        try project.write("", to: "go")
        #expect(try await next.waitForExit() == 0)
        let function = try await project.json("functions")[0]
        #expect(
            function?["invocations"]?.int == 1 && function?["lastStatus"]?.string == "success", "\(function ?? .null)")
        let queue = try await project.json("queue")
        #expect(queue["events"]?.array?.isEmpty == true && queue["deadLetters"]?.int == 0, "\(queue)")
    }

    @Test("a second signal stops at once")
    func twice() async throws {
        let project = try project()
        let host = try await HostProcess(project, "--drain", "600")
        #expect(try await project.sluice("invoke", "patient", "--async").status == 0)
        try await started(project)
        kill(host.processID, SIGTERM)
        try await host.wait("the stop to begin", isStopping)
        #expect(try await host.stop(SIGTERM) == 130)
    }

    @Test("a host whose reader has stopped to read goes on, and ends when it is told to")
    func deafReader() async throws {
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Resources: {Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}}
                """)
        // The host as it is, its output a pipe that nobody reads.
        let result = try await TestProject.run(
            "/usr/bin/env",
            [
                "python3", "-c",
                """
                import os, signal, subprocess, sys, time
                sluice, root = sys.argv[1:]
                host = subprocess.Popen([sluice, "up", "--project", root, "--port", "0", "--json"], stdout=subprocess.PIPE)
                host.stdout.readline()
                os.makedirs(root + "/lake/raw", exist_ok=True)
                for number in range(1000):
                    with open(f"{root}/lake/raw/{number:0200}", "w") as file:
                        file.write("x")
                while True:
                    queue = subprocess.run([sluice, "trace", "s3://raw/" + f"{999:0200}", "--project", root, "--json"],
                                           capture_output=True, text=True)
                    if '"eventName"' in queue.stdout:
                        break
                    time.sleep(0.1)
                host.send_signal(signal.SIGTERM)
                print(host.wait(timeout=60))
                """, TestProject.programs + "/sluice", project.root,
            ])
        #expect(result.output == "0\n", "\(result)")
    }

    @Test("a put that is killed leaves nothing in the bucket, and one from a pipe is whole")
    func killedPut() async throws {
        let project = try TestProject.echo()
        let folder = project.root + "/lake/raw"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let put = "\(TestProject.programs)/sluice put - s3://raw/big --project \(project.root)"
        let killed = try await TestProject.run(
            "/bin/sh",
            [
                "-c",
                // Once the pipe has given its last bytes the command holds nearly all of them.
                "mkfifo \(project.root)/given; (head -c 3000000 /dev/zero; : > \(project.root)/given; exec sleep 60) | \(put) & "
                    + "cat \(project.root)/given; pkill -KILL -P $$ -x sluice; ls -A \(folder); pkill -P $$",
            ])
        #expect(killed.output == "", "\(killed)")
        let whole = try await TestProject.run("/bin/sh", ["-c", "head -c 3000000 /dev/zero | \(put)"])
        #expect(whole.status == 0, "\(whole)")
        #expect(try FileManager.default.attributesOfItem(atPath: folder + "/big")[.size] as? Int == 3_000_000)
    }

    @Test("a second host over the same lake is refused, whatever its state folder")
    func secondHost() async throws {
        let project = try TestProject.echo()
        let host = try await HostProcess(project)
        for arguments in [[], ["--state", project.root + "/other"]] {
            let second = try await TestProject.run(
                TestProject.programs + "/sluice", ["up", "--port", "0", "--project", project.root] + arguments)
            #expect(second.status == 4 && second.error.contains("would start each file's steps twice"), "\(second)")
        }
        #expect(try await host.stop() == 0)
        let next = try await HostProcess(project, "--until-idle")
        #expect(try await next.waitForExit() == 0)
    }
}
