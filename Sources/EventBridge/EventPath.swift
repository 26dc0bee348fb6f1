import Events

/// A path into an event as `InputPath` and `InputPathsMap` take it: `$.detail.items[0].name`, `$.resources[*]`.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>
struct EventPath: Sendable, Hashable, CustomStringConvertible {
    private enum Step: Hashable {
        case member(String)
        case index(Int)
        case all
    }

    let description: String
    private let steps: [Step]

    init(_ text: String) throws(RuleError) {
        description = text
        let fault = RuleError("'\(text)' is no JSON path: expected '$.name', '$.name[0]' or '$.name[*]'")
        guard text.first == "$" else { throw fault }
        var steps: [Step] = []
        var rest = text.dropFirst()
        while let mark = rest.first {
            rest = rest.dropFirst()
            if mark == "." {
                let name = rest.prefix { $0 != "." && $0 != "[" }
                guard !name.isEmpty else { throw fault }
                steps.append(name == "*" ? .all : .member(String(name)))
                rest = rest.dropFirst(name.count)
            } else if mark == "[", let end = rest.firstIndex(of: "]") {
                let inside = rest[..<end]
                if inside == "*" {
                    steps.append(.all)
                } else if let index = Int(inside) {
                    steps.append(.index(index))
                } else if inside.count >= 2, let quote = inside.first, quote == "'" || quote == "\"",
                    inside.last == quote
                {
                    steps.append(.member(String(inside.dropFirst().dropLast())))
                } else {
                    throw fault
                }
                rest = rest[rest.index(after: end)...]
            } else {
                throw fault
            }
        }
        self.steps = steps
    }

    /// The value at the path, an array of values where it has a `*`; nil where there is none.
    func value(in event: JSON) -> JSON? {
        var values = [event]
        var isMany = false
        for step in steps {
            switch step {
            case .member(let name): values = values.compactMap { $0[name] }
            case .index(let index):
                values = values.compactMap { $0[index < 0 ? ($0.array?.count ?? 0) + index : index] }
            case .all:
                isMany = true
                values = values.flatMap { $0.array ?? $0.object.map { $0.map(\.value) } ?? [] }
            }
        }
        return isMany ? .array(values) : values.first
    }
}
