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

    /// `23:59:59`
    static func text(secondsOfDay seconds: Int) -> String {
        "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    }

    /// `P1DT2H3M4.5S`, in days and what is shorter: how long a month is, only its date tells.
    static func text(duration: ExactDecimal) -> String {
        let (seconds, fraction) = parts(duration)
        var text = "P"
        if seconds >= 86_400 { text += "\(seconds / 86_400)D" }
        var time = ""
        if seconds / 3600 % 24 > 0 { time += "\(seconds / 3600 % 24)H" }
        if seconds / 60 % 60 > 0 { time += "\(seconds / 60 % 60)M" }
        if seconds % 60 > 0 || !fraction.isEmpty { time += "\(seconds % 60)\(fraction)S" }
        if !time.isEmpty { text += "T" + time }
        return text == "P" ? "PT0S" : text
    }

    /// The whole seconds at or below a number of seconds, and `.5`, the digits of what is beyond them, if any.
    static func parts(_ value: ExactDecimal) -> (seconds: Int, fraction: String) {
        let seconds = Int(value.lane(scale: 0, roundedUp: false))
        let rest = value.adding(ExactDecimal(-Int128(seconds))) ?? .zero
        return (seconds, rest == .zero ? "" : String(rest.text.dropFirst()))
    }

    static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number.magnitude)
        let zeros = String(repeating: "0", count: Swift.max(0, width - digits.count))
        return (number < 0 ? "-" : "") + zeros + digits
    }
}
