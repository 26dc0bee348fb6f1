/// Finds what a program said last before it failed: the line that a person would look for first.
enum FailureMessage {
    /// The message, from the ends of both outputs and the exit status, and which of the two it was found in.
    static func find(stdout: String, stderr: String, exitCode: Int) -> (message: String, inStdout: Bool) {
        // In client mode Spark passes Python's own stderr on to its stdout.
        for (text, inStdout) in [(stdout, true), (stderr, false)] {
            if let message = traceback(text) { return (message, inStdout) }
        }
        for (text, inStdout) in [(stderr, false), (stdout, true)] {
            if let message = javaException(text) { return (message, inStdout) }
        }
        if let line = lastLine(stderr) { return ("\(line) (exit status \(exitCode))", false) }
        switch exitCode {
        case 52: return ("Java ran out of memory (exit status 52)", false)
        case 129...192: return ("The program was ended by signal \(exitCode - 128)", false)
        default: return ("The program ended with exit status \(exitCode)", false)
        }
    }

    /// The exception that a Python traceback ends with; the line after it too, where it only introduces that.
    private static func traceback(_ text: String) -> String? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.lastIndex(where: { $0.hasPrefix("Traceback (most recent call last)") }),
            let end = lines[(start + 1)...].firstIndex(where: { !$0.isEmpty && !$0.hasPrefix(" ") })
        else { return nil }
        var message = String(lines[end])
        if end + 1 < lines.count, lines[end + 1].hasPrefix(": ") { message += lines[end + 1] }
        return cut(message)
    }

    private static func javaException(_ text: String) -> String? {
        let lines = text.split(separator: "\n")
        let marks = ["Exception in thread \"main\" ", "Error: "]
        for mark in marks {
            if let line = lines.last(where: { $0.hasPrefix(mark) }) {
                return cut(mark == "Error: " ? String(line) : String(line.dropFirst(mark.count)))
            }
        }
        return nil
    }

    private static func lastLine(_ text: String) -> String? {
        text.split(separator: "\n").last { line in
            // Spark's own farewell says nothing about the cause.
            !line.contains("ShutdownHookManager") && !line.contains(" INFO ") && line.contains { !$0.isWhitespace }
        }.map { cut(String($0)) }
    }

    private static func cut(_ line: String) -> String { line.count > 1000 ? "\(line.prefix(1000))…" : line }
}
