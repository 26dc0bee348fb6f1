/// Reads one field as its column's type, by the lexical rules of Table Schema.
///
/// This is the exact reader, for any form of any type. Fields in the plainest forms of the commonest types are read by
/// ``PlainField`` first and never come here.
struct FieldReader: Sendable {
    private let kind: ColumnType.Kind
    private let pattern: TemporalPattern?
    private let truths: (yes: [[UInt8]], no: [[UInt8]])

    init(_ type: ColumnType) throws(RuleError) {
        kind = type.kind
        truths =
            if case .boolean(let format) = kind {
                (format.trueValues.map { Array($0.utf8) }, format.falseValues.map { Array($0.utf8) })
            } else {
                ([], [])
            }
        switch kind {
        case .date(.pattern(let text)), .time(.pattern(let text)), .datetime(.pattern(let text)):
            pattern = try TemporalPattern(text)
        default:
            pattern = nil
        }
    }

    /// Judges the characters of a field that is not missing.
    func judge(_ field: ArraySlice<UInt8>) -> Judged {
        switch kind {
        case .any: return .text
        case .string(let format): return StringForms.holds(format, field) ? .text : .invalid
        case .uuid: return StringForms.isUUID(field) ? .text : .invalid
        case .integer(let format): return integer(field, format)
        case .decimal(let format): return decimal(field, format)
        case .number(let format): return number(field, format)
        case .boolean:
            if truths.yes.contains(where: { $0.elementsEqual(field) }) { return .lane(1) }
            return truths.no.contains { $0.elementsEqual(field) } ? .lane(0) : .invalid
        case .date(let format): return date(field, format)
        case .time(let format): return time(field, format)
        case .datetime(let format): return datetime(field, format)
        case .year: return year(field)
        case .yearMonth: return yearMonth(field)
        case .duration:
            var cursor = Cursor(field)
            return Temporal.duration(&cursor)?.judged ?? .invalid
        case .geopoint(let format): return StringForms.geopoint(field, format) != nil ? .text : .invalid
        case .object, .array, .geojson: return StructuredForms.holds(kind, field) ? .text : .invalid
        case .list(let delimiter, let item):
            return StructuredForms.items(field, delimiter).allSatisfy { holds(item, $0) } ? .text : .invalid
        case .enumeration(let values):
            return values.contains { $0.utf8.elementsEqual(field) } ? .text : .invalid
        }
    }

    /// Judges a number of JSON. It is written as JSON has it, whatever the column's own characters are; a whole number may
    /// be written `1.0` or `1e2`.
    func judge(number text: ArraySlice<UInt8>) -> Judged {
        switch kind {
        case .integer:
            guard case .invalid = integer(text, NumberFormat()) else { return integer(text, NumberFormat()) }
            guard let value = ExactDecimal(text), value.isInteger else { return .invalid }
            return value.unscaled(scale: 0).map { .lane($0) } ?? .exact(value)
        case .decimal: return decimal(text, NumberFormat())
        case .number: return number(text, NumberFormat())
        default: return judge(text)
        }
    }

    private func judge(_ item: ListItem, _ field: ArraySlice<UInt8>) -> Judged {
        switch item {
        case .string: .text
        case .integer: integer(field, NumberFormat())
        case .number: number(field, NumberFormat())
        case .boolean:
            if BooleanFormat().trueValues.contains(where: { $0.utf8.elementsEqual(field) }) {
                .lane(1)
            } else {
                BooleanFormat().falseValues.contains { $0.utf8.elementsEqual(field) } ? .lane(0) : .invalid
            }
        case .datetime: datetime(field, .iso)
        case .date: date(field, .iso)
        case .time(let format): time(field, format)
        }
    }

    private func holds(_ item: ListItem, _ field: ArraySlice<UInt8>) -> Bool {
        if case .invalid = judge(item, field) { return false }
        return true
    }

    // MARK: Values without an order

    /// Whether two values without an order are the same only if their texts are.
    var isCanonical: Bool {
        switch kind {
        case .object, .array, .geojson, .geopoint: false
        case .list(_, let item): item == .string
        default: true
        }
    }

