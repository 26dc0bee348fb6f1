/// One finding about a template: what is wrong, where, and what was probably meant.
public struct Diagnostic: Sendable, Hashable, Codable, CustomStringConvertible {
    /// How bad it is.
    public enum Severity: String, Sendable, Codable {
        /// The template can't be used.
        case error
        /// The template can be used; something in it has no effect here.
        case warning
    }

    /// Whether the template can be used.
    public var severity: Severity
    /// The file, line and column.
    public var location: SourceLocation
    /// The property's path, for example `Resources.ValidateFlights.Properties.Timeout`; empty where the file as a
    /// whole is meant.
    public var path: String
    /// What is wrong, for a person.
    public var message: String
    /// What was probably meant: a name that exists and is close to the one that was written.
    public var suggestion: String?

    /// A finding at a place.
    public init(
        _ severity: Severity, _ message: String, at location: SourceLocation, path: String = "",
        suggestion: String? = nil
    ) {
        self.severity = severity
        self.location = location
        self.path = path
        self.message = message
        self.suggestion = suggestion
    }

    /// One line in the form that compilers and editors share: `file:line:column: error: path: message`.
    public var description: String {
        let place = path.isEmpty ? "" : "\(path): "
        let hint = suggestion.map { "; did you mean '\($0)'?" } ?? ""
        return "\(location): \(severity.rawValue): \(place)\(message)\(hint)"
    }
}

/// Everything that keeps a template from being used, in the order of the file, with the warnings among it.
public struct TemplateError: Error, Sendable, CustomStringConvertible {
    /// At least one of them is an error.
    public var diagnostics: [Diagnostic]

    /// Findings of which at least one is an error.
    public init(diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

    /// One line a finding.
    public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}

/// Collects findings while a template is read.
final class DiagnosticCollector {
    private var found: [Diagnostic] = []
    private var seen: Set<String> = []
    /// Properties that have no effect here: the first place, and the resources that have them.
    private var withoutEffect: [(property: String, location: SourceLocation, path: String, owners: [String])] = []

    var hasErrors: Bool { found.contains { $0.severity == .error } }

    /// The same finding at the same place is kept once, whatever its path: `Globals` are read once for each function.
    func add(_ diagnostic: Diagnostic) {
        if seen.insert("\(diagnostic.location) \(diagnostic.message)").inserted { found.append(diagnostic) }
    }

    func error(_ message: String, at location: SourceLocation, path: String = "", suggestion: String? = nil) {
        add(Diagnostic(.error, message, at: location, path: path, suggestion: suggestion))
    }

    func warning(_ message: String, at location: SourceLocation, path: String = "", suggestion: String? = nil) {
        add(Diagnostic(.warning, message, at: location, path: path, suggestion: suggestion))
    }

    /// Notes a property that matters only on AWS; each property is told once, with all its owners.
    func noteWithoutEffect(_ property: String, of owner: String, at location: SourceLocation, path: String) {
        if let index = withoutEffect.firstIndex(where: { $0.property == property }) {
            if !withoutEffect[index].owners.contains(owner) { withoutEffect[index].owners.append(owner) }
        } else {
            withoutEffect.append((property, location, path, [owner]))
        }
    }

    /// All findings in the order of the file.
    func sorted() -> [Diagnostic] {
        let notes = withoutEffect.map { note in
            Diagnostic(
                .warning,
                "\(note.property) matters only on AWS and has no effect here"
                    + (note.owners.count > 1 ? " (\(note.owners.joined(separator: ", ")))" : ""),
                at: note.location, path: note.path)
        }
        let all = found + notes
        return all.enumerated().sorted { left, right in
            left.element.location == right.element.location
                ? left.offset < right.offset : left.element.location < right.element.location
        }.map(\.element)
    }
}
