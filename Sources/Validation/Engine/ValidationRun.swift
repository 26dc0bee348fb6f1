/// One validation of one file: reads blocks, has them judged, and joins the results in the file's order.
struct ValidationRun {
    private let plan: Plan
    private let options: ValidationOptions
    private let references: [ReferenceColumns]
    var keySets: [KeySet]
    var quarantine: RowCopy?
    var accepted: RowCopy?
    var progress: ((Int) -> Void)?

    private var rows = 0
    /// Nothing of the file was judged.
    private var isUnreadable = false
    private var rejected = 0
    private var counts: [Int]
    private var offenders: [[Offender]]
    private var statistics: [ColumnTally]
    private var distinct: [DistinctCounter?]

    init(_ plan: Plan, _ options: ValidationOptions, _ references: [ReferenceColumns]) {
        self.plan = plan
        self.options = options
        self.references = references
        keySets = plan.keys.map { KeySet(isText: $0.isText(in: plan), keepsOrder: true) }
        counts = Array(repeating: 0, count: plan.checks.count)
        offenders = Array(repeating: [], count: plan.checks.count)
        statistics = Array(repeating: ColumnTally(), count: plan.columns.count)
        distinct = plan.fileRules.map { rule in
            guard case .distinct(_, let min, let max) = rule.kind else { return nil }
            return DistinctCounter(limit: Swift.max(min ?? 0, (max ?? -1) &+ 1, 1))
        }
    }

    mutating func run(_ source: ByteSource) throws -> ValidationReport {
        let clock = ContinuousClock()
        let begin = clock.now
        var reader = BlockReader(source, size: options.blockSize, longestRow: options.longestRow)
        var buffer = PaddedBuffer(capacity: 0)
        var block = try reader.next(after: UnsafeBufferPointer(start: nil, count: 0), into: &buffer)
        if let other = FormatMismatch.encoding(block) {
            return report(wrong: other, reader.bytesRead, begin.duration(to: clock.now))
        }
        var binding = Binding(plan, options, references, block)
        while binding == nil, block.count <= options.longestRow {
            block = try reader.next(
                after: UnsafeBufferPointer(start: block.base, count: block.count), into: &buffer)
            binding = Binding(plan, options, references, block)
        }
        guard let binding else {
            note(.rowTooLong, byte: 0)
            return report(nil, reader.bytesRead, begin.duration(to: clock.now))
        }
        if let start = binding.tooWide {
            note(.rowTooLong, byte: start, value: "over \(Binding.mostColumns) columns")
            isUnreadable = true
            return report(nil, reader.bytesRead, begin.duration(to: clock.now))
        }
        if let other = binding.mismatch(block) {
            return report(wrong: other, reader.bytesRead, begin.duration(to: clock.now))
        }
        for finding in binding.findings { offenders[finding.check].append(finding.offender) }
        for (check, count) in binding.counts { counts[check] += count }
        let header = UnsafeRawBufferPointer(
            start: block.base + binding.headerRange.lowerBound, count: binding.headerRange.count)
        try quarantine?.begin(header: header)
        try accepted?.begin(header: header)
        if options.threads > 1, let dialect = binding.dialect, !block.isLast {
            try runOnTwo(&reader, block, buffer, binding, dialect)
        } else {
            try runOnOne(&reader, block, buffer, binding)
        }
        try quarantine?.end()
        try accepted?.end()
        return report(binding, reader.bytesRead, begin.duration(to: clock.now))
    }

    private mutating func runOnOne(
        _ reader: inout BlockReader, _ first: Block, _ firstBuffer: PaddedBuffer, _ binding: Binding
    ) throws {
        var block = first
        var buffer = firstBuffer
        let judge = BlockJudge(binding)
        var start = binding.dataStart
        defer { withExtendedLifetime((firstBuffer, buffer)) {} }
        while true {
            let result = judge.process(block, from: start)
            try join(result, block, judge)
            progress?(reader.bytesRead)
            if block.isLast || result.isFatal { break }
            let rest = UnsafeBufferPointer(start: block.base + result.consumed, count: block.count - result.consumed)
            block = try reader.next(after: rest, into: &buffer)
            start = 0
        }
    }

