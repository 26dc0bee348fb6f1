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
        unplacedCounts = Self.noCounts
        begun = nil
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
        guard let check = binding.plan.check(of: departure) else { return }
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
        let limit = evaluator.limit
        var field = 0
        var row = 0
        if let begun, index.rowCount > 0 {
            // Wider than the header, whatever else comes in it.
            let last = Int(index.rows[0])
            if Int(index.fields[last]) - begun.start > binding.options.longestRow {
                result.consumed = begun.start
                return fail(.rowTooLong, begun.start)
            }
            irregularRow(begun.start, to: Int(index.fields[last]), begun.fields + last + 1)
            self.begun = nil
            (field, row) = (last + 1, 1)
        }
        var runStart = field
        var runRows = 0
        let rowEnds = index.rows
        // Only in a block that has room for one.
        let mayBeLong = block.count > binding.options.longestRow
        while row < index.rowCount {
            let last = Int(truncatingIfNeeded: rowEnds[row])
            if mayBeLong, Int(index.fields[last]) - start(field) > binding.options.longestRow {
                flush(runStart, runRows)
                result.consumed = start(field)
                return fail(.rowTooLong, start(field))
            }
            if last &- field &+ 1 == width, !looksAtRows || !isComment(field) {
                runRows &+= 1
                field = last &+ 1
                if runRows == limit {
                    flush(runStart, runRows)
                    (runStart, runRows) = (field, 0)
                }
                row &+= 1
            } else {
                flush(runStart, runRows)
                let blank = blankLines(from: field, row)
                if blank > 0 {
                    row += blank
                    field += blank
                } else {
                    irregularRow(start(field), to: Int(index.fields[last]), last - field + 1)
                    field = last &+ 1
                    row &+= 1
                }
                (runStart, runRows) = (field, 0)
            }
        }
        flush(runStart, runRows)
        if field > 0 { result.consumed = min(block.count, Int(index.fields[field - 1]) + 1) }
        if !scanner.departures.isEmpty || !unplaced.isEmpty { noteDepartures() }
        index.drop(field)
        if index.count > max(width, Self.stretch) { beginWideRow() }
    }

    /// A row that has not ended and already has more fields than the header: where it starts, and how many of them are counted
    /// and forgotten, so that a row takes no more memory than its bytes.
    private var begun: (start: Int, fields: Int)?

    private func beginWideRow() {
        begun = (begun?.start ?? start(0), (begun?.fields ?? 0) + index.count)
        index.drop(index.count)
    }

    /// How many rows from one on are lines without a character; notes them.
    private func blankLines(from field: Int, _ row: Int) -> Int {
        let fields = index.fields
        let rows = index.rows
        let first = start(field)
        var count = 0
        var shown = 0
        var isShown = !isEnough(.blankLine)
        // Each is one field that ends where it starts, but for the return of a line end.
        var end = first
        while row + count < index.rowCount, Int(rows[row + count]) == field + count {
            let next = Int(fields[field + count])
            let length = next - end
            guard length == 0 || length == 1 && dialect.terminator == 0x0a && block.base[end] == 0x0d else { break }
            if isShown {
                note(.blankLine, row: nil, end)
                shown += 1
                isShown = !isEnough(.blankLine)
            }
            end = min(block.count, next + 1)
            count += 1
        }
        if let check = binding.plan.check(of: .blankLine) { result.counts[check] += count - shown }
        if count > 0 { addGap(first..<end) }
        return count
    }

    private func addGap(_ lines: Range<Int>) {
        if let last = result.gaps.last, last.upperBound == lines.lowerBound {
            result.gaps[result.gaps.count - 1] = last.lowerBound..<lines.upperBound
        } else {
            result.gaps.append(lines)
        }
    }

    /// Whether as many departures of a kind are shown as may be.
    private func isEnough(_ departure: Departure) -> Bool {
        guard let check = binding.plan.check(of: departure) else { return true }
        return result.offenders[check].count >= binding.options.offenders
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
        // Twice as much at a time: what is asked for is what one gets, and all is copied to it.
        if starts.capacity < starts.count + rows { starts.reserveCapacity(2 * starts.count + rows) }
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

    /// A row that is none of the header's width, or a comment.
    private func irregularRow(_ from: Int, to end: Int, _ count: Int) {
        if dialect.comment != nil, from < block.count, block.base[from] == dialect.comment {
            addGap(from..<min(block.count, end + 1))
            return
        }
        result.starts.append(UInt32(truncatingIfNeeded: from))
        result.rejected.append(false)
        result.rows += 1
        note(.raggedRow, row: result.rows - 1, from)
        if let check = binding.plan.check(of: .raggedRow), let shown = result.offenders[check].last,
            shown.row == result.rows - 1
        {
            result.offenders[check][result.offenders[check].count - 1].value =
                "\(count) fields, not \(binding.width): \(shown.value)"
        }
    }

    /// Departures within the row that has not ended yet; further ones of a kind than are ever shown are only counted, so that
    /// a row takes no more memory than its bytes.
    private var unplaced: [(kind: Departure, position: Int)] = []
    private var unplacedCounts = noCounts
    private static let noCounts = [Int](repeating: 0, count: Departure.allCases.count)

    /// Gives each departure its row; those within the row that has not ended yet stay.
    private func noteDepartures() {
        // Nothing can be placed unless the row that they lie in has ended.
        let isOver = block.isLast && scanner.state == .rowStart
        if let first = unplaced.first, isOver || first.position < result.consumed {
            let row = self.row(at: first.position)
            for departure in unplaced {
                note(departure.kind, row: row, departure.position)
                unplacedCounts[departure.kind.number] -= 1
            }
            for kind in Departure.allCases where unplacedCounts[kind.number] > 0 {
                if let check = binding.plan.check(of: kind) { result.counts[check] += unplacedCounts[kind.number] }
            }
            unplaced = []
            unplacedCounts = Self.noCounts
        }
        var departures: [(kind: Departure, position: Int)] = []
        swap(&departures, &scanner.departures)
        var counts: [Int] = []
        swap(&counts, &unplacedCounts)
        var more = Self.noCounts
        // Where the row ends that the last departure lies in: most lie in the same.
        var (rowEnd, row): (Int, Int?) = (0, nil)
        // By kind, whether that row is marked and enough are shown: further ones are only counted.
        var isCounted = [Bool](repeating: false, count: more.count)
        let shown = max(1, binding.options.offenders)
        for (kind, position) in departures {
            let number = kind.number
            if position < result.consumed || isOver {
                if position >= rowEnd {
                    row = self.row(at: position)
                    rowEnd = end(of: row, after: position)
                    for number in isCounted.indices { isCounted[number] = false }
                }
                if isCounted[number] {
                    more[number] += 1
                } else {
                    note(kind, row: row, position)
                    isCounted[number] = isEnough(kind)
                }
            } else {
                counts[number] += 1
                if counts[number] <= shown { unplaced.append((kind, position)) }
            }
        }
        unplacedCounts = counts
        for kind in Departure.allCases where more[kind.number] > 0 {
            if let check = binding.plan.check(of: kind) { result.counts[check] += more[kind.number] }
        }
        departures.removeAll(keepingCapacity: true)
        swap(&departures, &scanner.departures)
    }

    /// Up to where what follows a position in a row lies in the same row.
    private func end(of row: Int?, after position: Int) -> Int {
        guard let row, result.gaps.last.map({ $0.upperBound <= position }) ?? true else { return position + 1 }
        return row + 1 < result.starts.count ? Int(result.starts[row + 1]) : max(result.consumed, position + 1)
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
