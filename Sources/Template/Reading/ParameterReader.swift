/// `Parameters`: their types, defaults and the caller's values.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>
struct ParameterReader {
    let scope: Scope

    func read(_ section: Node.Member?, overrides: [String: String]) {
        let members = section?.value.mapping ?? []
        if let section, section.value.mapping == nil {
            scope.diagnostics.error(
                "expected an object, found \(section.value.kind)", at: section.value.location, path: "Parameters")
        }
        let file = SourceLocation(file: section?.keyLocation.file ?? scope.file, line: 1, column: 1)
        for key in overrides.keys.sorted() where !members.contains(where: { $0.key == key }) {
            scope.diagnostics.error(
                "the template has no parameter '\(key)'", at: section?.keyLocation ?? file, path: "Parameters",
                suggestion: Suggestion.closest(to: key, in: members.map(\.key)))
        }
        for member in members {
            let path = "Parameters.\(member.key)"
            // Until it is known otherwise, so that what refers to it is not told again.
            scope.parameters[member.key] = Node(.failed, at: member.keyLocation)
            guard
                let reader = PropertyReader(
                    member.value, scope: scope, path: path, location: member.keyLocation, owner: member.key)
            else { continue }
            if let value = value(member, reader, overrides[member.key]) { scope.parameters[member.key] = value }
            reader.finish()
        }
    }

    private func value(_ member: Node.Member, _ reader: PropertyReader, _ override: String?) -> Node? {
        reader.require("Type")
        for key in ["Description", "ConstraintDescription", "NoEcho", "Default"] { _ = reader.raw(key) }
        let type = reader.string("Type") ?? "String"
        let text = override ?? reader.string("Default")
        let place = override == nil ? reader.place("Default") : member.keyLocation
        let allowed = reader.strings("AllowedValues")
        let pattern = reader.string("AllowedPattern")
        let length = (reader.int("MinLength", in: 0...Int.max), reader.int("MaxLength", in: 0...Int.max))
        let range = (reader.double("MinValue"), reader.double("MaxValue"))
        let list = type == "CommaDelimitedList" || type.hasPrefix("List<")
        guard list || type == "String" || type == "Number" || type.hasPrefix("AWS::") else {
            reader.error(
                "'\(type)' is no type of a parameter", "Type",
                suggestion: Suggestion.closest(
                    to: type, in: ["String", "Number", "List<Number>", "CommaDelimitedList"]))
            return nil
        }
        if type.hasPrefix("AWS::SSM::"), override == nil {
            reader.error("parameters of Systems Manager are not supported; give a value at the start", "Type")
            return nil
        }
        guard let text else {
            if reader.raw("Default") == nil {
                scope.diagnostics.error(
                    "has no Default, and no value was given", at: member.keyLocation, path: reader.path)
            }
            return nil
        }
        func refuse(_ reason: String) -> Node? {
            scope.diagnostics.error("'\(text)' \(reason)", at: place, path: reader.path)
            return nil
        }
        let values = list ? text.split(separator: ",").map { String($0.trimming(while: \.isWhitespace)) } : [text]
        for value in values {
            if let allowed, !allowed.contains(value) { return refuse("is none of \(allowed.joined(separator: ", "))") }
            if type == "Number" || type == "List<Number>" {
                guard let number = Double(value) else { return refuse("is no number") }
                if let least = range.0, number < least { return refuse("is less than \(least)") }
                if let most = range.1, number > most { return refuse("is more than \(most)") }
            }
            if let least = length.0, value.count < least { return refuse("is shorter than \(least) characters") }
            if let most = length.1, value.count > most { return refuse("is longer than \(most) characters") }
            if let pattern {
                guard let expression = try? Regex(pattern) else {
                    reader.error("'\(pattern)' is no regular expression", "AllowedPattern")
                    return nil
                }
                if (try? expression.wholeMatch(in: value)) == nil { return refuse("does not match \(pattern)") }
            }
        }
        if list { return Node(.sequence(values.map { Node(string: $0, at: place) }), at: place) }
        return Node(string: text, at: place)
    }
}

extension StringProtocol {
    /// Without the characters at both ends that `test` accepts.
    func trimming(while test: (Character) -> Bool) -> SubSequence {
        var rest = self[...]
        while let first = rest.first, test(first) { rest = rest.dropFirst() }
        while let last = rest.last, test(last) { rest = rest.dropLast() }
        return rest
    }
}