    /// One text for all writings of a value without an order: what keys, references and enumerations compare.
    func canonical(_ field: [UInt8]) -> [UInt8] {
        switch kind {
        case .object, .array, .geojson:
            return StructuredForms.parse(field[...]).map { Array($0.canonical.utf8) } ?? field
        case .geopoint(let format):
            guard let (lon, lat) = StringForms.geopoint(field[...], format) else { return field }
            return Array("\(lon.text),\(lat.text)".utf8)
        case .list(let delimiter, let item) where item != .string:
            let items = StructuredForms.items(field[...], delimiter).map { text in
                switch judge(item, text) {
                case .lane(let position): String(position)
                case .exact(let value): "=" + value.text
                case .text, .missing, .invalid: String(decoding: text, as: UTF8.self)
                }
            }
            return Array(items.joined(separator: ",").utf8)
        default: return field
        }
    }

    /// The same for a value of JSON in a column of type `any`: one of another kind is another value, `1` is not `"1"`.
    static func canonical(_ field: [UInt8], _ kind: JSONField) -> [UInt8] {
        if kind == .string { return field }
        // No string of UTF-8 holds this byte.
        return [0xff] + (StructuredForms.parse(field[...]).map { Array($0.canonical.utf8) } ?? field)
    }

    // MARK: Numbers

