import ArgumentParser
import Events
import Glibc
import S3

/// `sluice put`: an upload.
struct PutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Upload a file: it appears in its bucket with one move, never half.",
        discussion: """
            The same as copying it into lake/BUCKET/, but a reader never sees a part of it, and the key is checked.

              sluice put january.csv.gz s3://raw/flights/
              zcat big.gz | sluice put - s3://raw/big.csv
            """)

    @Argument(help: "The file, or - for standard input.")
    var file: String
    @Argument(help: "Where to: s3://BUCKET/KEY, or s3://BUCKET/PREFIX/ to keep the file's name.")
    var target: ObjectURI
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        var key = target.key
        if key.isEmpty || key.hasSuffix("/") {
            guard file != "-" else {
                throw CommandError("standard input has no name; give the whole key", status: ExitCode.validationFailure)
            }
            key += file.split(separator: "/").last.map(String.init) ?? ""
        }
        guard file == "-" || access(file, R_OK) == 0 else {
            throw CommandError("\(file): \(String(cString: strerror(errno)))", status: ExitStatus.notFound)
        }
        do {
            // Set where a function calls the command: S3 hands it on, as from an SDK's call.
            let writer = ObjectWriter(
                lake: project.lake, traceHeader: HostIdentity.environment["_X_AMZN_TRACE_ID"])
            if file == "-" {
                try writer.putStandardInput(bucket: target.bucket, key: key)
            } else {
                try writer.put(file: file, bucket: target.bucket, key: key)
            }
        } catch {
            throw CommandError("s3://\(target.bucket)/\(key): \(error)")
        }
        var status = stat()
        stat(try ObjectPath.resolve(lake: project.lake, bucket: target.bucket, key: key), &status)
        let size = Int64(status.st_size)
        if output.json {
            let json: JSON = ["bucket": .string(target.bucket), "key": .string(key), "size": JSON(size)]
            Terminal.output.line(json.description)
        } else {
            Terminal.output.line("s3://\(target.bucket)/\(key)".printable + "  \(Feed.bytes(size))")
        }
    }
}
