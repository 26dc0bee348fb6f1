import CScan
import Glibc

extension BatchEvaluator {
    func evaluate(column: Int) {
        let plan = columnPlans + column
        result.tallies[column].values += batch.rows
        irregular[column] = false
        if batch.kinds != nil {
            for row in 0..<batch.rows { judge(row, column, plan) }
        } else {
            switch plan.pointee.fast {
            case .integer:
                fill(column, plan, cscan_integers)
            case .decimal:
                fill(column, plan, cscan_decimals)
            case .date:
                fill(column, plan, cscan_dates)
            case .datetime: fill(column, plan, cscan_datetimes)
            case .text: fillText(column, plan)
            case .none: for row in 0..<batch.rows { judge(row, column, plan) }
            }
        }
        if plan.pointee.lane != .none {
            summarise(column, plan)
            for members in plan.pointee.members { checkMembers(members, column) }
            for (check, reference) in plan.pointee.references { checkReference(check, references[reference], column) }
        }
        if plan.pointee.needsText {
            // Those of a column of texts have just been found.
            if case .text = plan.pointee.fast, batch.kinds == nil {} else { findTexts(column) }
            checkTexts(column, plan)
        }
    }

    /// Reads a whole column of plain fields at once, and those that were declined one by one.
    private func fill(
        _ column: Int, _ plan: UnsafePointer<ColumnPlan>,
        _ read: (
            UnsafePointer<cscan_column>?, Int, UnsafeMutablePointer<Int64>?, UnsafeMutablePointer<UInt16>?
        ) -> Int
    ) {
        var field = field(column)
        if case .datetime(let separator, let zone) = plan.pointee.fast {
            (field.separator, field.zone) = (separator, zone)
        }
        let declined = read(&field, batch.rows, values + column * limit, picked)
        memset(states + column * limit, Int32(State.lane), batch.rows)
        if declined == 0 { return }
        let markers = plan.pointee.missing.words ?? []
        let quote = batch.quote
        var missing = 0
        for index in 0..<declined {
            let row = Int(picked[index])
            let (start, count) = self.field(row, field)
            // Markers are most of what is declined.
            let word = PlainField.word(start, count)
            if word != PlainField.longWord, start.pointee != quote, markers.contains(word) {
                states[column * limit + row] = State.missing
                missing += 1
                if let check = plan.pointee.requiredCheck { flag(check, row, column) }
            } else {
                judge(row, column, plan)
            }
        }
        noteMissing(missing, column)
    }

    private func field(_ column: Int) -> cscan_column {
        let place = places[column]
        return cscan_column(
            base: batch.base, ends: batch.ends + place, width: width,
            trims: batch.trimsReturn && place == width - 1 ? 1 : 0, separator: 0, zone: 0)
    }

    @inline(__always)
    private func field(_ row: Int, _ field: cscan_column) -> (UnsafePointer<UInt8>, Int) {
        let ends = field.ends + row &* field.width
        let start = field.base + Int(truncatingIfNeeded: ends[-1] &+ 1)
        var count = Int(truncatingIfNeeded: ends[0] &- ends[-1]) &- 1
        if field.trims != 0, count > 0, start[count &- 1] == 0x0d { count &-= 1 }
        return (start, count)
    }

    private func noteMissing(_ count: Int, _ column: Int) {
        guard count > 0 else { return }
        irregular[column] = true
        result.tallies[column].missing += count
        result.tallies[column].values -= count
    }

    /// Texts need no reading: they are found, and those that are missing or must be decoded are looked at.
    private func fillText(_ column: Int, _ plan: UnsafePointer<ColumnPlan>) {
        readTexts(column)
        irregular[column] = true
        memset(states + column * limit, Int32(State.text), batch.rows)
        var count = 0
        if let markers = plan.pointee.missing.words, markers.count <= 4 {
            count = cscan_pick_equal(texts, batch.rows, markers, markers.count, picked)
        } else {
            for row in 0..<batch.rows
            where texts.pointee.live[row] == Live.odd
                || plan.pointee.missing.contains(
                    batch.base + Int(texts.pointee.starts[row]), Int(texts.pointee.counts[row]))
            {
                picked[count] = UInt16(truncatingIfNeeded: row)
                count += 1
            }
        }
        var missing = 0
        for index in 0..<count {
            let row = Int(picked[index])
            if texts.pointee.live[row] == Live.odd {
                judge(row, column, plan)
                if states[column * limit + row] != State.text { texts.pointee.live[row] = Live.none }
            } else {
                texts.pointee.live[row] = Live.none
                states[column * limit + row] = State.missing
                missing += 1
                if let check = plan.pointee.requiredCheck { flag(check, row, column) }
            }
        }
        noteMissing(missing, column)
        var (shortest, longest) = (0, 0)
        cscan_text_lengths(texts, batch.rows, &shortest, &longest)
        result.tallies[column].shortest = min(result.tallies[column].shortest, shortest)
        result.tallies[column].longest = max(result.tallies[column].longest, longest)
    }

