import Events

/// `cron(minutes hours day-of-month month day-of-week year)` as EventBridge reads it, in UTC.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html>
struct CronExpression: Sendable, Hashable {
    /// How the days of a month are chosen, beyond a plain set.
    enum Days: Sendable, Hashable {
        /// Days of the month, or all of them.
        case ofMonth(Set<Int>)
        /// `L`, and `L-3`: so many days before the last.
        case last(before: Int)
        /// `15W`: the weekday nearest to a day; `LW`: the last weekday.
        case nearestWeekday(Int?)
        /// Days of the week, 0 for Sunday.
        case ofWeek(Set<Int>)
        /// `6L`: the last such day of the week.
        case lastOfWeek(Int)
        /// `3#2`: the second such day of the week.
        case nthOfWeek(Int, Int)
    }

    private let minutes: [Int]
    private let hours: [Int]
    private let days: [Days]
    private let months: Set<Int>
    private let years: Set<Int>

    private static let monthNames = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ]
    private static let weekdayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

    /// Reads the six fields. Throws ``ScheduleError``.
    init(fields text: String) throws(ScheduleError) {
        let fields = text.split(separator: " ").map { String($0).uppercased() }
        guard fields.count == 6 else {
            throw ScheduleError("a cron expression has six fields, this one has \(fields.count)")
        }
        guard (fields[2] == "?") != (fields[4] == "?") else {
            throw ScheduleError("one of day-of-month and day-of-week must be '?', and the other must not")
        }
        minutes = try Self.set(fields[0], "minutes", 0...59).sorted()
        hours = try Self.set(fields[1], "hours", 0...23).sorted()
        months = try Self.set(fields[3], "month", 1...12, names: Self.monthNames)
        years = try Self.set(fields[5], "year", 1970...2199)
        days = fields[4] == "?" ? try Self.daysOfMonth(fields[2]) : try Self.daysOfWeek(fields[4])
    }

    /// The first time after `time` at which the schedule fires; nil where there is none before the year 2200.
    func next(after time: Timestamp) -> Timestamp? {
        let from = Timestamp(milliseconds: (time.milliseconds / 60_000 + 1) * 60_000).components
        var (year, month) = (from.year, from.month)
        while year <= 2199 {
            if years.contains(year), months.contains(month) {
                let isFirst = year == from.year && month == from.month
                for day in matchingDays(year, month) where !isFirst || day >= from.day {
                    let isToday = isFirst && day == from.day
                    for hour in hours where !isToday || hour >= from.hour {
                        for minute in minutes where !isToday || hour > from.hour || minute >= from.minute {
                            return Timestamp(year: year, month: month, day: day, hour: hour, minute: minute)
                        }
                    }
                }
            }
            month += 1
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        return nil
    }

    private func matchingDays(_ year: Int, _ month: Int) -> [Int] {
        let count = Self.length(year, month)
        // 0 is Sunday.
        let first = Timestamp(year: year, month: month, day: 1).components.weekday
        func weekday(_ day: Int) -> Int { (first + day - 1) % 7 }
        var result: Set<Int> = []
        for rule in days {
            switch rule {
            case .ofMonth(let days): result.formUnion(days.filter { $0 <= count })
            case .last(let before): if count - before >= 1 { result.insert(count - before) }
            case .nearestWeekday(let wanted):
                let day = wanted ?? count
                guard day <= count else { continue }
                // A Saturday goes back and a Sunday forward, but never out of the month.
                switch weekday(day) {
                case 6: result.insert(day > 1 ? day - 1 : day + 2)
                case 0: result.insert(wanted == nil || day == count ? day - 2 : day + 1)
                default: result.insert(day)
                }
            case .ofWeek(let wanted): result.formUnion((1...count).filter { wanted.contains(weekday($0)) })
            case .lastOfWeek(let wanted):
                if let day = (1...count).last(where: { weekday($0) == wanted }) { result.insert(day) }
            case .nthOfWeek(let wanted, let nth):
                let matching = (1...count).filter { weekday($0) == wanted }
                if nth <= matching.count { result.insert(matching[nth - 1]) }
            }
        }
        return result.sorted()
    }

    private static func length(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // MARK: - Fields

    private static func set(
        _ field: String, _ name: String, _ range: ClosedRange<Int>, names: [String] = []
    ) throws(ScheduleError) -> Set<Int> {
        var result: Set<Int> = []
        for item in field.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard parts.count <= 2, let base = parts.first else { throw ScheduleError("'\(item)' is no \(name)") }
            var step = 1
            if parts.count == 2 {
                guard let value = Int(parts[1]), value >= 1 else {
                    throw ScheduleError("'\(item)' is no \(name): a step is a positive number")
                }
                step = value
            }
            let ends = base.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            if base == "*" {
                result.formUnion(stride(from: range.lowerBound, through: range.upperBound, by: step))
            } else if ends.count == 2 {
                let low = try value(ends[0], name, range, names)
                let high = try value(ends[1], name, range, names)
                if low <= high {
                    result.formUnion(stride(from: low, through: high, by: step))
                } else {
                    // FRI-MON and NOV-FEB go round.
                    let all = Array(low...range.upperBound) + Array(range.lowerBound...high)
                    result.formUnion(stride(from: 0, to: all.count, by: step).map { all[$0] })
                }
            } else {
                let low = try value(base, name, range, names)
                result.formUnion(
                    parts.count == 2 ? Array(stride(from: low, through: range.upperBound, by: step)) : [low])
            }
        }
        return result
    }

    private static func value(
        _ text: String, _ name: String, _ range: ClosedRange<Int>, _ names: [String]
    ) throws(ScheduleError) -> Int {
        if let index = names.firstIndex(of: text) { return index + range.lowerBound }
        guard let value = Int(text), range.contains(value) else {
            throw ScheduleError("'\(text)' is no \(name) (\(range.lowerBound) to \(range.upperBound))")
        }
        return value
    }

    private static func daysOfMonth(_ field: String) throws(ScheduleError) -> [Days] {
        var result: [Days] = []
        for item in field.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            if item == "L" {
                result.append(.last(before: 0))
            } else if item == "LW" {
                result.append(.nearestWeekday(nil))
            } else if item.hasPrefix("L-") {
                result.append(.last(before: try value(String(item.dropFirst(2)), "day-of-month", 1...30, [])))
            } else if item.hasSuffix("W") {
                result.append(.nearestWeekday(try value(String(item.dropLast()), "day-of-month", 1...31, [])))
            } else {
                result.append(.ofMonth(try set(item, "day-of-month", 1...31)))
            }
        }
        return result
    }

    private static func daysOfWeek(_ field: String) throws(ScheduleError) -> [Days] {
        var result: [Days] = []
        func one(_ text: String) throws(ScheduleError) -> Int {
            try value(text, "day-of-week", 1...7, weekdayNames) - 1
        }
        for item in field.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            let parts = item.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2 {
                result.append(.nthOfWeek(try one(parts[0]), try value(parts[1], "day-of-week", 1...5, [])))
            } else if item == "L" {
                result.append(.ofWeek([6]))
            } else if item.hasSuffix("L") {
                result.append(.lastOfWeek(try one(String(item.dropLast()))))
            } else {
                result.append(.ofWeek(Set(try set(item, "day-of-week", 1...7, names: weekdayNames).map { $0 - 1 })))
            }
        }
        return result
    }
}
