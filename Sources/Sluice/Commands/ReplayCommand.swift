import ArgumentParser
import Events
import Glibc
import S3
import Storage

/// `sluice replay`: objects through the gate again.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Send objects through again, each as a new version of itself.",
        discussion: """
            On AWS one copies an object onto itself; here its file is touched, so that the bucket sees an upload. A running host \
            takes it at once, else the next one does. The bytes stay as they are.

              sluice replay s3://raw/flights/2013-01-LGA.csv.gz
              sluice replay s3://raw/flights/ --dry-run          everything below a prefix
            """)

    @Argument(help: "Objects, or prefixes that end in '/'.")
    var objects: [ObjectURI]
    @Flag(help: "Only say which objects it would be.")
    var dryRun = false
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        let store = try Records.open(project)
        var sent: [JSON] = []
        for uri in objects {
            let found = try await keys(of: uri, in: store)
            if found.isEmpty { throw CommandError("\(uri): no such object", status: ExitStatus.notFound) }
            for key in found {
                if !dryRun { try touch(uri.bucket, key, project) }
                sent.append(.string("s3://\(uri.bucket)/\(key)"))
                if !output.json { Terminal.output.line("s3://\(uri.bucket)/\(key)".printable) }
            }
        }
        if output.json { return _ = Terminal.output.line(JSON.array(sent).pretty) }
        let verb =
            dryRun
            ? "would be sent" : HostLock.holder(of: project) == nil ? "will be sent by the next 'sluice up'" : "sent"
        SluiceCommand.say("\(sent.count) object\(sent.count == 1 ? "" : "s") \(verb)")
    }

    private func keys(of uri: ObjectURI, in store: Store) async throws -> [String] {
        try await store.read { connection in
            guard uri.key.isEmpty || uri.key.hasSuffix("/") else {
                return try S3Store.object(bucket: uri.bucket, key: uri.key, in: connection) == nil ? [] : [uri.key]
            }
            var keys: [String] = []
            while true {
                let page = try S3Store.objects(
                    bucket: uri.bucket, prefix: uri.key, after: keys.last ?? "", limit: 1000, in: connection)
                keys += page.map(\.key)
                if page.count < 1000 { return keys }
            }
        }
    }

    /// Opens the file for writing and sets its time: what the watcher takes for a writer that has finished.
    private func touch(_ bucket: String, _ key: String, _ project: Project) throws {
        let path: String
        do {
            path = try ObjectPath.resolve(lake: project.lake, bucket: bucket, key: key)
        } catch {
            throw CommandError("\(error)")
        }
        let descriptor = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        guard futimens(descriptor, nil) == 0 else { throw CommandError("\(path): \(String(cString: strerror(errno)))") }
    }
}