    /// Finds all of a column's fields as texts, whatever their states.
    private func readTexts(_ column: Int) {
        var field = field(column)
        // No byte, where there is no quote.
        let quote = batch.kinds == nil ? batch.quote.map { UInt32($0) } ?? 256 : 256
        _ = cscan_texts(&field, batch.rows, quote, batch.hasInnerQuotes ? 1 : 0, texts)
        if batch.kinds == nil, batch.needsDecoding { memset(texts.pointee.live, Int32(Live.odd), batch.rows) }
    }

    /// Finds the texts of a column whose states are known.
    func findTexts(_ column: Int) {
        readTexts(column)
        let states = states + column * limit
        for row in 0..<batch.rows where states[row] == State.missing || states[row] == State.invalid {
            texts.pointee.live[row] = Live.none
        }
    }

    /// One field, by the exact reader.
    func judge(_ row: Int, _ column: Int, _ plan: UnsafePointer<ColumnPlan>) {
        let index = column * limit + row
        irregular[column] = true
        let field = batch.field(row, places[column])
        let judged: Judged
        if let kinds = batch.kinds {
            judged = judge(kinds[row * batch.width + places[column]], field, plan)
        } else if field.isEmpty {
            judged = plan.pointee.missingEmpty ? .missing : judgeText([], plan)
        } else if field[0] != batch.quote, plan.pointee.missing.contains(field.baseAddress ?? batch.base, field.count) {
            judged = .missing
        } else {
            judged = judgeText(characters(field), plan)
        }
        switch judged {
        case .missing:
            states[index] = State.missing
            noteMissing(1, column)
            if let check = plan.pointee.requiredCheck { flag(check, row, column) }
        case .invalid:
            states[index] = State.invalid
            result.tallies[column].invalid += 1
            result.tallies[column].values -= 1
            flag(plan.pointee.typeCheck, row, column)
        case .lane(let position):
            states[index] = State.lane
            values[index] = position
        case .exact(let value):
            states[index] = State.exact
            exacts[index] = value
        case .text:
            states[index] = State.text
            let count = batch.kinds == nil ? characters(field).count : field.count
            result.tallies[column].shortest = min(result.tallies[column].shortest, count)
            result.tallies[column].longest = max(result.tallies[column].longest, count)
        }
    }

    private func judgeText(_ text: [UInt8], _ plan: UnsafePointer<ColumnPlan>) -> Judged {
        let isMissing = text.withUnsafeBufferPointer { bytes in
            // The set may read eight bytes past a text's start: give it a copy with room.
            bytes.count < 8
                ? withPadding(bytes) { plan.pointee.missing.contains($0, bytes.count) }
                : plan.pointee.missing.contains(bytes.baseAddress ?? batch.base, bytes.count)
        }
        return isMissing ? .missing : plan.pointee.reader.judge(text[...])
    }

