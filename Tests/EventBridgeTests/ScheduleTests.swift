import Events
import Testing

@testable import EventBridge

@Suite("Schedules")
struct ScheduleTests {
    private func firings(_ text: String, from start: String, _ count: Int) throws -> [String] {
        let schedule = try ScheduleExpression(text)
        var at = try #require(Timestamp(iso8601: start))
        var out: [String] = []
        while out.count < count, let next = schedule.next(after: at) {
            out.append(String(next.iso8601.prefix(16)))
            at = next
        }
        return out
    }

    @Test(
        "cron expressions fire when AWS's documentation says",
        arguments: [
            ("cron(0 10 * * ? *)", ["2026-01-01T10:00", "2026-01-02T10:00"]),
            ("cron(15 12 * * ? *)", ["2026-01-01T12:15", "2026-01-02T12:15"]),
            ("cron(0 18 ? * MON-FRI *)", ["2026-01-01T18:00", "2026-01-02T18:00", "2026-01-05T18:00"]),
            ("cron(0 8 1 * ? *)", ["2026-01-01T08:00", "2026-02-01T08:00"]),
            ("cron(0/10 * ? * MON-FRI *)", ["2026-01-01T00:10", "2026-01-01T00:20"]),
            ("cron(0/5 8-17 ? * MON-FRI *)", ["2026-01-01T08:00", "2026-01-01T08:05"]),
            ("cron(0 9 ? * 2#1 *)", ["2026-01-05T09:00", "2026-02-02T09:00"]),
            ("cron(0 0 L * ? *)", ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"]),
            ("cron(0 0 15W * ? *)", ["2026-01-15T00:00", "2026-02-16T00:00", "2026-03-16T00:00"]),
            ("cron(0 0 1W AUG ? *)", ["2026-08-03T00:00", "2027-08-02T00:00"]),
            ("cron(0 0 ? * 6L *)", ["2026-01-30T00:00", "2026-02-27T00:00"]),
            ("cron(0 0 ? * L *)", ["2026-01-03T00:00", "2026-01-10T00:00"]),
            ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00", "2032-02-29T00:00"]),
            (
                "cron(0 0 1 JAN,jul ? 2027-2028)",
                ["2027-01-01T00:00", "2027-07-01T00:00", "2028-01-01T00:00", "2028-07-01T00:00"]
            ),
            ("rate(5 minutes)", ["2026-01-01T00:05", "2026-01-01T00:10"]),
            ("rate(1 day)", ["2026-01-02T00:00"]),
        ])
    func cron(expression: String, expected: [String]) throws {
        #expect(try firings(expression, from: "2026-01-01T00:00:00Z", expected.count) == expected)
    }

    @Test(
        "an expression that is none is refused",
        arguments: [
            "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(0 10 * * ?)", "cron(60 10 * * ? *)",
            "cron(0 0 ? * 8 *)", "cron(0/0 0 ? * 1 *)", "rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)",
            "rate(5 weeks)", "every day", "",
        ])
    func faults(expression: String) { #expect(throws: ScheduleError.self) { try ScheduleExpression(expression) } }

    @Test("a schedule that has no time left ends")
    func past() throws {
        #expect(try firings("cron(0 0 1 1 ? 2020)", from: "2026-01-01T00:00:00Z", 1).isEmpty)
        #expect(try firings("cron(0 0 31 2 ? *)", from: "2026-01-01T00:00:00Z", 1).isEmpty)
    }
}
