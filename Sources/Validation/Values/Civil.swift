/// The proleptic Gregorian calendar in whole numbers.
enum Civil {
    /// Days from 1970-01-01; the month is 1 to 12. After Howard Hinnant's `days_from_civil`.
    @inline(__always)
    static func days(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The date of a number of days from 1970-01-01.
    static func date(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    @inline(__always)
    static func isLeap(_ year: Int) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    @inline(__always)
    static func daysIn(month: Int, year: Int) -> Int {
        // Two bits a month, January lowest, over 28 days.
        let extra = 0b11_10_11_10_11_11_10_11_10_11_00_11 >> ((month - 1) * 2) & 3
        return 28 + extra + (month == 2 && isLeap(year) ? 1 : 0)
    }

    /// `2013-01-31`
    static func text(days: Int) -> String {
        let (year, month, day) = date(days: days)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    /// `23:59:59.5`, from microseconds since midnight.
    static func text(microsecondsOfDay: Int) -> String {
        let seconds = microsecondsOfDay / 1_000_000
        var text = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        var fraction = microsecondsOfDay % 1_000_000
        if fraction > 0 {
            var width = 6
            while fraction.isMultiple(of: 10) {
                fraction /= 10
                width -= 1
            }
            text += "." + padded(fraction, width)
        }
        return text
    }

    static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number.magnitude)
        let zeros = String(repeating: "0", count: Swift.max(0, width - digits.count))
        return (number < 0 ? "-" : "") + zeros + digits
    }
}
