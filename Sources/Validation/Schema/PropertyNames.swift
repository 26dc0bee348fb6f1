/// The properties of a descriptor that carry rules. One that is written a little differently would be read over, and check
/// nothing; so it is a mistake.
///
/// The specification allows any further property, so a name that resembles none of these is left alone; and so are those that
/// only describe, and whatever resembles them.
struct PropertyNames {
    private let what: String
    private let rules: [String]
    /// Constraints, and where they belong.
    private var elsewhere: (names: [String], place: String) = ([], "")

    static let schema = PropertyNames(
        what: "a Table Schema",
        rules: ["fields", "fieldsMatch", "missingValues", "primaryKey", "uniqueKeys", "foreignKeys"])
    static let field = PropertyNames(
        what: "a field",
        rules: [
            "type", "format", "constraints", "missingValues", "categories", "categoriesOrdered", "trueValues",
            "falseValues",
            "decimalChar", "groupChar", "bareNumber", "itemType", "delimiter",
        ], elsewhere: (FieldConstraints.names, "the field's \"constraints\""))
    static let foreignKey = PropertyNames(what: "a foreign key", rules: ["fields", "reference"])
    static let reference = PropertyNames(what: "a reference", rules: ["resource", "fields"])
    static let resource = PropertyNames(what: "a resource", rules: ["schema", "dialect", "format", "encoding"])

    /// Throws ``RuleError`` with the line of the first name that is probably a mistake.
    func check(_ descriptor: JSONValue) throws(RuleError) {
        guard case .object(let members) = descriptor.content else { return }
        for (key, value) in members where !rules.contains(key) && !Self.isOwn(key) {
            if let name = elsewhere.names.first(where: { Self.plain($0) == Self.plain(key) }) {
                throw RuleError(
                    "\"\(key)\" is no property of \(what): the constraint \"\(name)\" belongs in \(elsewhere.place)",
                    line: value.line)
            }
            if let name = rules.first(where: { isNearly(key, $0) }) {
                throw RuleError("\"\(key)\" is no property of \(what); did you mean \"\(name)\"?", line: value.line)
            }
        }
    }

    /// Names of somebody's own, by the customs for them: `x-source`, `ex:unit`, `_comment`, `$id`.
    private static func isOwn(_ key: String) -> Bool {
        key.hasPrefix("x-") || key.hasPrefix("x_") || key.utf8.contains(UInt8(ascii: ":"))
            || key.utf8.first.map { "_$@#".utf8.contains($0) } ?? true
    }

    private static func plain(_ key: String) -> String { key.lowercased().filter { !"_- ".contains($0) } }

    private func isNearly(_ key: String, _ name: String) -> Bool {
        guard key.utf8.count <= 64 else { return false }
        return Suggestion.distance(Self.plain(key), Self.plain(name)) <= (name.utf8.count < 8 ? 1 : 2)
    }
}
