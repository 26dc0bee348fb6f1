import ArgumentParser
import Events
import Template

/// `sluice check`: what is wrong with the template.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the template and what it names, each fault with its line.",
        discussion: """
            Reads functions/template.yaml as 'sluice up' would: types, ranges, references, notification configurations, event \
            patterns, state machines, schedules, and whether each function has something to run.

              sluice check
              sluice check --json | jq '.diagnostics[] | select(.severity == "error")'

            Exits with 1 where there is an error, with 0 where there are warnings only.
            """)

    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        let findings = PipelineConfiguration.check(project)
        if output.json {
            let json: JSON = [
                "template": .string(project.template), "valid": JSON(!findings.hasErrors),
                "diagnostics": .array(findings.map(\.json)),
            ]
            Terminal.output.line(json.pretty)
        } else {
            for finding in findings { Terminal.output.line(finding.painted(on: .output)) }
            if !findings.hasErrors {
                Terminal.output.line(
                    "\(project.template): \(findings.isEmpty ? "no faults" : "can be used, with \(findings.count) warning(s)")"
                )
            }
        }
        if findings.hasErrors { throw ExitStatus.failed }
    }
}

extension [Diagnostic] {
    var hasErrors: Bool { contains { $0.severity == .error } }
}

extension Diagnostic {
    /// The finding with its place in parts, for programs.
    var json: JSON {
        .compact([
            "severity": .string(severity.rawValue), "file": .string(location.file), "line": JSON(location.line),
            "column": JSON(location.column), "path": path.isEmpty ? nil : .string(path), "message": .string(message),
            "suggestion": suggestion.map(JSON.string),
        ])
    }

    /// The finding as compilers print one, the severity in colour.
    func painted(on terminal: Terminal) -> String {
        let word = "\(severity.rawValue):"
        let text = description
        guard let range = text.firstRange(of: word) else { return text }
        return text[..<range.lowerBound] + terminal.paint(word, severity == .error ? .red : .yellow)
            + text[range.upperBound...]
    }
}