    private func bare(_ field: ArraySlice<UInt8>, _ format: NumberFormat) -> ArraySlice<UInt8> {
        if format.isPlain { return field }
        var field = field
        if !format.bareNumber {
            func isNumeric(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
            guard let first = field.firstIndex(where: isNumeric), let last = field.lastIndex(where: isNumeric) else {
                return []
            }
            var start = first
            let point = format.decimalChar.asciiValue
            while start > field.startIndex,
                field[start - 1] == 0x2d || field[start - 1] == 0x2b || field[start - 1] == point
            {
                start -= 1
            }
            guard !Self.hasSign(field[..<start], field[(last + 1)...]) else { return [] }
            field = field[start...last]
        }
        let group = format.groupChar.map { Array(String($0).utf8) } ?? []
        let point = Array(String(format.decimalChar).utf8)
        var plain: [UInt8] = []
        var index = field.startIndex
        while index < field.endIndex {
            let rest = field[index...]
            if !group.isEmpty, rest.starts(with: group) {
                index += group.count
            } else if rest.starts(with: point) {
                plain.append(0x2e)
                index += point.count
            } else {
                // A point that is not this format's decimal mark has no place in a number.
                if field[index] == 0x2e { return [] }
                plain.append(field[index])
                index += 1
            }
        }
        return plain[...]
    }

    /// Whether what is stripped around a number may be its sign: `-$5`, `(5)` and `5-` are not 5.
    private static func hasSign(_ before: ArraySlice<UInt8>, _ after: ArraySlice<UInt8>) -> Bool {
        func holds(_ text: ArraySlice<UInt8>) -> Bool {
            text.indices.contains { index in signs.contains { text[index...].starts(with: $0) } }
        }
        if holds(before) || holds(after) { return true }
        guard let open = before.lastIndex(of: UInt8(ascii: "(")) else { return false }
        return !before[open...].contains(UInt8(ascii: ")"))
    }

    /// Hyphen and plus, the minus sign, the dash that stands for it, and their wide forms.
    private static let signs = ["-", "+", "\u{2212}", "\u{2013}", "\u{fe63}", "\u{ff0d}", "\u{ff0b}"].map {
        Array($0.utf8)
    }

    private func integer(_ field: ArraySlice<UInt8>, _ format: NumberFormat) -> Judged {
        var digits = bare(field, format)
        var isNegative = false
        if let sign = digits.first, sign == 0x2d || sign == 0x2b {
            isNegative = sign == 0x2d
            digits = digits.dropFirst()
        }
        guard !digits.isEmpty else { return .invalid }
        var value: Int64 = 0
        var fits = true
        for byte in digits {
            guard byte >= 0x30, byte <= 0x39 else { return .invalid }
            guard fits else { continue }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.subtractingReportingOverflow(Int64(byte - 0x30))
            fits = !overflow && !carry
            value = sum
        }
        if fits, isNegative { return .lane(value) }
        if fits, value != .min { return .lane(-value) }
        return .exact(ExactDecimal(normalising: isNegative, digits.map { $0 - 0x30 }, exponent: digits.count))
    }

    private func decimal(_ field: ArraySlice<UInt8>, _ format: NumberFormat) -> Judged {
        guard let value = ExactDecimal(bare(field, format)) else { return .invalid }
        return value.unscaled(scale: Lane.decimalScale).map { .lane($0) } ?? .exact(value)
    }

    private func number(_ field: ArraySlice<UInt8>, _ format: NumberFormat) -> Judged {
        if let special = Self.special(field) { return .lane(Lane.ordered(special)) }
        let text = bare(field, format)
        guard ExactDecimal.isWellFormed(text), let value = Double(String(decoding: text, as: UTF8.self)) else {
            return .invalid
        }
        return .lane(Lane.ordered(value))
    }

    private static func special(_ field: ArraySlice<UInt8>) -> Double? {
        guard field.count == 3 || field.count == 4 else { return nil }
        // "Case need not be respected."
        let letters = field.map(Cursor.lowercased)
        if letters.elementsEqual("nan".utf8) { return .nan }
        if letters.elementsEqual("inf".utf8) { return .infinity }
        return letters.elementsEqual("-inf".utf8) ? -.infinity : nil
    }

    // MARK: Dates and times

    private func date(_ field: ArraySlice<UInt8>, _ format: TemporalFormat) -> Judged {
        switch format {
        case .iso, .seconds:
            var cursor = Cursor(field)
            guard let days = Temporal.date(&cursor), cursor.isAtEnd else { return .invalid }
            return .lane(Int64(days))
        case .any:
            return AnyTemporal.date(field).map { .lane(Int64($0)) } ?? .invalid
        case .pattern:
            guard let days = pattern?.read(field)?.days else { return .invalid }
            return .lane(Int64(days))
        }
    }

    private func time(_ field: ArraySlice<UInt8>, _ format: TemporalFormat) -> Judged {
        switch format {
        case .iso:
            var cursor = Cursor(field)
            guard var moment = Temporal.timeOfDay(&cursor), let offset = Temporal.zone(&cursor), cursor.isAtEnd else {
                return .invalid
            }
            moment.seconds -= offset
            return moment.judged
        case .seconds: return field.count == 8 ? time(field, .iso) : .invalid
        case .any:
            return AnyTemporal.time(field)?.judged ?? .invalid
        case .pattern:
            guard let reading = pattern?.read(field) else { return .invalid }
            return Temporal.Moment(seconds: reading.seconds - reading.offset, fraction: reading.fraction).judged
        }
    }

    private func datetime(_ field: ArraySlice<UInt8>, _ format: TemporalFormat) -> Judged {
        switch format {
        case .iso, .seconds:
            var cursor = Cursor(field)
            guard let moment = Temporal.datetime(&cursor), cursor.isAtEnd else { return .invalid }
            return moment.judged
        case .any:
            return AnyTemporal.datetime(field)?.judged ?? .invalid
        case .pattern:
            guard let reading = pattern?.read(field), let days = reading.days else { return .invalid }
            let seconds = days * 86_400 + reading.seconds - reading.offset
            return Temporal.Moment(seconds: seconds, fraction: reading.fraction).judged
        }
    }

    /// `gYear` of XML Schema, without a zone: four digits or more, no leading zero beyond four. There is no year 0000.
    private func year(_ field: ArraySlice<UInt8>) -> Judged {
        let isNegative = field.first == 0x2d
        let digits = isNegative ? field.dropFirst() : field
        guard digits.count >= 4, digits.count <= 9, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            digits.count == 4 || digits.first != 0x30
        else { return .invalid }
        let value = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
        if value == 0 { return .invalid }
        return .lane(isNegative ? -value : value)
    }

    private func yearMonth(_ field: ArraySlice<UInt8>) -> Judged {
        guard field.count >= 7, field[field.endIndex - 3] == 0x2d, case .lane(let year) = year(field.dropLast(3)) else {
            return .invalid
        }
        var cursor = Cursor(field.suffix(2))
        guard let month = cursor.number(digits: 2...2), month >= 1, month <= 12 else { return .invalid }
        return .lane(year * 12 + Int64(month - 1))
    }
}

extension ExactDecimal {
    /// Whether a text is `[+-]digits[.digits][e[+-]digits]`.
    static func isWellFormed(_ text: ArraySlice<UInt8>) -> Bool {
        var cursor = Cursor(text)
        _ = cursor.skip(0x2d) || cursor.skip(0x2b)
        let whole = cursor.fraction() != nil
        let part = cursor.skip(0x2e) && cursor.fraction() != nil
        guard whole || part else { return false }
        if cursor.skip(0x65) || cursor.skip(0x45) {
            _ = cursor.skip(0x2d) || cursor.skip(0x2b)
            guard cursor.fraction() != nil else { return false }
        }
        return cursor.isAtEnd
    }
}
