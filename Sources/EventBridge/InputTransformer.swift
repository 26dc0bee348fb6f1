import Events

/// Makes a target's input out of parts of the event.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>
public struct InputTransformer: Sendable, Hashable {
    private let paths: [String: EventPath]
    private let template: String
    private static let reserved = "aws.events."

    /// Reads a map of variables to paths, and the template in which `<variable>` stands for the value. Throws
    /// ``RuleError``.
    public init(inputPathsMap: [String: String] = [:], inputTemplate: String) throws(RuleError) {
        guard !inputTemplate.isEmpty, inputTemplate.utf8.count <= 8192 else {
            throw RuleError("InputTemplate must have 1 to 8192 bytes")
        }
        guard inputPathsMap.count <= 100 else { throw RuleError("InputPathsMap has more than 100 entries") }
        var paths: [String: EventPath] = [:]
        for (name, path) in inputPathsMap {
            let isName = name.utf8.allSatisfy {
                ($0 >= 48 && $0 <= 57) || ($0 | 32 >= 97 && $0 | 32 <= 122) || $0 == 45 || $0 == 95
            }
            guard isName, !name.isEmpty, !name.lowercased().hasPrefix("aws.") else {
                throw RuleError("InputPathsMap: '\(name)' is no name for a variable")
            }
            paths[name] = try EventPath(path)
        }
        self.paths = paths
        template = inputTemplate
        var unknown: String?
        _ = Self.fill(inputTemplate) { name, _ in
            let predefined = ["rule-arn", "rule-name", "event", "event.json", "event.ingestion-time"]
            if paths[name] == nil, !predefined.contains(where: { Self.reserved + $0 == name }) { unknown = name }
            return "0"
        }
        if let unknown { throw RuleError("Invalid InputTemplate: '\(unknown)' is not in InputPathsMap") }
    }

    /// The input for a target. Text that is no JSON becomes a JSON string, as each line of it does on AWS.
    func apply(to event: EventBridgeEvent, rule: ARN, received: Timestamp) -> JSON {
        let json = event.json
        let filled = Self.fill(template) { name, isQuoted in
            let value: JSON? =
                switch name {
                case "aws.events.rule-arn": .string(rule.description)
                case "aws.events.rule-name": .string(rule.name)
                case "aws.events.event.json": json
                case "aws.events.event":
                    json.object.map { object in
                        var object = object
                        object["detail"] = nil
                        return .object(object)
                    }
                case "aws.events.event.ingestion-time": .string(received.iso8601)
                default: self.paths[name]?.value(in: json)
                }
            guard let value else { return isQuoted ? "" : "\"\"" }
            guard isQuoted else { return value.description }
            // Within quotes a string stands without its own, and JSON loses the quotes that would end it.
            let text = value.string ?? value.description.replacing("\"", with: "")
            return String(JSON.string(text).description.dropFirst().dropLast())
        }
        return (try? JSON(parsing: filled)) ?? .string(filled)
    }

    /// Replaces each `<name>`; what stands between `<` and `>` and is no name stays.
    private static func fill(_ template: String, _ value: (String, Bool) -> String) -> String {
        // Only JSON has quotes that mean something; a bare line of text has its variables replaced as text.
        let isJSON = ["{", "[", "\""].contains(template.first { !$0.isWhitespace })
        let isAlone = template.first == "<" && template.last == ">" && template.count { $0 == "<" } == 1
        var out = ""
        var rest = Substring(template)
        var isQuoted = false
        while let character = rest.first {
            if character == "\\", rest.count > 1 {
                out += rest.prefix(2)
                rest = rest.dropFirst(2)
                continue
            }
            if character == "\"" { isQuoted.toggle() }
            if character == "<", let end = rest.firstIndex(of: ">") {
                let name = rest[rest.index(after: rest.startIndex)..<end]
                let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
                if isName, !name.isEmpty {
                    out += value(String(name), isQuoted || (!isJSON && !isAlone))
                    rest = rest[rest.index(after: end)...]
                    continue
                }
            }
            out.append(character)
            rest = rest.dropFirst()
        }
        return out
    }
}