    private mutating func runOnTwo(
        _ reader: inout BlockReader, _ first: Block, _ firstBuffer: PaddedBuffer, _ binding: Binding,
        _ dialect: CompiledDialect
    ) throws {
        let own = BlockJudge(binding)
        let pipeline = BlockPipeline(BlockJudge(binding))
        defer { pipeline.close() }
        var block = first
        var buffer = firstBuffer
        var start = binding.dataStart
        var isRead = false
        /// What the last joined block could not finish.
        var carried: [UInt8] = []
        /// A row that goes on and on is not judged again before twice as much of it is there.
        var judgedAgainAt = 0
        while true {
            while !isRead, pipeline.hasRoom(for: block.count, options.blockSize) {
                var whole = block
                if !block.isLast {
                    let cut = BlockCut.end(block, from: start, dialect)
                    if cut == 0, block.count <= options.longestRow {
                        // No row ends in it: the block grows, in a buffer of its own.
                        let rest = UnsafeBufferPointer(start: block.base, count: block.count)
                        block = try withExtendedLifetime(buffer) { try nextBlock(&reader, rest, &buffer) }
                        continue
                    }
                    whole.count = cut == 0 ? block.count : cut
                }
                pipeline.add(BlockPipeline.Job(whole, start, buffer))
                if block.isLast {
                    isRead = true
                } else {
                    let rest = UnsafeBufferPointer(start: block.base + whole.count, count: block.count - whole.count)
                    let kept = buffer
                    block = try nextBlock(&reader, rest, &buffer)
                    withExtendedLifetime(kept) {}
                    start = 0
                }
            }
            guard let job = pipeline.first(with: own), var result = job.result else { return }
            var joined = job.block
            var copy: PaddedBuffer?
            if !carried.isEmpty {
                // The row before did not end at the cut.
                let count = carried.count + joined.count
                if !joined.isLast, count < judgedAgainAt {
                    carried.append(contentsOf: UnsafeBufferPointer(start: joined.base, count: joined.count))
                    withExtendedLifetime(job) {}
                    continue
                }
                let again = PaddedBuffer(capacity: count)
                carried.withUnsafeBufferPointer { from in
                    if let base = from.baseAddress { again.bytes.update(from: base, count: from.count) }
                }
                (again.bytes + carried.count).update(from: joined.base, count: joined.count)
                joined = Block(
                    base: UnsafePointer(again.bytes), count: count, origin: joined.origin - carried.count,
                    isLast: joined.isLast)
                copy = again
                result = own.process(joined, from: 0)
            }
            try join(result, joined, own)
            progress?(joined.origin + joined.count)
            if joined.isLast || result.isFatal { return }
            carried = Array(
                UnsafeBufferPointer(start: joined.base + result.consumed, count: joined.count - result.consumed))
            judgedAgainAt = result.consumed == 0 ? min(carried.count * 2, options.longestRow) : 0
            withExtendedLifetime((copy, job)) {}
        }
    }

    /// The next block in a buffer that no other block uses.
    private func nextBlock(
        _ reader: inout BlockReader, _ rest: UnsafeBufferPointer<UInt8>, _ buffer: inout PaddedBuffer
    ) throws -> Block {
        var fresh = PaddedBuffer(capacity: 0)
        let block = try reader.next(after: rest, into: &fresh)
        buffer = fresh
        return block
    }

    // MARK: Joining

    private mutating func note(_ departure: Departure, byte: Int, value: String = "") {
        guard let check = plan.check(of: departure) else { return }
        note(check, Offender(row: nil, column: nil, byte: byte, value: value))
    }

    /// The one finding about a file that is none of its format.
    private mutating func report(wrong other: String, _ bytes: Int, _ elapsed: Duration) -> ValidationReport {
        note(.wrongFormat, byte: 0, value: other)
        isUnreadable = true
        return report(nil, bytes, elapsed)
    }

    private mutating func note(_ check: Int, _ offender: Offender) {
        counts[check] += 1
        if offenders[check].count < options.offenders { offenders[check].append(offender) }
    }

    private mutating func join(_ result: BlockResult, _ block: Block, _ judge: BlockJudge) throws {
        for check in counts.indices where result.counts[check] > 0 {
            counts[check] += result.counts[check]
            for var offender in result.offenders[check] where offenders[check].count < options.offenders {
                offender.row = offender.row.map { $0 + rows + 1 }
                offenders[check].append(offender)
            }
        }
        for column in statistics.indices { statistics[column].add(result.tallies[column]) }
        for key in plan.keys.indices { joinKeys(key, result, block, judge) }
        for rule in plan.fileRules.indices where !result.distinct[rule].isEmpty {
            distinct[rule]?.add(result.distinct[rule])
        }
        rejected += result.rejected.count { $0 }
        try quarantine?.add(result, block, rejected: true)
        try accepted?.add(result, block, rejected: false)
        rows += result.rows
    }

