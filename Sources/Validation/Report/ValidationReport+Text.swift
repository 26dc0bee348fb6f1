extension ValidationReport {
    /// The report for people: the verdict, then each broken rule with its first offenders.
    public func text() -> String {
        let verdict = passed ? "passed" : "held back"
        var lines = [
            "\(table): \(verdict). \(grouped(rows)) rows, \(grouped(rejected)) rejected, "
                + "\(grouped(bytes)) bytes in \(rounded(seconds)) s"
                + (seconds > 0 ? " (\(rate))" : "")
        ]
        for check in checks where check.count > 0 {
            let mark = check.passed ? "tolerated" : check.severity.rawValue
            lines.append("  \(mark): \(check.name): \(found(check))")
            for offender in check.offenders {
                let row = offender.row.map { "row \(grouped($0))" } ?? "file"
                let column = offender.column.map { ", \($0)" } ?? ""
                let value = offender.value.isEmpty ? "" : ": \(offender.value)"
                lines.append("    \(row)\(column), byte \(grouped(offender.byte))\(value)")
            }
            if check.count > check.offenders.count, !check.offenders.isEmpty {
                lines.append("    and \(grouped(check.count - check.offenders.count)) more")
            }
        }
        let clean = checks.count { $0.count == 0 }
        lines.append("  \(clean) of \(checks.count) checks without a finding")
        return lines.joined(separator: "\n")
    }

    private func found(_ check: CheckResult) -> String {
        if let found = check.found { return found }
        let isAboutRows = check.offenders.isEmpty || check.offenders.contains { $0.row != nil }
        return "\(grouped(check.count)) \(isAboutRows ? "row" : "finding")\(check.count == 1 ? "" : "s")"
    }

    private func grouped(_ number: Int) -> String {
        let digits = Array(String(number))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, digits[index - 1] != "-", (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    /// `412.5 MB/s`
    private var rate: String {
        let tenths = Int((bytesPerSecond / 100_000).rounded())
        return tenths < 10
            ? "\(grouped(Int(bytesPerSecond.rounded()))) B/s" : "\(grouped(tenths / 10)).\(tenths % 10) MB/s"
    }

    private func rounded(_ seconds: Double) -> String {
        let thousandths = Int((seconds * 1000).rounded())
        let fraction = String(thousandths % 1000)
        return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
