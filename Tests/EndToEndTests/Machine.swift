import Events
import Foundation
import GRDB
import Testing

/// A machine that fails as a test wants it: calls of the host end with an error while a file says so.
///
/// It works without rights and on any file system, by a library that stands between the host and the system.
struct Faults {
    let file: String

    init(_ project: TestProject) { file = project.root + "/faults" }

    var environment: [String: String] {
        ["LD_PRELOAD": TestProject.programs + "/libfaults.so", "SLUICE_FAULTS": file]
    }

    /// From now on, until ``end()``: calls, each with its error and a part of the paths that it concerns.
    func begin(_ rules: (call: String, code: Int32, path: String)...) throws {
        let text = rules.map { "\($0.call) \($0.code) \($0.path)\n" }.joined()
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    func end() throws { try FileManager.default.removeItem(atPath: file) }
}

/// A small file system in memory at a folder; nil where this machine lets nobody mount one.
final class SmallFileSystem {
    let folder: String

    init?(at folder: String, megabytes: Int) async throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let arguments = ["-t", "tmpfs", "-o", "size=\(megabytes)m", "none", folder]
        guard let done = try? await TestProject.run("/bin/mount", arguments), done.status == 0 else { return nil }
    }

    /// Writes until nothing fits any more; returns the file that does it.
    func fill() throws -> String {
        let path = folder + "/filling"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        defer { close(descriptor) }
        for size in [65536, 1] {
            let bytes = [UInt8](repeating: 1, count: size)
            while write(descriptor, bytes, size) == size {}
        }
        return path
    }

    deinit { umount2(folder, Int32(MNT_DETACH)) }
}

extension TestProject {
    /// A bucket whose objects go to a function that answers with its event.
    static func echo() throws -> TestProject {
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Resources:
                  Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
                  Echo:
                    Type: AWS::Serverless::Function
                    Properties:
                      FunctionName: echo
                      CodeUri: echo/
                      Handler: bootstrap
                      Runtime: provided.al2023
                      EventInvokeConfig: {DestinationConfig: {OnSuccess: {Type: EventBridge, Destination: "arn:aws:events:us-east-1:000000000000:event-bus/default"}}}
                      Events:
                        Landed: {Type: S3, Properties: {Bucket: !Ref Raw, Events: s3:ObjectCreated:*}}
                """)
        try project.install("echo-function", as: "echo")
        return project
    }

    /// Drops small files, each with its name as its content.
    func drop(_ names: [String]) throws { for name in names { try write(name, to: "lake/raw/\(name)") } }

    /// Whether each object was delivered once and came to one good end.
    func outcomes(_ names: [String]) async throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for name in names {
            let versions = try await json("trace", "s3://raw/\(name)", "--all")["versions"]?.array ?? []
            found[name] = versions.flatMap { $0["invocations"]?.array ?? [] }.map { $0["state"]?.string ?? "?" }
        }
        return found
    }

    /// How many objects have come or gone, by the database.
    func eventCount() throws -> Int {
        try DatabaseQueue(path: state + "/sluice.db").read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM s3_event") ?? 0
        }
    }

    var state: String { root + "/.sluice" }
}

extension HostProcess {
    /// Waits for the records of so many invocations.
    func records(_ count: Int) async throws { try await wait("records", count: count) { $0["record"] != nil } }
}
