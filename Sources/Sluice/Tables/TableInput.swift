import FunctionRuntime
import Glibc
import Validation

/// A table that a command reads: a file, `-` for standard input, or `s3://BUCKET/KEY` in the project's lake.
struct TableInput: Sendable {
    /// As the user wrote it.
    let argument: String
    /// The lake's folder, where there is a project.
    let lake: String?

    var isStandardInput: Bool { argument == "-" }
    var isObject: Bool { argument.hasPrefix("s3://") }
    /// What messages and reports call it.
    var name: String { isStandardInput ? "standard input" : argument }
    /// The last part of its path.
    var lastName: String { argument.split(separator: "/").last.map(String.init) ?? argument }

    /// The folder that it is in, with its slash; empty for the working folder.
    var folder: String {
        isStandardInput ? "" : argument.lastIndex(of: "/").map { String(argument[...$0]) } ?? ""
    }

    /// Opens it. Throws ``CommandError`` with exit status 2.
    func open(_ decoding: Decoding = .strict) throws -> ContentReader {
        do {
            if isStandardInput { return try ContentReader(descriptor: dup(0), name: name, decoding: decoding) }
            guard isObject else { return try ContentReader(path: argument, decoding: decoding) }
            guard let lake else {
                throw CommandError(
                    "\(argument): no project here, so no lake; name one with --project or --lake",
                    status: ExitStatus.unreadable)
            }
            return try ContentReader(uri: argument, lake: lake, decoding: decoding)
        } catch let error as S3Error {
            throw CommandError("\(error)", status: ExitStatus.unreadable)
        }
    }

    /// Another file or object by its path or URI.
    func sibling(_ path: String) -> TableInput { TableInput(argument: path, lake: lake) }

    /// Whether there is such a file or object.
    var exists: Bool {
        isObject ? (try? open(.none)) != nil : access(argument, F_OK) == 0
    }

    /// Where a schema may lie if none is named, as ``validate-table`` looks for it: beside the file with its name, then the
    /// nearest `schema.json`; for a file in its own folder only.
    var schemaPlaces: [TableInput] {
        if isStandardInput { return [] }
        var places = ["\(argument).schema.json"]
        guard isObject else { return (places + [folder + "schema.json"]).map(sibling) }
        var parts = argument.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        while parts.count >= 3 {
            places.append((parts + ["schema.json"]).joined(separator: "/"))
            parts.removeLast()
        }
        return places.map(sibling)
    }
}
