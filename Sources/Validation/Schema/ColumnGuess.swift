/// What a column may be, as far as its values have shown.
///
/// Sendable without the compiler's proof: the validation that fills it runs on one thread, and it is read after.
final class ColumnGuess: @unchecked Sendable {
    /// A type that all values so far have.
    fileprivate struct Candidate {
        let members: [(key: String, json: String)]
        let reader: FieldReader
        /// Asked for beyond what the type's own reader does.
        var also: (ArraySlice<UInt8>) -> Bool = { _ in true }
        var isNumber = false
    }

    let name: String
    private var candidates: [Candidate] = []
    private var hasValues = false
    private(set) var markers: Set<String> = []
    /// Every different value, while there are few.
    private(set) var distinct: [String]? = []
    private static let mostDistinct = 16
    /// The values' fingerprints, until one comes twice or there are too many to keep.
    private var prints: Set<Fingerprint>? = []
    private static let mostPrints = 1_000_000
    private var isLong = false
    private var areYears = true

    init(_ name: String) {
        self.name = name
        candidates = Self.kinds.compactMap { kind in
            guard let reader = try? FieldReader(kind.type) else { return nil }
            let members = kind.members.map {
                ($0.0, $0.0 == "trueValues" || $0.0 == "falseValues" ? $0.1 : SchemaDraft.quoted($0.1))
            }
            return Candidate(members: members, reader: reader, also: kind.also, isNumber: kind.isNumber)
        }
    }

    private struct Kind {
        let type: ColumnType
        let members: [(String, String)]
        var also: @Sendable (ArraySlice<UInt8>) -> Bool = { _ in true }
        var isNumber = false
    }

    /// From the narrowest to the widest.
    private static let kinds: [Kind] = {
        var kinds: [Kind] = [
            Kind(type: .integer, members: [("type", "integer")], isNumber: true),
            Kind(
                type: .number, members: [("type", "number")],
                also: { $0.contains { $0 >= 0x30 && $0 <= 0x39 } }, isNumber: true),
            Kind(
                type: .integer(groupChar: ","), members: [("type", "integer"), ("groupChar", ",")],
                also: { isGrouped($0, group: 0x2c, point: nil) }, isNumber: true),
            Kind(
                type: .number(groupChar: ","), members: [("type", "number"), ("groupChar", ",")],
                also: { isGrouped($0, group: 0x2c, point: 0x2e) }, isNumber: true),
            Kind(
                type: .number(decimalChar: ",", groupChar: "."),
                members: [("type", "number"), ("decimalChar", ","), ("groupChar", ".")],
                also: { isGrouped($0, group: 0x2e, point: 0x2c) }, isNumber: true),
            Kind(
                type: .boolean(true: ["true", "True", "TRUE"], false: ["false", "False", "FALSE"]),
                members: [("type", "boolean")]),
        ]
        for (yes, no) in [("Y", "N"), ("y", "n"), ("Yes", "No"), ("yes", "no"), ("YES", "NO"), ("T", "F")] {
            kinds.append(
                Kind(
                    type: .boolean(true: [yes], false: [no]),
                    members: [("type", "boolean"), ("trueValues", "[\"\(yes)\"]"), ("falseValues", "[\"\(no)\"]")]))
        }
        kinds += [
            Kind(type: .date, members: [("type", "date")]), Kind(type: .datetime, members: [("type", "datetime")]),
            Kind(type: ColumnType(kind: .time(.seconds)), members: [("type", "time")]),
        ]
        for pattern in datePatterns {
            kinds.append(Kind(type: .date(pattern), members: [("type", "date"), ("format", pattern)]))
        }
        for pattern in datePatterns + ["%Y-%m-%d"] {
            for time in ["%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p"] {
                let format = "\(pattern) \(time)"
                kinds.append(Kind(type: .datetime(format), members: [("type", "datetime"), ("format", format)]))
            }
        }
        for pattern in ["%H:%M:%S.%f", "%H:%M", "%I:%M %p"] {
            kinds.append(Kind(type: .time(pattern), members: [("type", "time"), ("format", pattern)]))
        }
        kinds += [
            Kind(type: .uuid, members: [("type", "string"), ("format", "uuid")]),
            Kind(type: .object, members: [("type", "object")]), Kind(type: .array, members: [("type", "array")]),
        ]
        return kinds
    }()