    private mutating func joinKeys(_ key: Int, _ result: BlockResult, _ block: Block, _ judge: BlockJudge) {
        let check = plan.keys[key].check
        let keys = result.keys[key]
        var repeated: [UInt32] = []
        keySets[key].insert(keys.words) { repeated.append(keys.wordRows[$0]) }
        let words = repeated.count
        keySets[key].insert(keys.wides) { repeated.append(keys.wideRows[$0]) }
        keySets[key].insert(keys.prints) { repeated.append(keys.printRows[$0]) }
        if repeated.count > words { repeated.sort() }
        counts[check] += repeated.count
        for row in repeated.map(Int.init) {
            if plan.checks[check].rejectsRow { result.rejected[row] = true }
            if offenders[check].count < options.offenders {
                let (byte, value) = judge.values(plan.keys[key].columns, of: row, in: result, block)
                offenders[check].append(
                    Offender(
                        row: rows + row + 1,
                        column: plan.keys[key].columns.count == 1 ? plan.columns[plan.keys[key].columns[0]].name : nil,
                        byte: byte, value: value))
            }
        }
    }

    // MARK: The verdict

    private mutating func report(_ binding: Binding?, _ bytes: Int, _ elapsed: Duration) -> ValidationReport {
        var found: [Int: String] = [:]
        if !isUnreadable { for index in plan.fileRules.indices { judgeFile(index, binding, &found) } }
        var checks: [CheckResult] = []
        for (index, check) in plan.checks.enumerated() where !check.isQuiet || counts[index] > 0 {
            checks.append(
                CheckResult(
                    rule: check.rule, name: check.name, columns: check.columns, severity: check.consequence.severity,
                    count: counts[index], passed: check.consequence.tolerance.allows(counts[index], of: rows),
                    found: found[index], offenders: offenders[index]))
        }
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        return ValidationReport(
            passed: checks.allSatisfy { $0.passed || $0.severity == .warning }, table: plan.table, rows: rows,
            rejected: rejected, bytes: bytes, seconds: seconds, checks: checks, columns: columns(binding))
    }

    private func columns(_ binding: Binding?) -> [ColumnStatistics] {
        guard let binding else { return [] }
        var all: [ColumnStatistics] = []
        var declared = [Int?](repeating: nil, count: binding.header.count)
        for (column, place) in binding.places.enumerated() where declared.indices.contains(place) {
            declared[place] = column
        }
        for (place, name) in binding.header.enumerated() {
            if let column = declared[place] {
                all.append(plan.made.first[column].statistics(statistics[column]))
            } else {
                all.append(ColumnStatistics(name: name, type: nil, values: 0, missing: 0, invalid: 0))
            }
        }
        return all
    }

    private mutating func judgeFile(_ index: Int, _ binding: Binding?, _ found: inout [Int: String]) {
        let rule = plan.fileRules[index]
        var holds = true
        func within(_ value: Int, _ min: Int?, _ max: Int?) -> Bool {
            value >= min ?? .min && value <= max ?? .max
        }
        if let column = rule.column, binding.map({ $0.places[column] < 0 }) ?? true { return }
        let tally = rule.column.map { statistics[$0] } ?? ColumnTally()
        switch rule.kind {
        case .rowCount(let min, let max):
            holds = within(rows, min, max)
            found[rule.check] = rows == 1 ? "1 row" : "\(rows) rows"
        case .missingShare(_, let percent):
            holds = Share(percent: percent)?.allows(tally.missing, of: rows) ?? false
            let share = rows > 0 ? Double(tally.missing) * 100 / Double(rows) : 0
            found[rule.check] = "\(tally.missing) of \(rows) missing (\((share * 1000).rounded() / 1000) %)"
        case .distinct(_, let min, let max):
            let count = distinct[index]?.count ?? 0
            holds = within(count, min, max)
            let isMore = distinct[index]?.isFull ?? false
            found[rule.check] = isMore ? "at least \(count) values" : "\(count) values"
        case .aggregate(let function, _, _, _):
            guard let column = rule.column else { return }
            (holds, found[rule.check]) = plan.columns[column].judge(function, rule, index, tally)
        case .fresh(_, let seconds):
            guard let column = rule.column else { return }
            (holds, found[rule.check]) = plan.columns[column].judgeAge(
                tally, limit: seconds, now: options.now ?? SystemClock.now())
        case .forbidden, .order, .onlyDeclared, .unique, .reference, .compare, .row: return
        }
        if !holds { counts[rule.check] += 1 }
    }
}

/// Counts different values exactly, up to where the count no longer matters.
struct DistinctCounter {
    let limit: Int
    private var seen = Set<Fingerprint>()

    init(limit: Int) { self.limit = limit }

    var count: Int { seen.count }
    var isFull: Bool { seen.count >= limit }

    mutating func add(_ prints: [Fingerprint]) {
        for print in prints {
            if isFull { return }
            seen.insert(print)
        }
    }
}
