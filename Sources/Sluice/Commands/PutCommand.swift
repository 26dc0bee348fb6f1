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
            guard file != "-" else { throw CommandError("standard input has no name; give the whole key", status: ExitCode.validationFailure) }
            key += file.split(separator: "/").last.map(String.init) ?? ""
        }
        let source = open(file == "-" ? "/dev/stdin" : file, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw CommandError("\(file): \(String(cString: strerror(errno)))", status: ExitStatus.notFound) }
        defer { close(source) }
        let size: Int64
        do {
            size = try ObjectUpload.put(from: source, lake: project.lake, bucket: target.bucket, key: key)
        } catch {
            throw CommandError("s3://\(target.bucket)/\(key): \(error)")
        }
        if output.json {
            let json: JSON = ["bucket": .string(target.bucket), "key": .string(key), "size": JSON(size)]
            Terminal.output.line(json.description)
        } else {
            Terminal.output.line("s3://\(target.bucket)/\(key)  \(Feed.bytes(size))")
        }
    }
}
