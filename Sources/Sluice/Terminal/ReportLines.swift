import Events

/// What a function answered, for a person: a validation report, several of them, or anything else on one line.
struct ReportLines {
    private let answer: JSON
    /// Places that are shown of each rule.
    private static let offenders = 5

    init(_ answer: JSON) { self.answer = answer }

    func lines(on terminal: Terminal) -> [String] {
        if let reports = answer["reports"]?.array {
            return reports.flatMap { report in
                ["object  \(report["object"]?["uri"]?.string?.printable ?? "?")"]
                    + ReportLines(report).lines(on: terminal).map { "  " + $0 }
            }
        }
        guard let passed = answer["passed"]?.bool else { return ["answer  \(answer.description.fitted(300))"] }
        var lines = [
            "report  \(terminal.paint(passed ? "passed" : "not passed", passed ? .green : .yellow))"
                + (answer["rows"]?.int.map { ", \($0) rows" } ?? "")
                + (answer["rejected"]?.int.map { ", \($0) rejected" } ?? "")
        ]
        for check in answer["checks"]?.array ?? [] where (check["count"]?.int ?? 0) > 0 {
            lines += Self.lines(of: check, on: terminal)
        }
        if answer["cut"] != nil { lines.append("  (cut to fit an answer; the whole report is the stored one)") }
        for (name, uri) in answer["written"]?.object ?? JSONObject() {
            lines.append("  \(name)  \(uri.string?.printable ?? "")")
        }
        return lines
    }

    private static func lines(of check: JSON, on terminal: Terminal) -> [String] {
        let isError = check["severity"]?.string != "warning" && check["passed"]?.bool != true
        let offenders = check["offenders"]?.array ?? []
        let count = check["count"]?.int ?? 0
        let isAboutRows = offenders.isEmpty || offenders.contains { $0["row"] != nil }
        let counted = "\(count) \(isAboutRows ? "row" : "finding")\(count == 1 ? "" : "s")"
        let isTolerated = check["passed"]?.bool == true && check["severity"]?.string != "warning"
        var lines = [
            "  \(terminal.paint(isError ? "✗" : "!", isError ? .red : .yellow)) "
                + "\((check["name"]?.string ?? "check").printable): \(check["found"]?.string?.printable ?? counted)"
                + (isTolerated ? ", tolerated" : "")
        ]
        for offender in offenders.prefix(Self.offenders) {
            let row = offender["row"]?.int.map { "row \($0)" } ?? "file"
            let column = offender["column"]?.string.map { "  \($0.printable)" } ?? ""
            let byte = offender["row"] == nil ? offender["byte"]?.int.map { ", byte \($0)" } ?? "" : ""
            let value = offender["value"].flatMap { $0.string ?? $0.description } ?? ""
            lines.append("      \(row)\(column)\(byte)" + (value.isEmpty ? "" : " = '\(value.printable)'"))
        }
        return lines
    }
}
