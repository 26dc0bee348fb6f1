import ArgumentParser
import Glibc

/// Where a project's files are.
struct Project: Sendable {
    /// The folder that holds `functions/`.
    let root: String
    /// The SAM template.
    let template: String
    /// The folder of buckets.
    let lake: String
    /// The folder of the database, logs and temporary files.
    let state: String

    var database: String { state + "/sluice.db" }
    /// Held while a host runs; says its process id and port.
    var lock: String { state + "/host.json" }

    struct Options: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "The project's folder. Without it: the nearest one upwards with a functions/template.yaml.",
                valueName: "folder"))
        var project: String?
        @Option(
            help: ArgumentHelp("The template (default: functions/template.yaml in the project).", valueName: "file"))
        var template: String?
        @Option(help: ArgumentHelp("The folder of buckets (default: lake/ in the project).", valueName: "folder"))
        var lake: String?
        @Option(
            help: ArgumentHelp(
                "The folder of the database and logs (default: .sluice/ in the project).", valueName: "folder"))
        var state: String?

        func find() throws -> Project { try Project(self) }
    }

    private init(_ options: Options) throws {
        let root = try Self.root(options)
        self.root = root
        func path(_ option: String?, _ name: String) -> String { option.map { Self.absolute($0) } ?? root + "/" + name }
        template = path(options.template, "functions/template.yaml")
        lake = path(options.lake, "lake")
        state = path(options.state, ".sluice")
    }

    private static func root(_ options: Options) throws -> String {
        let name = "functions/template.yaml"
        if let folder = options.project {
            let root = absolute(folder)
            guard access(root, F_OK) == 0 else {
                throw CommandError("\(folder): no such folder", status: ExitStatus.unusable)
            }
            return root
        }
        let start = absolute(".")
        var folder = start
        while true {
            if access(folder + "/" + name, F_OK) == 0 { return folder }
            guard let slash = folder.lastIndex(of: "/"), folder != "/" else { break }
            folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
        }
        if options.template != nil { return start }
        throw CommandError(
            "no \(name) here or in a folder above \(start). Go to a project's folder, or name it with --project.",
            status: ExitStatus.unusable)
    }

    /// The path from the root, without `.` and `..`; links are kept.
    static func absolute(_ path: String) -> String {
        var full = path
        if !path.hasPrefix("/") {
            let here = getcwd(nil, 0)
            defer { free(here) }
            full = (here.map { String(cString: $0) } ?? "") + "/" + path
        }
        var parts: [Substring] = []
        for part in full.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}
