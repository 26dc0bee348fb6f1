/// Works on blocks of delimited text: scans a stretch, groups its fields into rows, and hands runs of regular rows to the
/// evaluator while they are still in the cache.
final class BlockProcessor {
    private static let stretch = 64 << 10

    private let binding: Binding
    private let dialect: CompiledDialect
    private let evaluator: BatchEvaluator
    private var index = SeparatorIndex(capacity: 1 << 16)
    private var scanner: CSVScanner
    private var block = Block(base: UnsafePointer(bitPattern: 64).unsafelyUnwrapped, count: 0, origin: 0, isLast: false)
    private var result: BlockResult

    init(_ binding: Binding, _ dialect: CompiledDialect) {
        self.binding = binding
        self.dialect = dialect
        result = BlockResult(binding.plan)
        evaluator = BatchEvaluator(binding, result)
        scanner = CSVScanner(dialect)
    }

    /// Judges every row that ends in the block, from `start`.
    func process(_ block: Block, from start: Int) -> BlockResult {
        self.block = block
        result = BlockResult(binding.plan)
        evaluator.result = result
        scanner = CSVScanner(dialect)
        unplaced = []
        uncounted = [:]
        index.reset(at: start)
        result.consumed = start
        var position = start
        while position < block.count {
            let end = min(block.count, position + Self.stretch)
            scanner.scan(block.base, position..<end, into: &index)
            position = end
            group()
            if result.isFatal { return result }
        }
        if block.isLast { finish() } else { giveUpIfTooLong() }
        return result
    }

    private func finish() {
        if scanner.state == .quoted || scanner.state == .escapedInQuoted {
            fail(.unterminatedQuote, scanner.quotePosition)
            return
        }
        if scanner.finish(block.base, at: block.count, into: &index) {
            group()
            if result.isFatal { return }
            note(.noFinalNewline, row: nil, block.count)
        }
    }

    /// A row that does not end within the limit ends the reading.
    private func giveUpIfTooLong() {
        guard block.count - result.consumed > binding.options.longestRow else { return }
        if scanner.state == .quoted {
            fail(.unterminatedQuote, scanner.quotePosition)
        } else {
            fail(.rowTooLong, result.consumed)
        }
    }

    private func fail(_ departure: Departure, _ position: Int) {
        note(departure, row: result.rows, position)
        // What was not judged is part of no row.
        result.isFatal = true
    }

    private func note(_ departure: Departure, row: Int?, _ position: Int) {
        guard let check = binding.plan.departureChecks[departure] else { return }
        result.counts[check] += 1
        if let row, row < result.rows, binding.plan.checks[check].rejectsRow { result.rejected[row] = true }
        guard result.offenders[check].count < binding.options.offenders else { return }
        let from = max(0, min(position, block.count))
        let context = UnsafeBufferPointer(start: block.base + from, count: min(block.count - from, 24))
        let line = context.prefix { $0 != 0x0a && $0 != 0x0d }
        result.offenders[check].append(
            Offender(
                row: row, column: nil, byte: block.origin + position,
                value: BatchEvaluator.shown(Array(line), binding.options.valueLength)))
    }

    /// Takes the complete rows out of the index.
    private func group() {
        let width = binding.width
        let looksAtRows = dialect.comment != nil
        var field = 0
        var runStart = 0
        var runRows = 0
        let rowEnds = index.rows
        // Only in a block that has room for one.
        let mayBeLong = block.count > binding.options.longestRow
        for row in 0..<index.rowCount {
            let last = Int(truncatingIfNeeded: rowEnds[row])
            if mayBeLong, Int(index.fields[last]) - start(field) > binding.options.longestRow {
                flush(runStart, runRows)
                result.consumed = start(field)
                return fail(.rowTooLong, start(field))
            }
            if last &- field &+ 1 == width, !looksAtRows || !isComment(field) {
                runRows &+= 1
                field = last &+ 1
                if runRows == Batch.limit {
                    flush(runStart, runRows)
                    (runStart, runRows) = (field, 0)
                }
            } else {
                flush(runStart, runRows)
                irregularRow(field, last)
                field = last &+ 1
                (runStart, runRows) = (field, 0)
            }
        }
        flush(runStart, runRows)
        if field > 0 { result.consumed = min(block.count, Int(index.fields[field - 1]) + 1) }
        if !scanner.departures.isEmpty || !unplaced.isEmpty { noteDepartures() }
        index.drop(field)
    }

