import Events

/// A payload whose members ending in `.$` are filled from the data: `Parameters`, `ResultSelector`, `ItemSelector`.
///
/// <https://states-language.net/spec.html#payload-template>
indirect enum PayloadTemplate: Sendable, Hashable {
    case literal(JSON)
    case object([Member])
    case array([PayloadTemplate])
    /// A path, with the member's name for messages.
    case path(JSONPath, field: String)
    case intrinsic(Intrinsic)

    /// One member of an object.
    struct Member: Sendable, Hashable {
        var name: String
        var value: PayloadTemplate
    }

    /// The value with all paths and functions replaced. Throws ``StateFailure``.
    func value(_ scope: DataScope) throws(StateFailure) -> JSON {
        switch self {
        case .literal(let value): return value
        case .array(let values):
            var out: [JSON] = []
            for value in values { out.append(try value.value(scope)) }
            return .array(out)
        case .object(let members):
            var object = JSONObject()
            for member in members { object[member.name] = try member.value.value(scope) }
            return .object(object)
        case .path(let path, let field): return try scope.value(of: path, field: field)
        case .intrinsic(let intrinsic): return try scope.value(of: intrinsic)
        }
    }
}

/// What paths look into: the data and the context object.
struct DataScope {
    /// `$`
    var data: JSON
    /// `$$`
    var context: JSON
    /// How messages name the place.
    var state: String
    /// The id of the event at which the state was entered.
    var entered: Int

    /// The value at a path. Throws `States.Runtime` where there is none.
    func value(of path: JSONPath, field: String) throws(StateFailure) -> JSON {
        let root = path.isContext ? context : data
        guard let value = path.value(in: root) else {
            throw runtime(
                "The JSONPath '\(path)' specified for the field '\(field)' could not be found in the input '\(root)'")
        }
        return value
    }

    /// The value of an intrinsic expression. Throws `States.IntrinsicFailure` or `States.Runtime`.
    func value(of intrinsic: Intrinsic) throws(StateFailure) -> JSON {
        switch intrinsic {
        case .literal(let value): return value
        case .path(let path): return try value(of: path, field: path.description)
        case .call(let function, let arguments):
            var values: [JSON] = []
            for argument in arguments { values.append(try value(of: argument)) }
            return try function(values)
        }
    }

    /// The value at an `InputPath` or `OutputPath`: all where there is none, `{}` where it is null.
    func value(of path: State.DataPath?, field: String) throws(StateFailure) -> JSON {
        switch path {
        case nil: return data
        case .discard?: return [:]
        case .path(let path)?: return try value(of: path, field: field)
        }
    }

    /// A whole number, as it stands or at a path.
    func value(of number: State.NumberField, field: String) throws(StateFailure) -> Int {
        switch number {
        case .number(let number): return number
        case .path(let path):
            let value = try value(of: path, field: field)
            guard let int = value.int, int >= 0, int <= 99_999_999 else {
                throw runtime("The \(field) parameter does not reference a valid number: \(path) == \(value)")
            }
            return int
        }
    }

    /// An error of the interpreter, with the place.
    func runtime(_ message: String) -> StateFailure {
        StateFailure(
            error: "States.Runtime",
            cause: "An error occurred while executing the state '\(state)' (entered at the event id #\(entered)). "
                + message)
    }
}
