/// Paths as text.
enum FilePaths {
    /// The folder of a file; "." where the path has none.
    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A path from a folder, without `.` steps and without a `/` at its end.
    static func join(_ folder: String, _ path: String) -> String {
        let full = path.hasPrefix("/") ? path : folder == "." ? path : "\(folder)/\(path)"
        var parts: [Substring] = []
        for part in full.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
        }
        let joined = parts.joined(separator: "/")
        return full.hasPrefix("/") ? "/" + joined : joined.isEmpty ? "." : joined
    }
}
