/// Works on blocks of JSON Lines, or of one JSON array: reads each object's members into the fields of a row, in the
/// rule set's order, and hands batches of rows to the evaluator.
final class JSONBlockProcessor {
    private let binding: Binding
    private let isArray: Bool
    private let evaluator: BatchEvaluator
    private var result: BlockResult
    private var rows: JSONRowBatch
    private var reader: JSONRowReader
    private var block = Block(base: UnsafePointer(bitPattern: 64).unsafelyUnwrapped, count: 0, origin: 0, isLast: false)
    /// Within an array: what may come next.
    private var place = ArrayPlace.start
    /// Until the first row that is an object: lines that are none. So many make it a file of another format.
    private var badLines = 0
    private var hasRows = false
    private static let mostBadLines = 20

    private enum ArrayPlace { case start, first, element, comma, end }

    init(_ binding: Binding, isArray: Bool) {
        self.binding = binding
        self.isArray = isArray
        result = BlockResult(binding.plan)
        evaluator = BatchEvaluator(binding, result)
        rows = JSONRowBatch(width: binding.width)
        reader = JSONRowReader(binding.header)
    }

    /// Judges every row that ends in the block, from `start`.
    func process(_ block: Block, from start: Int) -> BlockResult {
        self.block = block
        result = BlockResult(binding.plan)
        evaluator.result = result
        result.consumed = start
        if isArray { processArray(start) } else { processLines(start) }
        flush()
        if !block.isLast, !result.isFatal, block.count - result.consumed > binding.options.longestRow {
            fail(.rowTooLong, result.consumed, "")
        }
        return result
    }

    private func processLines(_ start: Int) {
        var position = start
        let bytes = UnsafeBufferPointer(start: block.base, count: block.count)
        while position < block.count {
            var end = position
            while end < block.count, block.base[end] != 0x0a { end += 1 }
            if end == block.count, !block.isLast { return }
            if end - position > binding.options.longestRow { return fail(.rowTooLong, position, "") }
            let line = UnsafeBufferPointer(rebasing: bytes[position..<end])
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) {
                note(.blankLine, nil, position, "")
            } else {
                takeRow(line, at: position, expectsEnd: true)
            }
            if result.isFatal { return }
            position = min(block.count, end + 1)
            result.consumed = position
        }
    }

    private func processArray(_ start: Int) {
        var position = start
        let bytes = UnsafeBufferPointer(start: block.base, count: block.count)
        while true {
            while position < block.count, isSpace(block.base[position]) { position += 1 }
            result.consumed = position
            guard position < block.count else {
                if block.isLast, place != .end {
                    fail(.malformedJSON, position, "the text ends within the array")
                }
                return
            }
            let byte = block.base[position]
            switch place {
            case .start:
                guard byte == UInt8(ascii: "[") else { return fail(.malformedJSON, position, "expected [") }
                place = .first
                position += 1
            case .first where byte == UInt8(ascii: "]"), .comma where byte == UInt8(ascii: "]"):
                place = .end
                position += 1
            case .comma:
                guard byte == UInt8(ascii: ",") else { return fail(.malformedJSON, position, "expected , or ]") }
                place = .element
                position += 1
            case .first, .element:
                let rest = UnsafeBufferPointer(rebasing: bytes[position...])
                guard let length = takeRow(rest, at: position, expectsEnd: false) else { return }
                if length > binding.options.longestRow { return fail(.rowTooLong, position, "") }
                position += length
                place = .comma
            case .end: return fail(.malformedJSON, position, "text after the array")
            }
        }
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 }

    /// Reads one row; gives its length, or nil if the block ends within it or the reading must stop.
    @discardableResult
    private func takeRow(_ text: UnsafeBufferPointer<UInt8>, at position: Int, expectsEnd: Bool) -> Int? {
        let length: Int
        do {
            length = try reader.read(text, expectsEnd: expectsEnd)
        } catch {
            if !expectsEnd {
                if error.byte >= text.count, !block.isLast { return nil }
                fail(.malformedJSON, position + error.byte, error.message)
                return nil
            }
            flush()
            beginRow(position)
            result.ends.append(UInt32(truncatingIfNeeded: position + text.count))
            result.rows += 1
            note(.malformedJSON, result.rows - 1, position + error.byte, error.message)
            if !hasRows {
                badLines += 1
                if badLines == Self.mostBadLines {
                    fail(.wrongFormat, 0, "none of the first \(badLines) lines is a JSON object")
                }
            }
            return nil
        }
        hasRows = true
        noteNames(position)
        if let problem = reader.invalidUTF8 {
            flush()
            beginRow(position)
            result.ends.append(UInt32(truncatingIfNeeded: position + length))
            result.rows += 1
            note(.invalidUTF8, result.rows - 1, position + problem, "")
            return length
        }
        rows.append(reader, at: block.origin + position)
        beginRow(position)
        result.ends.append(UInt32(truncatingIfNeeded: position + length))
        if reader.hasDuplicate { note(.duplicateMember, nil, position, "") }
        if rows.count == evaluator.limit { flush() }
        return length
    }

    private func beginRow(_ position: Int) {
        result.starts.append(UInt32(truncatingIfNeeded: position))
        result.rejected.append(false)
    }

    /// Members that no rule declares count once each, as a header's columns do.
    private func noteNames(_ position: Int) {
        for bytes in reader.unknown {
            let name = String(decoding: bytes, as: UTF8.self)
            for rule in binding.plan.fileRules {
                switch rule.kind {
                case .onlyDeclared: add(rule.check, nil, position, name)
                case .forbidden(let names) where names.contains(where: { $0.isExactly(name) }):
                    add(rule.check, nil, position, name)
                default: break
                }
            }
        }
    }

    private func flush() {
        guard rows.count > 0 else { return }
        let first = result.rows
        result.rows += rows.count
        rows.withBatch { evaluator.evaluate($0, firstRow: first) }
        rows.clear()
    }

    private func fail(_ departure: Departure, _ position: Int, _ message: String) {
        note(departure, nil, position, message)
        result.isFatal = true
        result.consumed = block.count
    }

    private func note(_ departure: Departure, _ row: Int?, _ position: Int, _ message: String) {
        guard let check = binding.plan.check(of: departure) else { return }
        if let row, binding.plan.checks[check].rejectsRow { result.rejected[row] = true }
        add(check, row, position, message)
    }

    private func add(_ check: Int, _ row: Int?, _ position: Int, _ value: String) {
        result.counts[check] += 1
        if result.offenders[check].count < binding.options.offenders {
            result.offenders[check].append(
                Offender(row: row, column: nil, byte: block.origin + position, value: value))
        }
    }

    /// What a row has in these columns.
    func values(_ columns: [Int], at start: Int, _ block: Block) -> [String] {
        let text = UnsafeBufferPointer(start: block.base + start, count: block.count - start)
        guard (try? reader.read(text, expectsEnd: false)) != nil else { return [] }
        return columns.map { BatchEvaluator.shown(reader.text($0), binding.options.valueLength) }
    }
}
