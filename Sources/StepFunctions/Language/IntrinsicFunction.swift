import Events
import Foundation

/// The intrinsic functions by their names.
enum IntrinsicFunction: String, Sendable, Hashable, CaseIterable {
    case format = "States.Format"
    case stringToJson = "States.StringToJson"
    case jsonToString = "States.JsonToString"
    case array = "States.Array"
    case arrayPartition = "States.ArrayPartition"
    case arrayContains = "States.ArrayContains"
    case arrayRange = "States.ArrayRange"
    case arrayGetItem = "States.ArrayGetItem"
    case arrayLength = "States.ArrayLength"
    case arrayUnique = "States.ArrayUnique"
    case base64Encode = "States.Base64Encode"
    case base64Decode = "States.Base64Decode"
    case hash = "States.Hash"
    case jsonMerge = "States.JsonMerge"
    case mathRandom = "States.MathRandom"
    case mathAdd = "States.MathAdd"
    case stringSplit = "States.StringSplit"
    case uuid = "States.UUID"

    /// How many arguments it takes.
    var argumentCount: ClosedRange<Int> {
        switch self {
        case .format: 1...Int.max
        case .array: 0...Int.max
        case .uuid: 0...0
        case .stringToJson, .jsonToString, .arrayLength, .arrayUnique, .base64Encode, .base64Decode: 1...1
        case .arrayPartition, .arrayContains, .arrayGetItem, .hash, .mathAdd, .stringSplit: 2...2
        case .arrayRange, .jsonMerge: 3...3
        case .mathRandom: 2...3
        }
    }

    /// Most items that an array may get, and most characters that may be encoded or hashed.
    private static let itemLimit = 1000
    private static let lengthLimit = 10_000

    /// The value for evaluated arguments. Throws `States.IntrinsicFailure`.
    func callAsFunction(_ arguments: [JSON]) throws(StateFailure) -> JSON {
        func fault(_ message: String) -> StateFailure {
            StateFailure(error: "States.IntrinsicFailure", cause: "\(rawValue): \(message)")
        }
        func string(_ index: Int) throws(StateFailure) -> String {
            guard let value = arguments[index].string else {
                throw fault("argument \(index + 1) must be a string, not \(arguments[index])")
            }
            return value.replacing("\\{", with: "{").replacing("\\}", with: "}")
        }
        func integer(_ index: Int) throws(StateFailure) -> Int {
            guard let value = arguments[index].double, value.magnitude < 9e15 else {
                throw fault("argument \(index + 1) must be an integer, not \(arguments[index])")
            }
            return Int(value.rounded())
        }
        func list(_ index: Int) throws(StateFailure) -> [JSON] {
            guard let value = arguments[index].array else {
                throw fault("argument \(index + 1) must be an array, not \(arguments[index].kind)")
            }
            return value
        }
        func short(_ text: String) throws(StateFailure) -> String {
            guard text.count <= Self.lengthLimit else {
                throw fault("the text has more than \(Self.lengthLimit) characters")
            }
            return text
        }
        switch self {
        case .format: return .string(try format(arguments, fault))
        case .stringToJson:
            let text = try string(0)
            do throws(JSONSyntaxError) { return try JSON(parsing: text) } catch {
                throw fault("the string is no JSON: \(error)")
            }
        case .jsonToString: return .string(arguments[0].description)
        case .array: return .array(arguments)
        case .arrayPartition:
            let (items, size) = (try list(0), try integer(1))
            guard size > 0 else { throw fault("the size must be positive") }
            return .array(
                stride(from: 0, to: items.count, by: size).map {
                    .array(Array(items[$0..<min($0 + size, items.count)]))
                }
            )
        case .arrayContains: return .bool(try list(0).contains(arguments[1]))
        case .arrayRange:
            let (first, last, step) = (try integer(0), try integer(1), try integer(2))
            guard step != 0 else { throw fault("the increment must not be 0") }
            guard (last - first) / step < Self.itemLimit else {
                throw fault("the array would have more than \(Self.itemLimit) items")
            }
            return .array(stride(from: first, through: last, by: step).map { JSON($0) })
        case .arrayGetItem:
            let (items, index) = (try list(0), try integer(1))
            guard items.indices.contains(index) else {
                throw fault("there is no item \(index) in an array of \(items.count)")
            }
            return items[index]
        case .arrayLength: return JSON(try list(0).count)
        case .arrayUnique:
            var seen: Set<JSON> = []
            return .array(try list(0).filter { seen.insert($0).inserted })
        case .base64Encode: return .string(Data(try short(try string(0)).utf8).base64EncodedString())
        case .base64Decode:
            guard let data = Data(base64Encoded: try short(try string(0))) else { throw fault("it is no Base64") }
            return .string(String(decoding: data, as: UTF8.self))
        case .hash:
            guard let digest = Digest(rawValue: try string(1)) else {
                throw fault("'\(try string(1))' is none of MD5, SHA-1, SHA-256, SHA-384, SHA-512")
            }
            let text = try short(arguments[0].string == nil ? arguments[0].description : try string(0))
            return .string(digest.hexadecimal(Array(text.utf8)))
        case .jsonMerge:
            guard let left = arguments[0].object, let right = arguments[1].object else {
                throw fault("the first two arguments must be objects")
            }
            guard arguments[2] == .bool(false) else { throw fault("only the shallow merge is supported: false") }
            var merged = left
            for (key, value) in right { merged[key] = value }
            return .object(merged)
        case .mathRandom:
            let (first, end) = (try integer(0), try integer(1))
            guard first < end else { throw fault("the start must be less than the end") }
            guard arguments.count == 3 else { return JSON(Int.random(in: first..<end)) }
            var generator = SeededGenerator(seed: UInt64(bitPattern: Int64(try integer(2))))
            return JSON(Int.random(in: first..<end, using: &generator))
        case .mathAdd: return JSON(try integer(0) + (try integer(1)))
        case .stringSplit:
            let (text, marks) = (try string(0), try string(1))
            let parts = text.split { marks.contains($0) }
            return .array(parts.map { .string(String($0)) })
        case .uuid: return .string(Identifier.uuid())
        }
    }

    private func format(_ arguments: [JSON], _ fault: (String) -> StateFailure) throws(StateFailure) -> String {
        guard let template = arguments[0].string else { throw fault("the template must be a string") }
        var values = arguments.dropFirst()[...]
        var out = ""
        var rest = Substring(template)
        while let character = rest.first {
            if character == "\\", let escaped = rest.dropFirst().first, "{}".contains(escaped) {
                out.append(escaped)
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix("{}") {
                guard let value = values.popFirst() else { throw fault("there are more '{}' than arguments") }
                out += value.string ?? value.description
                rest = rest.dropFirst(2)
            } else {
                out.append(character)
                rest = rest.dropFirst()
            }
        }
        guard values.isEmpty else { throw fault("there are more arguments than '{}'") }
        return out
    }
}

/// Equal numbers for equal seeds (SplitMix64).
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
