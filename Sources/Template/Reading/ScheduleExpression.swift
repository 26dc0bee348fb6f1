/// `rate(…)`, `cron(…)` and, where a schedule may run once, `at(…)`.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
enum ScheduleExpression {
    /// The expression, if its outer form holds; the fields' own values are the scheduler's to judge.
    static func check(_ key: String, _ reader: PropertyReader, once: Bool) -> String? {
        guard let text = reader.string(key) else { return nil }
        if let fault = fault(text, once: once) {
            reader.error("'\(text)': \(fault)", key)
            return nil
        }
        return text
    }

    static func fault(_ text: String, once: Bool) -> String? {
        guard text.last == ")", let open = text.firstIndex(of: "(") else {
            return "expected rate(value unit) or cron(fields)"
        }
        let inner = text[text.index(after: open)...].dropLast()
        let fields = inner.split(separator: " ")
        switch text[..<open] {
        case "rate":
            guard fields.count == 2, let value = Int(fields[0]), value > 0 else {
                return "expected rate(value unit) with a positive whole number"
            }
            let unit = String(fields[1])
            let units = value == 1 ? ["minute", "hour", "day"] : ["minutes", "hours", "days"]
            return units.contains(unit) ? nil : "the unit of \(value) is one of \(units.joined(separator: ", "))"
        case "cron":
            guard fields.count == 6 else {
                return
                    "cron takes six fields (minutes hours day-of-month month day-of-week year), found \(fields.count)"
            }
            return [fields[2], fields[4]].count(where: { $0 == "?" }) == 1
                ? nil : "exactly one of day-of-month and day-of-week must be '?'"
        case "at" where once:
            return inner.wholeMatch(of: /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/) == nil
                ? "expected at(yyyy-mm-ddThh:mm:ss)" : nil
        default: return "expected rate(value unit) or cron(fields)"
        }
    }
}
