/// Dates and times as ISO 8601 has them, in the subset that XML Schema defines.
enum Temporal {
    /// A moment or a time of day: whole seconds and the digits of the fraction.
    struct Moment {
        var seconds: Int
        var fraction: [UInt8] = []

        /// On the microsecond lane where it fits, else exact.
        var judged: Judged {
            var digits = fraction
            while digits.last == 0 { digits.removeLast() }
            if digits.count <= 6 {
                var micros = 0
                for place in 0..<6 { micros = micros * 10 + (place < digits.count ? Int(digits[place]) : 0) }
                let (product, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000)
                if !overflow { return .lane(product + Int64(micros)) }
            }
            // seconds + 0.fraction, over one power of ten
            var whole = Int128(seconds)
            for digit in digits.prefix(30) { whole = whole * 10 + Int128(digit) }
            return .exact(ExactDecimal(whole, scale: Swift.min(digits.count, 30)))
        }
    }

    static func date(_ cursor: inout Cursor) -> Int? {
        guard let year = cursor.number(digits: 4...4), cursor.skip(0x2d),
            let month = cursor.number(digits: 2...2), cursor.skip(0x2d),
            let day = cursor.number(digits: 2...2)
        else { return nil }
        return days(year: year, month: month, day: day)
    }

    static func days(year: Int, month: Int, day: Int) -> Int? {
        guard month >= 1, month <= 12, day >= 1, day <= Civil.daysIn(month: month, year: year) else { return nil }
        return Civil.days(year: year, month: month, day: day)
    }

    /// `hh:mm:ss[.fff]`
    static func timeOfDay(_ cursor: inout Cursor) -> Moment? {
        guard let hour = cursor.number(digits: 2...2), hour < 24, cursor.skip(0x3a),
            let minute = cursor.number(digits: 2...2), minute < 60, cursor.skip(0x3a),
            let second = cursor.number(digits: 2...2), second < 60
        else { return nil }
        var moment = Moment(seconds: hour * 3600 + minute * 60 + second)
        if cursor.skip(0x2e) {
            guard let fraction = cursor.fraction() else { return nil }
            moment.fraction = fraction
        }
        return moment
    }

    /// `Z` or `±hh:mm`, as the seconds east of Greenwich; 0 if there is none, nil if it is malformed.
    static func zone(_ cursor: inout Cursor) -> Int? {
        if cursor.isAtEnd || cursor.skip(0x5a) { return 0 }
        let isWest = cursor.next == 0x2d
        guard cursor.skip(0x2b) || cursor.skip(0x2d),
            let hours = cursor.number(digits: 2...2), hours <= 14, cursor.skip(0x3a),
            let minutes = cursor.number(digits: 2...2), minutes < 60, hours < 14 || minutes == 0
        else { return nil }
        let offset = hours * 3600 + minutes * 60
        return isWest ? -offset : offset
    }

    static func datetime(_ cursor: inout Cursor) -> Moment? {
        guard let days = date(&cursor), cursor.skip(0x54), var moment = timeOfDay(&cursor),
            let offset = zone(&cursor)
        else { return nil }
        moment.seconds += days * 86_400 - offset
        return moment
    }

    /// `PnYnMnDTnHnMnS`: its length with a month at the Gregorian mean of 2,629,746 seconds.
    static func duration(_ cursor: inout Cursor) -> Moment? {
        let isNegative = cursor.skip(0x2d)
        guard cursor.skip(0x50), !cursor.isAtEnd else { return nil }
        var total = Moment(seconds: 0)
        var units: [(letter: UInt8, seconds: Int)] = [
            (0x59, 31_556_952), (0x4d, 2_629_746), (0x57, 604_800), (0x44, 86_400),
        ]
        var isTime = false
        while !cursor.isAtEnd {
            if !isTime, cursor.skip(0x54) {
                isTime = true
                units = [(0x48, 3600), (0x4d, 60), (0x53, 1)]
                if cursor.isAtEnd { return nil }
                continue
            }
            guard let number = cursor.number(digits: 1...9) else { return nil }
            var fraction: [UInt8]?
            if isTime, cursor.skip(0x2e) {
                guard let digits = cursor.fraction(), cursor.next == 0x53 else { return nil }
                fraction = digits
            }
            guard let letter = cursor.next, let index = units.firstIndex(where: { $0.letter == letter }) else {
                return nil
            }
            _ = cursor.skip(letter)
            total.seconds += number * units[index].seconds
            total.fraction = fraction ?? total.fraction
            units.removeSubrange(...index)
        }
        if isNegative {
            total.seconds = -total.seconds
            if total.fraction.contains(where: { $0 != 0 }) {
                // -(s + f) = (-s - 1) + (1 - f)
                let scale = total.fraction.count
                total.seconds -= 1
                var borrow = true
                for place in stride(from: scale - 1, through: 0, by: -1) {
                    let digit = 9 - total.fraction[place] + (borrow ? 1 : 0)
                    borrow = digit == 10
                    total.fraction[place] = borrow ? 0 : digit
                }
            }
        }
        return total
    }
}
