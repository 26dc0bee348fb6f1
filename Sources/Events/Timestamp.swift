import Glibc

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, the resolution of AWS's events and logs.
public struct Timestamp: Sendable, Hashable, Comparable, Codable {
    /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// A point in time from seconds since 1970, rounded to the millisecond.
    public init(seconds: Double) { milliseconds = Int64((seconds * 1000).rounded()) }

    public init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    /// The system's wall clock.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Seconds since 1970, with the milliseconds as a fraction: how AWS's JSON protocols write a time.
    public var seconds: Double { Double(milliseconds) / 1000 }

    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
    public static func + (left: Self, right: Duration) -> Self {
        Timestamp(milliseconds: left.milliseconds + right.milliseconds)
    }
    public static func - (left: Self, right: Duration) -> Self {
        Timestamp(milliseconds: left.milliseconds - right.milliseconds)
    }
    public static func - (left: Self, right: Self) -> Duration { .milliseconds(left.milliseconds - right.milliseconds) }
}

extension Duration {
    /// The whole milliseconds in it.
    public var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

// MARK: - Text

extension Timestamp: CustomStringConvertible {
    /// The fields of a date in the proleptic Gregorian calendar, in UTC.
    public struct Components: Sendable, Hashable {
        public var year: Int
        /// 1 to 12.
        public var month: Int
        /// 1 to 31.
        public var day: Int
        /// 0 to 23.
        public var hour: Int
        public var minute: Int
        public var second: Int
        public var millisecond: Int
        /// 0 is Sunday.
        public var weekday: Int
    }

    /// The date and time of day in UTC.
    public var components: Components {
        // Days to a civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let days = Int(milliseconds.quotientRoundingDown(by: 86_400_000))
        let time = Int(milliseconds - Int64(days) * 86_400_000)
        let shifted = days + 719_468
        let era = shifted.quotientRoundingDown(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return Components(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, hour: time / 3_600_000, minute: time / 60000 % 60,
            second: time / 1000 % 60, millisecond: time % 1000,
            weekday: (days % 7 + 11) % 7)
    }

    /// A point in time from a date and time of day in UTC.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, millisecond: Int = 0)
    {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.quotientRoundingDown(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let seconds = days * 86400 + hour * 3600 + minute * 60 + second
        milliseconds = Int64(seconds) * 1000 + Int64(millisecond)
    }

    /// ISO 8601 with milliseconds, in UTC: `2026-11-24T12:40:00.000Z`.
    public var iso8601: String { iso8601(milliseconds: true) }

    /// ISO 8601 in UTC, with or without milliseconds.
    public func iso8601(milliseconds: Bool) -> String {
        let c = components
        let date = "\(c.year.padded(4))-\(c.month.padded(2))-\(c.day.padded(2))"
        let time = "\(c.hour.padded(2)):\(c.minute.padded(2)):\(c.second.padded(2))"
        return date + "T" + time + (milliseconds ? ".\(c.millisecond.padded(3))Z" : "Z")
    }

    public var description: String { iso8601 }

    /// Reads ISO 8601 as AWS writes it: a date, or a date and time with `Z` or an offset, with or without a fraction.
    public init?(iso8601 text: String) {
        var rest = Substring(text)
        func number(_ digits: Int) -> Int? {
            let head = rest.prefix(digits)
            guard head.utf8.count == digits, head.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let value = Int(head)
            else { return nil }
            rest = rest.dropFirst(digits)
            return value
        }
        func skip(_ characters: Set<Character>) -> Bool {
            guard let first = rest.first, characters.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4), skip(["-"]), let month = number(2), (1...12).contains(month), skip(["-"]),
            let day = number(2),
            (1...31).contains(day)
        else { return nil }
        if rest.isEmpty {
            self.init(year: year, month: month, day: day)
            return
        }
        guard skip(["T", "t", " "]), let hour = number(2), hour < 24, skip([":"]), let minute = number(2), minute < 60
        else { return nil }
        var second = 0
        var millisecond = 0
        if skip([":"]) {
            guard let value = number(2), value < 61 else { return nil }
            second = value
            if skip([".", ","]) {
                let fraction = rest.prefix { $0.isASCII && $0.isNumber }
                guard !fraction.isEmpty, let value = Int((fraction + "000").prefix(3)) else { return nil }
                millisecond = value
                rest = rest.dropFirst(fraction.count)
            }
        }
        var offset = 0
        if !skip(["Z", "z"]) {
            guard let sign = rest.first, skip(["+", "-"]), let hours = number(2) else { return nil }
            _ = skip([":"])
            guard let minutes = number(2) else { return nil }
            offset = (hours * 60 + minutes) * (sign == "-" ? -60 : 60)
        }
        guard rest.isEmpty else { return nil }
        self.init(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second, millisecond: millisecond)
        milliseconds -= Int64(offset) * 1000
    }
}

extension BinaryInteger {
    /// The quotient rounded towards minus infinity, as calendars need it.
    fileprivate func quotientRoundingDown(by divisor: Self) -> Self {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Int {
    /// The digits with zeros in front, to a width.
    func padded(_ width: Int) -> String {
        let digits = String(self)
        return digits.count >= width ? digits : String(repeating: "0", count: width - digits.count) + digits
    }
}
