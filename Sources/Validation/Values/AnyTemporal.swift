/// Table Schema's format `any` for dates and times: the forms that people write, tried in a fixed order.
enum AnyTemporal {
    private static let datePatterns = patterns([
        "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%d %B %Y", "%d %b %Y",
        "%B %d, %Y", "%b %d, %Y", "%d-%b-%Y",
    ])
    private static let timePatterns = patterns([
        "%H:%M:%S", "%H:%M:%S.%f", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M%p",
    ])

    private static func patterns(_ texts: [String]) -> [TemporalPattern] {
        texts.compactMap { try? TemporalPattern($0) }
    }

    static func date(_ field: ArraySlice<UInt8>) -> Int? {
        for pattern in datePatterns {
            if let days = pattern.read(field)?.days { return days }
        }
        return nil
    }

    static func time(_ field: ArraySlice<UInt8>) -> Temporal.Moment? {
        var cursor = Cursor(field)
        if var moment = Temporal.timeOfDay(&cursor), let offset = Temporal.zone(&cursor), cursor.isAtEnd {
            moment.seconds -= offset
            return moment
        }
        for pattern in timePatterns {
            if let reading = pattern.read(field) {
                return Temporal.Moment(seconds: reading.seconds, fraction: reading.fraction)
            }
        }
        return nil
    }

    static func datetime(_ field: ArraySlice<UInt8>) -> Temporal.Moment? {
        var cursor = Cursor(field)
        if let moment = Temporal.datetime(&cursor), cursor.isAtEnd { return moment }
        // A date alone is its midnight; else the time follows the date after a T or the spaces before its first colon.
        if let days = date(field) { return Temporal.Moment(seconds: days * 86_400) }
        guard let colon = field.firstIndex(of: 0x3a) else { return nil }
        let separator = field[..<colon].lastIndex { $0 == 0x20 || $0 == 0x54 }
        guard let separator, let days = date(field[..<separator]),
            var moment = time(field[(separator + 1)...])
        else { return nil }
        moment.seconds += days * 86_400
        return moment
    }
}
