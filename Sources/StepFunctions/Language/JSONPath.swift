import Events

/// A JSONPath as the Amazon States Language takes it: `$` is the input, `$$` the context object.
///
/// Members by dot or bracket, indices (negative ones from the end), slices with a step, unions, wildcards, recursive
/// descent
/// and filters (`?(@.a > 1 && !(@.b == 'x' || @.c))`).
/// <https://states-language.net/spec.html#path>
struct JSONPath: Sendable, Hashable, CustomStringConvertible {
    indirect enum Step: Sendable, Hashable {
        case members([String])
        case indices([Int])
        case slice(from: Int?, to: Int?, by: Int)
        case all
        case filter(Filter)
        /// `..`: all values below, themselves included; the next step applies to each.
        case descend
    }

    /// What stands behind `?`.
    indirect enum Filter: Sendable, Hashable {
        case exists(Operand)
        case compare(Operand, String, Operand)
        case not(Filter)
        case and(Filter, Filter)
        case or(Filter, Filter)
    }

    enum Operand: Sendable, Hashable {
        /// From the element, `@`.
        case element([Step])
        /// From the whole input, `$`.
        case root([Step])
        case literal(JSON)
    }

    let description: String
    /// Whether it starts with `$$`.
    let isContext: Bool
    let steps: [Step]

    init(_ text: String) throws(JSONPathError) {
        var parser = JSONPathParser(text)
        description = text
        (isContext, steps) = try parser.path()
    }

    /// Whether it names one place at most: only members and single indices (a Reference Path).
    var isReference: Bool {
        steps.allSatisfy {
            switch $0 {
            case .members(let names): names.count == 1
            case .indices(let indices): indices.count == 1 && indices[0] >= 0
            case .slice, .all, .filter, .descend: false
            }
        }
    }

    /// Whether it names one place at most, negative indices included.
    private var isDefinite: Bool {
        steps.allSatisfy {
            switch $0 {
            case .members(let names): names.count == 1
            case .indices(let indices): indices.count == 1
            case .slice, .all, .filter, .descend: false
            }
        }
    }

    /// The value: of the one place, or an array of all that match. Nil where a path to one place finds nothing.
    func value(in root: JSON) -> JSON? {
        let values = Self.select(steps, from: [root], root: root)
        return isDefinite ? values.first : .array(values)
    }

    private static func select(_ steps: [Step], from start: [JSON], root: JSON) -> [JSON] {
        var values = start
        for step in steps {
            values = values.flatMap { value -> [JSON] in
                switch step {
                case .members(let names): names.compactMap { value[$0] }
                case .indices(let indices):
                    indices.compactMap { value[$0 < 0 ? (value.array?.count ?? 0) + $0 : $0] }
                case .slice(let from, let to, let by): slice(value.array ?? [], from, to, by)
                case .all: children(value)
                case .filter(let filter): children(value).filter { holds(filter, $0, root) }
                case .descend: descendants(value)
                }
            }
        }
        return values
    }

    private static func children(_ value: JSON) -> [JSON] { value.array ?? value.object?.map(\.value) ?? [] }

    private static func descendants(_ value: JSON) -> [JSON] {
        [value] + children(value).flatMap(descendants)
    }

    private static func slice(_ array: [JSON], _ from: Int?, _ to: Int?, _ by: Int) -> [JSON] {
        let count = array.count
        func place(_ index: Int) -> Int { min(max(index < 0 ? count + index : index, 0), count) }
        let start = place(from ?? 0)
        let end = place(to ?? count)
        return start < end ? stride(from: start, to: end, by: by).map { array[$0] } : []
    }

    private static func holds(_ filter: Filter, _ element: JSON, _ root: JSON) -> Bool {
        switch filter {
        case .exists(let operand): return resolve(operand, element, root) != nil
        case .not(let inner): return !holds(inner, element, root)
        case .and(let left, let right): return holds(left, element, root) && holds(right, element, root)
        case .or(let left, let right): return holds(left, element, root) || holds(right, element, root)
        case .compare(let left, let sign, let right):
            let (left, right) = (resolve(left, element, root), resolve(right, element, root))
            switch sign {
            case "==": return left == right
            case "!=": return left != right
            case "in": return left.map { right?.array?.contains($0) ?? false } ?? false
            case "nin": return !(left.map { right?.array?.contains($0) ?? false } ?? false)
            default:
                let order: (Bool, Bool)
                if let left = left?.double, let right = right?.double {
                    order = (left < right, left == right)
                } else if let left = left?.string, let right = right?.string {
                    order = (left < right, left == right)
                } else {
                    return false
                }
                switch sign {
                case "<": return order.0
                case "<=": return order.0 || order.1
                case ">": return !order.0 && !order.1
                default: return !order.0
                }
            }
        }
    }

    private static func resolve(_ operand: Operand, _ element: JSON, _ root: JSON) -> JSON? {
        switch operand {
        case .literal(let value): value
        case .element(let steps): select(steps, from: [element], root: root).first
        case .root(let steps): select(steps, from: [root], root: root).first
        }
    }

    // MARK: - Writing

    /// `root` with `value` put at this Reference Path; missing objects on the way are made. Nil where it does not fit,
    /// as a member of a string or an index past the end of an array.
    func setting(_ value: JSON, in root: JSON) -> JSON? { Self.set(value, steps[...], in: root) }

    private static func set(_ value: JSON, _ steps: ArraySlice<Step>, in target: JSON?) -> JSON? {
        guard let step = steps.first else { return value }
        let rest = steps.dropFirst()
        switch step {
        case .members(let names):
            guard let name = names.first else { return nil }
            var object = JSONObject()
            switch target {
            case .object(let found)?: object = found
            case nil, .null?: break
            default: return nil
            }
            guard let inner = set(value, rest, in: object[name]) else { return nil }
            object[name] = inner
            return .object(object)
        case .indices(let indices):
            guard let index = indices.first, var array = target?.array, array.indices.contains(index),
                let inner = set(value, rest, in: array[index])
            else { return nil }
            array[index] = inner
            return .array(array)
        case .slice, .all, .filter, .descend: return nil
        }
    }
}

/// Why a text is no JSONPath.
struct JSONPathError: Error, Equatable {
    let message: String
}
