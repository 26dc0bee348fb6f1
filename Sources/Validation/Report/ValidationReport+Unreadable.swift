extension ValidationReport {
    /// The report on a file that could not be read as what it says it is: cut off, damaged, not compressed as its name
    /// promises. It has one check, `readable`, which failed.
    ///
    /// - Parameters:
    ///   - table: What the report calls the table.
    ///   - reason: What was wrong, and where.
    ///   - bytes: How many bytes had been read until then.
    public static func unreadable(_ table: String, reason: String, bytes: Int = 0, seconds: Double = 0)
        -> ValidationReport
    {
        let check = CheckResult(
            rule: "readable", name: "the file can be read to its end", columns: [], severity: .error, count: 1,
            passed: false, found: reason, offenders: [])
        return ValidationReport(
            passed: false, table: table, rows: 0, rejected: 0, bytes: bytes, seconds: seconds, checks: [check],
            columns: [])
    }
}
