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

extension ValidationReport {
    /// Whether nothing but single rows is at fault, so that the rows that are not rejected are known to be good. False where a
    /// rule about the file failed, or where the reading could not go on to the file's end.
    public var failsOnlyByRows: Bool {
        // These end the reading: what comes after them was not judged.
        let ends: [Departure] = [.unterminatedQuote, .rowTooLong, .wrongFormat]
        return failures.allSatisfy { check in
            check.severity == .warning
                || (!ends.contains { $0.rawValue == check.rule } && check.found == nil && !check.offenders.isEmpty
                    && check.offenders.allSatisfy { $0.row != nil })
        }
    }
}
