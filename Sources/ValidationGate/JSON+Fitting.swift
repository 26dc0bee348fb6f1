import Events

extension JSON {
    /// What an answer may have, in bytes. Lambda takes 6 MB, but an asynchronous invocation's answer goes on to a destination
    /// within a record, and SNS takes 256 KiB of that.
    static let answerLimit = 200 << 10

    /// A report that fits an answer: with fewer offenders, then without statistics, then without the checks that found
    /// nothing, then with the first checks only. What was left out is named under `cut`; the verdict, the counts and where
    /// the whole report is stay.
    func fitted(to limit: Int = JSON.answerLimit, sharedBy count: Int = 1) -> JSON {
        let limit = limit / max(1, count)
        func fits(_ report: JSON) -> Bool { report.serialized().count <= limit }
        if fits(self) { return self }
        var report = self
        var cut: [JSON] = ["offenders"]
        report["cut"] = .array(cut)
        for kept in [5, 2, 1, 0] {
            report["checks"] = .array(
                (report["checks"]?.array ?? []).map { check in
                    var check = check
                    check["offenders"] = .array(Array((check["offenders"]?.array ?? []).prefix(kept)))
                    return check
                })
            if fits(report) { return report }
        }
        report["columns"] = []
        cut.append("columns")
        report["cut"] = .array(cut)
        if fits(report) { return report }
        var checks = (report["checks"]?.array ?? []).filter { ($0["count"]?.int ?? 0) > 0 }
        // What failed first.
        checks = checks.filter { $0["passed"] != true } + checks.filter { $0["passed"] == true }
        report["checks"] = .array(checks)
        cut.append("checks")
        report["cut"] = .array(cut)
        while !fits(report), !checks.isEmpty {
            checks.removeLast((checks.count + 1) / 2)
            report["checks"] = .array(checks)
        }
        return report
    }
}
