import Events

/// Members of one kind each.
extension DefinitionReader {
    mutating func string(_ object: JSONObject, _ name: String, _ pointer: String, isRequired: Bool) -> String? {
        guard let value = object[name] else {
            if isRequired { fault(pointer, "These required fields are missing: [\(name)]") }
            return nil
        }
        guard let text = value.string, !text.isEmpty else {
            fault("\(pointer)/\(name)", "\(name) must be a string that is not empty")
            return nil
        }
        return text
    }

    mutating func list(_ object: JSONObject, _ name: String, _ pointer: String) -> [JSON] {
        guard let value = object[name] else { return [] }
        guard let values = value.array else {
            fault("\(pointer)/\(name)", "\(name) must be an array, not \(value.kind)")
            return []
        }
        return values
    }

    mutating func integer(
        _ object: JSONObject, _ name: String, _ pointer: String, _ range: ClosedRange<Int>
    ) -> Int? {
        guard let value = object[name] else { return nil }
        guard let int = value.int, range.contains(int) else {
            fault(
                "\(pointer)/\(name)",
                "\(name) must be an integer from \(range.lowerBound) to \(range.upperBound), not \(value)")
            return nil
        }
        return int
    }

    /// `name`, or `namePath` with a path to it.
    mutating func number(
        _ object: JSONObject, _ name: String, _ pointer: String, _ range: ClosedRange<Int>
    ) -> State.NumberField? {
        if object[name] != nil, object[name + "Path"] != nil {
            fault(pointer, "\(name) and \(name)Path can't both be given")
        }
        if let value = integer(object, name, pointer, range) { return .number(value) }
        guard case .path(let path)? = dataPath(object, name + "Path", pointer) else { return nil }
        return .path(path)
    }

    /// `name`, or `namePath` with a path or an intrinsic function.
    mutating func text(_ object: JSONObject, _ name: String, _ pointer: String) -> State.TextField? {
        let path = name + "Path"
        if object[name] != nil, object[path] != nil { fault(pointer, "\(name) and \(path) can't both be given") }
        if let value = object[name] {
            guard let text = value.string else {
                fault("\(pointer)/\(name)", "\(name) must be a string")
                return nil
            }
            return .text(text)
        }
        guard let text = string(object, path, pointer, isRequired: false) else { return nil }
        do throws(JSONPathError) {
            return text.hasPrefix("$") ? .path(try JSONPath(text)) : .intrinsic(try Intrinsic(text))
        } catch {
            fault("\(pointer)/\(path)", error.message, code: "INVALID_JSON_PATH")
            return nil
        }
    }

    mutating func dataPath(
        _ object: JSONObject, _ name: String, _ pointer: String, isReference: Bool = false
    ) -> State.DataPath? {
        guard let value = object[name] else { return nil }
        if value.isNull, ["InputPath", "OutputPath", "ResultPath"].contains(name) { return .discard }
        guard let text = value.string else {
            fault("\(pointer)/\(name)", "\(name) must be a JSONPath, not \(value.kind)", code: "INVALID_JSON_PATH")
            return nil
        }
        return path(text, "\(pointer)/\(name)", isReference: isReference).map(State.DataPath.path)
    }

    mutating func path(_ text: String, _ pointer: String, isReference: Bool = false) -> JSONPath? {
        do throws(JSONPathError) {
            let path = try JSONPath(text)
            if isReference, !path.isReference || path.isContext {
                fault(
                    pointer, "'\(text)' must be a Reference Path, which names one place in the data",
                    code: "INVALID_JSON_PATH")
                return nil
            }
            return path
        } catch {
            fault(pointer, error.message, code: "INVALID_JSON_PATH")
            return nil
        }
    }

    mutating func template(_ json: JSON, _ pointer: String) -> PayloadTemplate? {
        switch json {
        case .null, .bool, .number, .string: return .literal(json)
        case .array(let values):
            var elements: [PayloadTemplate] = []
            for (index, value) in values.enumerated() {
                if let element = template(value, "\(pointer)/\(index)") { elements.append(element) }
            }
            return .array(elements)
        case .object(let object):
            var members: [PayloadTemplate.Member] = []
            for (key, value) in object {
                let place = "\(pointer)/\(Self.escape(key))"
                guard key.hasSuffix(".$") else {
                    if let value = template(value, place) { members.append(.init(name: key, value: value)) }
                    continue
                }
                let name = String(key.dropLast(2))
                guard let text = value.string else {
                    fault(
                        place,
                        "The value for the field '\(key)' must be a valid JSONPath or a valid intrinsic function call")
                    continue
                }
                if object[name] != nil { fault(place, "'\(name)' and '\(key)' can't both be given") }
                do throws(JSONPathError) {
                    let value: PayloadTemplate =
                        text.hasPrefix("$") ? .path(try JSONPath(text), field: key) : .intrinsic(try Intrinsic(text))
                    members.append(.init(name: name, value: value))
                } catch {
                    fault(
                        place,
                        "The value for the field '\(key)' must be a valid JSONPath or a valid intrinsic function call: "
                            + error.message)
                }
            }
            return .object(members)
        }
    }
}
