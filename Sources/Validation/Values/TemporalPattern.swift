/// A pattern of `strptime`, as Table Schema's `format` has it: `%d/%m/%Y %H:%M`.
struct TemporalPattern: Sendable {
    private enum Part: Sendable, Equatable {
        case literal(UInt8)
        case spaces
        case year, shortYear, month, monthName, monthAbbreviation, day, hour, hour12, minute, second, microsecond
        case meridiem, zone, dayOfYear, weekday, weekdayAbbreviation
    }

    private let parts: [Part]

    /// Throws what is wrong with the pattern.
    init(_ pattern: String) throws(RuleError) {
        var parts: [Part] = []
        var bytes = ArraySlice(Array(pattern.utf8))
        func directives(_ letter: UInt8) -> [Part]? {
            switch letter {
            case UInt8(ascii: "Y"): [.year]
            case UInt8(ascii: "y"): [.shortYear]
            case UInt8(ascii: "m"): [.month]
            case UInt8(ascii: "B"): [.monthName]
            case UInt8(ascii: "b"), UInt8(ascii: "h"): [.monthAbbreviation]
            case UInt8(ascii: "d"), UInt8(ascii: "e"): [.day]
            case UInt8(ascii: "H"): [.hour]
            case UInt8(ascii: "I"): [.hour12]
            case UInt8(ascii: "M"): [.minute]
            case UInt8(ascii: "S"): [.second]
            case UInt8(ascii: "f"): [.microsecond]
            case UInt8(ascii: "p"): [.meridiem]
            case UInt8(ascii: "z"): [.zone]
            case UInt8(ascii: "j"): [.dayOfYear]
            case UInt8(ascii: "A"): [.weekday]
            case UInt8(ascii: "a"): [.weekdayAbbreviation]
            case UInt8(ascii: "T"): [.hour, .literal(0x3a), .minute, .literal(0x3a), .second]
            case UInt8(ascii: "R"): [.hour, .literal(0x3a), .minute]
            case UInt8(ascii: "F"): [.year, .literal(0x2d), .month, .literal(0x2d), .day]
            case UInt8(ascii: "D"): [.month, .literal(0x2f), .day, .literal(0x2f), .shortYear]
            case UInt8(ascii: "%"): [.literal(0x25)]
            default: nil
            }
        }
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let letter = bytes.popFirst(), let more = directives(letter) else {
                    throw RuleError(
                        "\"\(pattern)\" is no date pattern: expected one of "
                            + "%Y %y %m %B %b %d %H %I %M %S %f %p %z %j %A %a %T %R %F %D %% after a %")
                }
                parts += more
            } else if Cursor.isSpace(byte) {
                if parts.last != .spaces { parts.append(.spaces) }
            } else {
                parts.append(.literal(byte))
            }
        }
        for (index, part) in parts.enumerated() {
            switch part {
            case .literal, .spaces: continue
            default: break
            }
            guard !parts[..<index].contains(part) else {
                throw RuleError("\"\(pattern)\" is no date pattern: it asks for one part twice")
            }
        }
        self.parts = parts
    }

    /// What a text says, or nil if it does not match.
    struct Reading {
        var year = 1900
        var month = 1
        var day = 1
        var seconds = 0
        var fraction: [UInt8] = []
        var offset = 0
        var dayOfYear: Int?

        var days: Int? {
            if let dayOfYear {
                guard dayOfYear >= 1, dayOfYear <= (Civil.isLeap(year) ? 366 : 365) else { return nil }
                return Civil.days(year: year, month: 1, day: 1) + dayOfYear - 1
            }
            return Temporal.days(year: year, month: month, day: day)
        }
    }

    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ]
    private static let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

    func read(_ bytes: ArraySlice<UInt8>) -> Reading? {
        var cursor = Cursor(bytes)
        var reading = Reading()
        var hour = 0
        var minute = 0
        var second = 0
        var isAfternoon: Bool?
        func name(_ names: [String], prefix: Int?) -> Int? {
            for (index, name) in names.enumerated() {
                let text = prefix.map { name.utf8.prefix($0) } ?? name.utf8[...]
                if cursor.skip(text, ignoringCase: true) { return index }
            }
            return nil
        }
        func number(_ digits: ClosedRange<Int>, _ range: ClosedRange<Int>) -> Int? {
            guard let value = cursor.number(digits: digits), range.contains(value) else { return nil }
            return value
        }
        for part in parts {
            switch part {
            case .literal(let byte):
                guard cursor.skip(byte) else { return nil }
            case .spaces:
                guard cursor.skipSpaces() else { return nil }
            case .year:
                guard let value = number(4...4, 0...9999) else { return nil }
                reading.year = value
            case .shortYear:
                guard let value = number(2...2, 0...99) else { return nil }
                reading.year = value < 69 ? 2000 + value : 1900 + value
            case .month:
                guard let value = number(1...2, 1...12) else { return nil }
                reading.month = value
            case .monthName, .monthAbbreviation:
                guard let index = name(Self.months, prefix: part == .monthName ? nil : 3) else { return nil }
                reading.month = index + 1
            case .day:
                guard let value = number(1...2, 1...31) else { return nil }
                reading.day = value
            case .hour:
                guard let value = number(1...2, 0...23) else { return nil }
                hour = value
            case .hour12:
                guard let value = number(1...2, 1...12) else { return nil }
                hour = value % 12
                isAfternoon = isAfternoon ?? false
            case .minute:
                guard let value = number(1...2, 0...59) else { return nil }
                minute = value
            case .second:
                guard let value = number(1...2, 0...59) else { return nil }
                second = value
            case .microsecond:
                guard let digits = cursor.fraction(), digits.count <= 6 else { return nil }
                reading.fraction = digits
            case .meridiem:
                if cursor.skip("am".utf8, ignoringCase: true) {
                    isAfternoon = false
                } else if cursor.skip("pm".utf8, ignoringCase: true) {
                    isAfternoon = true
                } else {
                    return nil
                }
            case .zone:
                guard let offset = zone(&cursor) else { return nil }
                reading.offset = offset
            case .dayOfYear:
                guard let value = number(1...3, 1...366) else { return nil }
                reading.dayOfYear = value
            case .weekday, .weekdayAbbreviation:
                guard name(Self.weekdays, prefix: part == .weekday ? nil : 3) != nil else { return nil }
            }
        }
        guard cursor.isAtEnd else { return nil }
        if isAfternoon == true, hour < 12 { hour += 12 }
        reading.seconds = hour * 3600 + minute * 60 + second
        return reading
    }

    private func zone(_ cursor: inout Cursor) -> Int? {
        if cursor.skip(0x5a) { return 0 }
        let isWest = cursor.next == 0x2d
        guard cursor.skip(0x2b) || cursor.skip(0x2d), let hours = cursor.number(digits: 2...2), hours < 24 else {
            return nil
        }
        _ = cursor.skip(0x3a)
        guard let minutes = cursor.number(digits: 2...2), minutes < 60 else { return nil }
        let offset = hours * 3600 + minutes * 60
        return isWest ? -offset : offset
    }
}