    @inline(__always)
    func withPadding<Result>(
        _ bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafePointer<UInt8>) -> Result
    ) -> Result {
        var word: UInt64 = 0
        for (offset, byte) in bytes.enumerated() { word |= UInt64(byte) << UInt64(offset * 8) }
        return withUnsafeBytes(of: word.littleEndian) { raw in
            raw.withMemoryRebound(to: UInt8.self) { body($0.baseAddress ?? batch.base) }
        }
    }

    /// A field of a JSON row: its kind must suit the column's type, and texts are read by their lexical form.
    private func judge(_ kind: JSONField, _ field: UnsafeBufferPointer<UInt8>, _ plan: UnsafePointer<ColumnPlan>)
        -> Judged
    {
        switch (kind, plan.pointee.type.kind) {
        case (.absent, _), (.null, _): return .missing
        case (.string, .object), (.string, .array), (.string, .geojson): return .invalid
        case (.string, _): return judgeText(Array(field), plan)
        case (_, .any): return .text
        case (.number, .integer), (.number, .decimal), (.number, .number), (.number, .year):
            return plan.pointee.reader.judge(number: Array(field)[...])
        case (.boolean, .boolean): return .lane(field.first == UInt8(ascii: "t") ? 1 : 0)
        case (.structure, .object), (.structure, .array), (.structure, .geojson):
            return plan.pointee.reader.judge(Array(field)[...])
        case (.structure, .geopoint(let format)) where format != .text:
            return plan.pointee.reader.judge(Array(field)[...])
        default: return .invalid
        }
    }

    // MARK: Rules over one column

    /// Bounds, smallest, largest and sum of the values on the lane; the few that are not, one by one.
    private func summarise(_ column: Int, _ plan: UnsafePointer<ColumnPlan>) {
        let values = values + column * limit
        let states = states + column * limit
        let tally = result.tallies + column
        var low = Int64.max
        var high = Int64.min
        let isDouble = plan.pointee.lane == .double
        if !isDouble {
            // The sum in halves: neither can overflow within a batch.
            var (highSum, lowSum): (Int64, UInt64) = (0, 0)
            if irregular[column] {
                cscan_summary_of(values, states, batch.rows, &low, &high, &highSum, &lowSum)
            } else {
                cscan_summary(values, batch.rows, &low, &high, &highSum, &lowSum)
            }
            tally.pointee.sum += Int128(highSum) << 32 + Int128(lowSum)
        } else {
            for row in 0..<batch.rows where states[row] == State.lane {
                low = min(low, values[row])
                high = max(high, values[row])
                tally.pointee.doubles.add(Lane.double(values[row]))
            }
        }
        tally.pointee.low = min(tally.pointee.low, low)
        tally.pointee.high = max(tally.pointee.high, high)
        var hasExact = false
        if !exacts.isEmpty {
            for row in 0..<batch.rows where states[row] == State.exact {
                guard let value = exacts[column * limit + row] else { continue }
                hasExact = true
                tally.pointee.exactCount += 1
                if let sum = tally.pointee.exactSum {
                    tally.pointee.exactSum = sum.adding(value)
                }
                tally.pointee.noteExact(value)
            }
        }
        guard hasExact || low < plan.pointee.low || high > plan.pointee.high else { return }
        for bound in plan.pointee.bounds {
            for row in 0..<batch.rows {
                if states[row] == State.lane {
                    if values[row] < bound.low || values[row] > bound.high { flag(bound.check, row, column) }
                } else if states[row] == State.exact, let value = exacts[column * limit + row],
                    let exact = bound.exact, !bound.kind.allows(value, exact)
                {
                    flag(bound.check, row, column)
                }
            }
        }
    }

    private func checkMembers(_ members: ColumnPlan.Members, _ column: Int) {
        for row in 0..<batch.rows {
            let index = column * limit + row
            switch states[index] {
            case State.lane: if !members.positions.contains(values[index]) { flag(members.check, row, column) }
            case State.exact:
                if let value = exacts[index], !members.exacts.contains(value) { flag(members.check, row, column) }
            default: break
            }
        }
    }

    private func checkReference(_ check: Int, _ target: ReferenceColumns, _ column: Int) {
        if let bits = target.bitmapView, !irregular[column] {
            let values = values + column * limit
            for row in 0..<batch.rows where !bits.contains(UInt64(bitPattern: values[row])) {
                flag(check, row, column)
            }
            return
        }
        if let words = target.wordView, !irregular[column] {
            let values = values + column * limit
            for row in 0..<batch.rows where !words.contains(UInt64(bitPattern: values[row])) {
                flag(check, row, column)
            }
            return
        }
        for row in 0..<batch.rows {
            let index = column * limit + row
            switch states[index] {
            case State.lane: if !target.contains(position: values[index]) { flag(check, row, column) }
            case State.exact:
                if let value = exacts[index], !target.contains(value) { flag(check, row, column) }
            default: break
            }
        }
    }
}
