public import Events

/// When a scheduled rule fires: `rate(5 minutes)` or `cron(0 10 * * ? *)`, in UTC.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
public struct ScheduleExpression: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Hashable {
        case rate(milliseconds: Int64)
        case cron(CronExpression)
    }

    /// The expression as it was given.
    public let description: String
    private let kind: Kind

    /// Reads an expression. Throws ``ScheduleError``.
    public init(_ text: String) throws(ScheduleError) {
        description = text
        if let fields = Self.inside("cron", text) {
            kind = .cron(try CronExpression(fields: fields))
        } else if let inside = Self.inside("rate", text) {
            let parts = inside.split(separator: " ").map(String.init)
            guard parts.count == 2, let value = Int64(parts[0]), value >= 1, value <= 1_000_000 else {
                throw ScheduleError("a rate is a positive number and a unit, as in 'rate(5 minutes)'")
            }
            let unit: Int64? =
                switch parts[1] {
                case "minute", "minutes": 60_000
                case "hour", "hours": 3_600_000
                case "day", "days": 86_400_000
                default: nil
                }
            guard let unit else { throw ScheduleError("'\(parts[1])' is no unit: minute, hour or day, or its plural") }
            guard (value == 1) != parts[1].hasSuffix("s") else {
                throw ScheduleError("the unit is singular for 1 and plural for all else, not '\(inside)'")
            }
            kind = .rate(milliseconds: value * unit)
        } else {
            throw ScheduleError("expected 'rate(…)' or 'cron(…)', found '\(text)'")
        }
    }

    private static func inside(_ name: String, _ text: String) -> String? {
        guard text.hasPrefix(name + "("), text.hasSuffix(")") else { return nil }
        return String(text.dropFirst(name.count + 1).dropLast())
    }

    /// The firing that follows `last`, a firing or the moment at which the rule was made; nil where there is none.
    public func next(after last: Timestamp) -> Timestamp? {
        switch kind {
        case .rate(let milliseconds): Timestamp(milliseconds: last.milliseconds + milliseconds)
        case .cron(let cron): cron.next(after: last)
        }
    }
}

/// Why a schedule expression is none.
public struct ScheduleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong with it.
    public let message: String

    init(_ message: String) { self.message = message }

    /// The message of `PutRule`, with what is wrong.
    public var description: String { "Parameter ScheduleExpression is not valid: \(message)." }
}
