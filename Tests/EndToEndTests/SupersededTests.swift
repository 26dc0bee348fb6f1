import Events
import Foundation
import Glibc
import Testing

/// Objects that change while their validation runs: the older outcome is shown, and goes no further.
@Suite("Superseded")
struct SupersededTests {
    /// A function that tells a named pipe of each key and then, for the first version of one, does what the key says before it
    /// answers.
    private static let gate = """
        import os, time, urllib.parse
        def handle(event):
            record = event["Records"][0]["s3"]
            key, held = urllib.parse.unquote_plus(record["object"]["key"]), None
            path = os.environ["SLUICE_LAKE"] + "/raw/" + key
            if record["object"]["size"] == 5:
                if key == "good/meanwhile":
                    with open(os.environ["SLUICE_LAKE"] + "/started", "w") as pipe:
                        pipe.write("started\\n")
                    while not os.path.exists(os.environ["SLUICE_LAKE"] + "/go"):
                        time.sleep(0.01)
                elif key == "good/by-itself":
                    with open(path + ".tmp", "w") as file:
                        file.write("second\\n")
                    os.rename(path + ".tmp", path)
                elif key == "good/touched":
                    os.utime(path, (10**9, 10**9))
                elif key == "good/removed":
                    os.remove(path)
                elif key == "good/in-place":
                    held = open(path, "w")
                    held.write("seco")
                    held.flush()
            yield {}
            if held:
                time.sleep(0.3)
                held.write("nd\\n")
                held.close()
        """

    private static let reaper = """
          Reaper:
            Type: AWS::Serverless::Function
            Properties:
              FunctionName: reaper
              CodeUri: reaper/
              Handler: bootstrap
              Runtime: provided.al2023
              Events: {Gone: {Type: S3, Properties: {Bucket: !Ref Raw, Events: 's3:ObjectRemoved:*'}}}
        """

    @Test(
        "an object that changes while its validation runs: the older outcome is superseded and never becomes a step",
        arguments: ["meanwhile", "by-itself", "in-place", "removed", "touched", "unchanged"])
    func rewritten(how: String) async throws {
        let project = try TestProject.chain(Self.reaper)
        try project.writeFunction(Self.gate, to: "gate")
        try project.install("echo-function", as: "reaper")
        let host = try await HostProcess(project, environment: project.sparkEnvironment)
        try #require(mkfifo(project.lake + "/started", 0o600) == 0)
        let path = project.lake + "/raw/good/" + how
        try project.write("12345", to: "lake/raw/good/" + how)
        if how == "meanwhile" {
            let pipe = project.lake + "/started"
            let said = try await TestProject.onThread {
                let descriptor = open(pipe, O_RDONLY | O_CLOEXEC)
                defer { close(descriptor) }
                var bytes = [UInt8](repeating: 0, count: 64)
                return read(descriptor, &bytes, bytes.count)
            }
            try #require(said > 0)
            try project.write("second\n", to: "aside")
            try #require(rename(project.root + "/aside", path) == 0)
            try project.write("", to: "lake/go")
        }
        #expect(try await host.stop() == 0)
        let result = try await project.sluice(
            "up", "--port", "0", "--until-idle", environment: project.sparkEnvironment)
        #expect(result.status == 0, "\(result)")

        let uri = "s3://raw/good/" + how
        let versions = try #require(try await project.json("trace", uri, "--all")["versions"]?.array)
        func runs(_ version: JSON?) -> [JSON] { version?["invocations"]?.array ?? [] }
        let newest = try #require(runs(versions.first).first, "\(versions)")
        #expect(newest["state"]?.string == "SUCCEEDED", "\(versions)")
        let ledger = (try? String(contentsOfFile: project.ledger, encoding: .utf8)) ?? ""
        let ran = ledger.split(separator: "\n").map { String($0.split(separator: " ").last ?? "") }
        if how == "unchanged" || how == "touched" {
            #expect(versions.count == 1 && ran == [versions[0]["sequencer"]?.string], "\(ledger)\n\(versions)")
            return
        }
        #expect(versions.count == 2)
        let old = try #require(runs(versions.last).first, "\(versions)")
        #expect(old["state"]?.string == "SUPERSEDED" && old["executions"]?.array?.isEmpty == true, "\(old)")
        let text = try await project.sluice("trace", uri, "--all").output
        #expect(text.contains("SUPERSEDED") && text.contains("nobody was told of this outcome"), "\(text)")
        if how == "removed" {
            #expect(newest["function"]?.string == "reaper" && ran.isEmpty, "\(ledger)")
        } else {
            #expect(ran == [versions[0]["sequencer"]?.string], "\(ledger)\n\(versions)")
            #expect(newest["executions"]?[0]?["steps"]?[0]?["Status"]?["State"]?.string == "COMPLETED", "\(newest)")
        }
    }
}
