import CScan

/// Rules over the characters of values. A quick look at the whole column picks the few that may break one, which are then
/// held against it exactly.
extension BatchEvaluator {
    /// The texts are those that were found last.
    func checkTexts(_ column: Int, _ plan: UnsafePointer<ColumnPlan>) {
        if plan.pointee.lane == .none, !plan.pointee.reader.isCanonical {
            checkCanonical(column, plan)
        } else if plan.pointee.lane == .none {
            for members in plan.pointee.members {
                let table = members.texts.wordTable?.view
                checkTexts(column, table.map { cscan_pick_absent(texts, batch.rows, $0, picked) }) { text, row in
                    if !members.texts.contains(text.baseAddress ?? batch.base, text.count) {
                        flag(members.check, row, column)
                    }
                }
            }
            for (check, reference) in plan.pointee.references {
                let target = references[reference]
                let count = target.textTable.map { cscan_pick_absent(texts, batch.rows, $0, picked) }
                checkTexts(column, count) { text, row in if !target.contains(text) { flag(check, row, column) } }
            }
        }
        for length in plan.pointee.lengths {
            let count = cscan_pick_lengths(texts, batch.rows, length.min, length.max, picked)
            checkTexts(column, count) { text, row in
                var scalars = 0
                for byte in text where byte & 0xc0 != 0x80 { scalars += 1 }
                if scalars < length.min || scalars > length.max { flag(length.check, row, column) }
            }
        }
        for (check, pattern) in patterns[column] {
            let shape = pattern.shape?.view
            let count = shape.map { cscan_pick_unlike(batch.base, texts, batch.rows, $0, picked) }
            if count == 0 { continue }
            pattern.withMatcher { matches in
                checkTexts(column, count) { text, row in if !matches(text) { flag(check, row, column) } }
            }
        }
        for content in plan.pointee.contents {
            checkTexts(column, nil) { text, row in if !content.holds(text) { flag(content.check, row, column) } }
        }
        for (check, holds) in plan.pointee.customs {
            checkTexts(column, nil) { text, row in
                if !holds(String(decoding: text, as: UTF8.self)) { flag(check, row, column) }
            }
        }
    }

    /// Values that are written in many ways are held against enumerations and references in their canonical form.
    private func checkCanonical(_ column: Int, _ plan: UnsafePointer<ColumnPlan>) {
        if plan.pointee.members.isEmpty, plan.pointee.references.isEmpty { return }
        checkTexts(column, nil) { text, row in
            withPadded(plan.pointee.reader.canonical(Array(text))) { text in
                for members in plan.pointee.members
                where !members.texts.contains(text.baseAddress ?? batch.base, text.count) {
                    flag(members.check, row, column)
                }
                for (check, reference) in plan.pointee.references where !references[reference].contains(text) {
                    flag(check, row, column)
                }
            }
        }
    }

    /// The first `count` texts picked, or all that there are; each is readable eight bytes on.
    @inline(__always)
    private func checkTexts(_ column: Int, _ count: Int?, _ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) {
        for index in 0..<(count ?? batch.rows) {
            let row = count == nil ? index : Int(picked[index])
            switch texts.pointee.live[row] {
            case Live.plain:
                let start = batch.base + Int(texts.pointee.starts[row])
                body(UnsafeBufferPointer(start: start, count: Int(texts.pointee.counts[row])), row)
            case Live.odd: withDecoded(row, column) { body($0, row) }
            default: break
            }
        }
    }

    private func withDecoded(_ row: Int, _ column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        withPadded(text(column, row) ?? [], body)
    }

    /// A text with room behind it to be read.
    func withPadded<Result>(_ text: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let padded = text + Array(repeating: 0, count: 16)
        return padded.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[..<text.count])) }
    }
}