    private func start(_ field: Int) -> Int { Int(index.fields[field - 1] &+ 1) }

    private func isComment(_ field: Int) -> Bool {
        start(field) < block.count && block.base[start(field)] == dialect.comment
    }

    private func flush(_ field: Int, _ rows: Int) {
        guard rows > 0 else { return }
        let width = binding.width
        let ends = UnsafePointer(index.fields + field)
        let first = result.rows
        var starts: [UInt32] = []
        swap(&starts, &result.starts)
        starts.reserveCapacity(starts.count + rows)
        for row in 0..<rows { starts.append(ends[row &* width &- 1] &+ 1) }
        swap(&starts, &result.starts)
        result.rejected.append(contentsOf: repeatElement(false, count: rows))
        result.rows += rows
        evaluator.evaluate(
            Batch(
                base: block.base, ends: ends, width: width, rows: rows, origin: block.origin,
                trimsReturn: dialect.terminator == 0x0a, quote: dialect.quote,
                needsDecoding: dialect.escape != nil || dialect.skipInitialSpace || !dialect.doubleQuote,
                hasInnerQuotes: scanner.hasInnerQuotes),
            firstRow: first)
    }

    private func irregularRow(_ field: Int, _ last: Int) {
        let from = start(field)
        var end = Int(index.fields[last])
        let line = from..<min(block.count, end + 1)
        if isComment(field) {
            result.gaps.append(line)
            return
        }
        if end > from, dialect.terminator == 0x0a, block.base[end - 1] == 0x0d { end -= 1 }
        if field == last, end <= from {
            note(.blankLine, row: nil, from)
            result.gaps.append(line)
            return
        }
        result.starts.append(UInt32(truncatingIfNeeded: from))
        result.rejected.append(false)
        result.rows += 1
        note(.raggedRow, row: result.rows - 1, from)
        let count = last - field + 1
        if let check = binding.plan.departureChecks[.raggedRow], let shown = result.offenders[check].last,
            shown.row == result.rows - 1
        {
            result.offenders[check][result.offenders[check].count - 1].value =
                "\(count) fields, not \(binding.width): \(shown.value)"
        }
    }

    /// Departures within the row that has not ended yet; further ones of a kind than are ever shown are only counted, so that
    /// a row takes no more memory than its bytes.
    private var unplaced: [(kind: Departure, position: Int)] = []
    private var uncounted: [Departure: Int] = [:]

    /// Gives each departure its row; those within the row that has not ended yet stay.
    private func noteDepartures() {
        // Nothing can be placed unless the row that they lie in has ended.
        let isOver = block.isLast && scanner.state == .rowStart
        if let first = unplaced.first, isOver || first.position < result.consumed {
            let row = self.row(at: first.position)
            for departure in unplaced { note(departure.kind, row: row, departure.position) }
            for (kind, count) in uncounted {
                if let check = binding.plan.departureChecks[kind] { result.counts[check] += count }
            }
            unplaced = []
            uncounted = [:]
        }
        for departure in scanner.departures {
            if departure.position < result.consumed || isOver {
                note(departure.kind, row: row(at: departure.position), departure.position)
            } else if unplaced.count(where: { $0.kind == departure.kind }) < max(1, binding.options.offenders) {
                unplaced.append(departure)
            } else {
                uncounted[departure.kind, default: 0] += 1
            }
        }
        scanner.departures.removeAll(keepingCapacity: true)
    }

    /// The row that a position lies in, of those that have started.
    private func row(at position: Int) -> Int? {
        var (low, high) = (0, result.starts.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(result.starts[middle]) <= position { low = middle + 1 } else { high = middle }
        }
        let isInGap = result.gap(before: position).map { position < $0.upperBound } ?? false
        return low > 0 && !isInGap ? low - 1 : nil
    }
}