    private static let datePatterns = [
        "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%d-%b-%Y", "%d %B %Y",
    ]

    /// Digits in groups of three, and a fraction: `1,234,567.8`. Only a text of such a form shows what its marks mean.
    private static func isGrouped(_ text: ArraySlice<UInt8>, group: UInt8, point: UInt8?) -> Bool {
        var text = text
        if text.first == 0x2d || text.first == 0x2b { text.removeFirst() }
        func areDigits(_ part: ArraySlice<UInt8>) -> Bool {
            !part.isEmpty && part.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        }
        if let point {
            let parts = text.split(separator: point, omittingEmptySubsequences: false)
            guard parts.count <= 2, parts.count == 1 || areDigits(parts[1]) else { return false }
            text = parts[0]
        }
        let groups = text.split(separator: group, omittingEmptySubsequences: false)
        guard groups.allSatisfy(areDigits) else { return false }
        return groups.count == 1 || (groups[0].count <= 3 && groups.dropFirst().allSatisfy { $0.count == 3 })
    }

    func take(_ value: String) {
        let bytes = Array(value.utf8)
        note(value, bytes)
        if SchemaInference.markers.contains(value) {
            markers.insert(value)
            return
        }
        hasValues = true
        if bytes.count != 4 || !(1800...2200).contains(Int(value) ?? 0) { areYears = false }
        // A number with a leading zero, or of more digits than any quantity, is a code: a postcode, an account.
        let digits = bytes.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        let isCode = digits && bytes.count > 1 && bytes[0] == 0x30
        candidates.removeAll { candidate in
            if isCode, candidate.isNumber { return true }
            if case .invalid = candidate.reader.judge(bytes[...]) { return true }
            return !candidate.also(bytes[...])
        }
    }

    private func note(_ value: String, _ bytes: [UInt8]) {
        if let known = distinct, !known.contains(where: { $0.isExactly(value) }) {
            distinct = known.count < Self.mostDistinct ? known + [value] : nil
        }
        isLong = isLong || bytes.count > 64
        guard prints != nil, !isLong, (prints?.count ?? 0) < Self.mostPrints else { return }
        var print = Fingerprint()
        bytes.withUnsafeBufferPointer { print.add($0) }
        if prints?.insert(print).inserted == false { prints = nil }
    }

    /// Both readings of day and month fit every value.
    private var ambiguity: [String] {
        guard let first = candidates.first?.format, let swapped = Self.swapped(first),
            candidates.contains(where: { $0.format == swapped })
        else { return [] }
        return [first, swapped].map { $0.replacing("\"", with: "") }
    }

    private static func swapped(_ format: String) -> String? {
        guard format.hasPrefix("\"%d/%m") || format.hasPrefix("\"%d-%m-") else { return nil }
        return format.replacing("%d", with: "%_").replacing("%m", with: "%d").replacing("%_", with: "%m")
    }

    /// Whether all values have a type narrower than string.
    var isNarrow: Bool { hasValues && !candidates.isEmpty && ambiguity.isEmpty && !isOneSided }

    /// A column of `N` alone, or of `T`, is not known to be one of truth values.
    private var isOneSided: Bool {
        guard let members = candidates.first?.members, members.contains(where: { $0.key == "trueValues" }) else {
            return false
        }
        return (distinct?.count { !SchemaInference.markers.contains($0) } ?? 0) < 2
    }

    /// Whether it is a column of texts.
    var isText: Bool { !isNarrow }
    /// Whether no value came twice, in a type that names things.
    var mayBeKey: Bool {
        guard hasValues, prints != nil, !isLong else { return false }
        return !isNarrow || candidates.first?.members.first?.json == "\"integer\""
            || candidates.first?.format == "\"uuid\""
    }

    /// The descriptor's members after the name.
    var members: [(key: String, json: String)] {
        let both = ambiguity
        if hasValues, !both.isEmpty {
            return [
                ("type", "\"string\""),
                ("description", SchemaDraft.quoted("a date in \(both[0]) or in \(both[1]): no value tells them apart")),
            ]
        }
        guard isNarrow, let first = candidates.first else { return [("type", "\"string\"")] }
        if areYears, first.members.first?.json == "\"integer\"", name.lowercased().contains("year") {
            return [("type", "\"year\"")]
        }
        return first.members
    }
}

extension ColumnGuess.Candidate {
    fileprivate var format: String? { members.first { $0.key == "format" }?.json }
}
