import CScan
import Glibc

extension BatchEvaluator {
    func evaluate(column: Int) {
        let plan = plan.columns[column]
        result.statistics[column].values += batch.rows
        irregular[column] = false
        if batch.kinds != nil {
            for row in 0..<batch.rows { judge(row, column, plan) }
        } else {
            switch plan.fast {
            case .integer:
                fill(column, plan, cscan_integers)
            case .decimal:
                fill(column, plan, cscan_decimals)
            case .date:
                fill(column, plan, cscan_dates)
            case .datetime(let separator):
                fill(column, plan) { start, length in PlainField.datetime(start, length, separator: separator) }
            case .text: fillText(column, plan)
            case .none: for row in 0..<batch.rows { judge(row, column, plan) }
            }
        }
        if plan.lane != .none {
            summarise(column, plan)
            for members in plan.members { checkMembers(members, column) }
            for (check, reference) in plan.references { checkReference(check, references[reference], column) }
        }
        if plan.needsText, !(plan.isSimpleText && batch.kinds == nil) { checkTexts(column, plan) }
    }

    /// Reads a whole column of plain fields at once, and those that were declined one by one.
    private func fill(
        _ column: Int, _ plan: ColumnPlan,
        _ read: (UnsafePointer<cscan_column>?, Int, UnsafeMutablePointer<Int64>?) -> Int
    ) {
        let place = places[column]
        let values = values + column * Batch.limit
        let states = states + column * Batch.limit
        var field = cscan_column(
            base: batch.base, ends: batch.ends + place, width: width,
            trims: batch.trimsReturn && place == width - 1 ? 1 : 0)
        let declined = read(&field, batch.rows, values)
        memset(states, Int32(State.lane), batch.rows)
        if declined == 0 { return }
        for row in 0..<batch.rows where values[row] == PlainField.declined { judge(row, column, plan) }
    }

    /// Reads the plain fields in a tight loop, the others one by one.
    @inline(__always)
    private func fill(
        _ column: Int, _ plan: ColumnPlan, _ read: (UnsafePointer<UInt8>, Int) -> Int64
    ) {
        let place = places[column]
        let base = batch.base
        let width = batch.width
        let values = values + column * Batch.limit
        let states = states + column * Batch.limit
        let trims = batch.trimsReturn && place == width - 1
        var ends = batch.ends + place
        for row in 0..<batch.rows {
            let start = base + Int(truncatingIfNeeded: ends[-1] &+ 1)
            var length = Int(truncatingIfNeeded: ends[0] &- ends[-1]) &- 1
            if trims, length > 0, start[length &- 1] == 0x0d { length &-= 1 }
            let value = read(start, length)
            if value != PlainField.declined {
                values[row] = value
                states[row] = State.lane
            } else {
                judge(row, column, plan)
            }
            ends += width
        }
    }

    /// Texts need no reading; only missing ones, and those that must be decoded, are looked at. Rules that are quick to
    /// judge where the text is found are judged there, the others by ``checkTexts(_:_:)``.
    private func fillText(_ column: Int, _ plan: ColumnPlan) {
        let place = places[column]
        let batch = batch
        let width = width
        let base = batch.base
        let states = states + column * Batch.limit
        let missing = plan.missing.view
        let trims = batch.trimsReturn && place == width - 1
        let isSimple = plan.isSimpleText
        let members = isSimple ? plan.members.first : nil
        let memberTexts = members?.texts.view ?? missing
        let hasMembers = members != nil
        let membersCheck = members?.check ?? 0
        let length = isSimple ? plan.lengths.first : nil
        let (minimum, maximum) = (length?.min ?? 0, length?.max ?? .max)
        // No byte, where there is no quote.
        let quote = batch.quote.map { UInt32($0) } ?? 256
        let needsDecoding = batch.needsDecoding
        let hasInnerQuotes = batch.hasInnerQuotes
        var shortest = Int.max
        var longest = 0
        var ends = batch.ends + place
        for row in 0..<batch.rows {
            var start = base + Int(truncatingIfNeeded: ends[-1] &+ 1)
            var count = Int(truncatingIfNeeded: ends[0] &- ends[-1]) &- 1
            ends += width
            if trims, count > 0, start[count &- 1] == 0x0d { count &-= 1 }
            var isPlain = !needsDecoding
            if UInt32(truncatingIfNeeded: start.pointee) == quote, count > 0 {
                count &-= 2
                start += 1
                isPlain =
                    isPlain && count >= 0 && UInt32(truncatingIfNeeded: start[count]) == quote
                    && !(hasInnerQuotes && Batch.has(UInt8(truncatingIfNeeded: quote), start, count))
            }
            guard isPlain, !missing.contains(start, count) else {
                judge(row, column, plan)
                if isSimple, states[row] == State.text { checkDecoded(row, column, plan) }
                continue
            }
            states[row] = State.text
            shortest = min(shortest, count)
            longest = max(longest, count)
            if hasMembers, !memberTexts.contains(start, count) { flag(membersCheck, row, column) }
            // Characters are at most as many as bytes, and at least a quarter.
            if count > maximum || (count &+ 3) &>> 2 < minimum {
                checkLength(UnsafeBufferPointer(start: start, count: count), row, column, plan)
            }
        }
        irregular[column] = true
        result.statistics[column].shortest = min(result.statistics[column].shortest, shortest)
        result.statistics[column].longest = max(result.statistics[column].longest, longest)
    }

    private func checkDecoded(_ row: Int, _ column: Int, _ plan: ColumnPlan) {
        guard plan.needsText else { return }
        withDecoded(row, column) { text in
            for members in plan.members where !members.texts.contains(text.baseAddress ?? batch.base, text.count) {
                flag(members.check, row, column)
            }
            checkLength(text, row, column, plan)
        }
    }

    /// One field, by the exact reader.
    func judge(_ row: Int, _ column: Int, _ plan: ColumnPlan) {
        let index = column * Batch.limit + row
        irregular[column] = true
        let field = batch.field(row, places[column])
        let judged: Judged
        if let kinds = batch.kinds {
            judged = judge(kinds[row * batch.width + places[column]], field, plan)
        } else if field.isEmpty {
            judged = plan.missingEmpty ? .missing : judgeText([], plan)
        } else if field[0] != batch.quote, plan.missing.contains(field.baseAddress ?? batch.base, field.count) {
            judged = .missing
        } else {
            judged = judgeText(characters(field), plan)
        }
        switch judged {
        case .missing:
            states[index] = State.missing
            result.statistics[column].missing += 1
            result.statistics[column].values -= 1
            if let check = plan.requiredCheck { flag(check, row, column) }
        case .invalid:
            states[index] = State.invalid
            result.statistics[column].invalid += 1
            result.statistics[column].values -= 1
            flag(plan.typeCheck, row, column)
        case .lane(let position):
            states[index] = State.lane
            values[index] = position
        case .exact(let value):
            states[index] = State.exact
            exacts[index] = value
        case .text:
            states[index] = State.text
            let count = batch.kinds == nil ? characters(field).count : field.count
            result.statistics[column].shortest = min(result.statistics[column].shortest, count)
            result.statistics[column].longest = max(result.statistics[column].longest, count)
        }
    }

    private func judgeText(_ text: [UInt8], _ plan: ColumnPlan) -> Judged {
        let isMissing = text.withUnsafeBufferPointer { bytes in
            // The set may read eight bytes past a text's start: give it a copy with room.
            bytes.count < 8
                ? withPadding(bytes) { plan.missing.contains($0, bytes.count) }
                : plan.missing.contains(bytes.baseAddress ?? batch.base, bytes.count)
        }
        return isMissing ? .missing : plan.reader.judge(text[...])
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
    private func judge(_ kind: JSONField, _ field: UnsafeBufferPointer<UInt8>, _ plan: ColumnPlan) -> Judged {
        switch (kind, plan.type.kind) {
        case (.absent, _), (.null, _): return .missing
        case (.string, .object), (.string, .array), (.string, .geojson): return .invalid
        case (.string, _): return judgeText(Array(field), plan)
        case (_, .any): return .text
        case (.number, .integer), (.number, .decimal), (.number, .number), (.number, .year):
            return plan.reader.judge(Array(field)[...])
        case (.boolean, .boolean): return .lane(field.first == UInt8(ascii: "t") ? 1 : 0)
        case (.structure, .object), (.structure, .array), (.structure, .geojson):
            return plan.reader.judge(Array(field)[...])
        case (.structure, .geopoint(let format)) where format != .text:
            return plan.reader.judge(Array(field)[...])
        default: return .invalid
        }
    }

    // MARK: Rules over one column

    /// Bounds, smallest, largest and sum of the values on the lane; the few that are not, one by one.
    private func summarise(_ column: Int, _ plan: ColumnPlan) {
        let values = values + column * Batch.limit
        let states = states + column * Batch.limit
        var low = Int64.max
        var high = Int64.min
        let isDouble = plan.lane == .double
        if !irregular[column], !isDouble {
            // The sum in halves: neither can overflow within a batch.
            var (highSum, lowSum): (Int64, UInt64) = (0, 0)
            cscan_summary(values, batch.rows, &low, &high, &highSum, &lowSum)
            result.statistics[column].sum += Int128(highSum) << 32 + Int128(lowSum)
        } else {
            var sum = Int128(0)
            for row in 0..<batch.rows where states[row] == State.lane {
                let value = values[row]
                low = min(low, value)
                high = max(high, value)
                if isDouble { result.statistics[column].doubles.add(Lane.double(value)) } else { sum += Int128(value) }
            }
            result.statistics[column].sum += sum
        }
        result.statistics[column].low = min(result.statistics[column].low, low)
        result.statistics[column].high = max(result.statistics[column].high, high)
        var hasExact = false
        if !exacts.isEmpty {
            for row in 0..<batch.rows where states[row] == State.exact {
                guard let value = exacts[column * Batch.limit + row] else { continue }
                hasExact = true
                result.statistics[column].exactCount += 1
                if let sum = result.statistics[column].exactSum {
                    result.statistics[column].exactSum = sum.adding(value)
                }
                result.statistics[column].noteExact(value)
            }
        }
        guard hasExact || low < plan.low || high > plan.high else { return }
        for bound in plan.bounds {
            for row in 0..<batch.rows {
                if states[row] == State.lane {
                    if values[row] < bound.low || values[row] > bound.high { flag(bound.check, row, column) }
                } else if states[row] == State.exact, let value = exacts[column * Batch.limit + row],
                    !bound.kind.allows(value, bound.exact)
                {
                    flag(bound.check, row, column)
                }
            }
        }
    }

    private func checkMembers(_ members: ColumnPlan.Members, _ column: Int) {
        for row in 0..<batch.rows {
            let index = column * Batch.limit + row
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
            let values = values + column * Batch.limit
            for row in 0..<batch.rows where !bits.contains(UInt64(bitPattern: values[row])) {
                flag(check, row, column)
            }
            return
        }
        if let words = target.wordView, !irregular[column] {
            let values = values + column * Batch.limit
            for row in 0..<batch.rows where !words.contains(UInt64(bitPattern: values[row])) {
                flag(check, row, column)
            }
            return
        }
        for row in 0..<batch.rows {
            let index = column * Batch.limit + row
            switch states[index] {
            case State.lane: if !target.contains(position: values[index]) { flag(check, row, column) }
            case State.exact:
                if let value = exacts[index], !target.contains(value) { flag(check, row, column) }
            default: break
            }
        }
    }

    /// Rules over the characters of the values, each in a loop of its own.
    private func checkTexts(_ column: Int, _ plan: ColumnPlan) {
        if plan.lane == .none {
            for members in plan.members {
                let texts = members.texts.view
                eachText(column) { text, row in
                    if !texts.contains(text.baseAddress ?? batch.base, text.count) { flag(members.check, row, column) }
                }
            }
            for (check, reference) in plan.references {
                // An object without rows has no fingerprints, and contains nothing.
                guard let prints = references[reference].printView else {
                    eachText(column) { _, row in flag(check, row, column) }
                    continue
                }
                let seed = Hash.seed
                eachText(column) { text, row in
                    if !prints.contains(Fingerprint(text, seed)) { flag(check, row, column) }
                }
            }
        }
        if !plan.lengths.isEmpty { eachText(column) { text, row in checkLength(text, row, column, plan) } }
        for (check, pattern) in plan.patterns {
            eachText(column) { text, row in if !pattern.matches(text) { flag(check, row, column) } }
        }
        for content in plan.contents {
            eachText(column) { text, row in if !content.holds(text) { flag(content.check, row, column) } }
        }
        for (check, holds) in plan.customs {
            eachText(column) { text, row in
                if !holds(String(decoding: text, as: UTF8.self)) { flag(check, row, column) }
            }
        }
    }

    /// The characters of each value that is there, readable eight bytes on.
    @inline(__always)
    private func eachText(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) {
        let place = places[column]
        let batch = batch
        let states = states + column * Batch.limit
        for row in 0..<batch.rows {
            if states[row] == State.missing || states[row] == State.invalid { continue }
            if let text = batch.plain(row, place) {
                body(text, row)
            } else {
                withDecoded(row, column) { body($0, row) }
            }
        }
    }

    private func withDecoded(_ row: Int, _ column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        var copy = text(column, row) ?? []
        let count = copy.count
        copy.append(contentsOf: repeatElement(0, count: 16))
        copy.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[..<count])) }
    }

    private func checkLength(_ text: UnsafeBufferPointer<UInt8>, _ row: Int, _ column: Int, _ plan: ColumnPlan) {
        for length in plan.lengths {
            // Characters are at most as many as bytes, and at least a quarter.
            if text.count <= length.max, (text.count &+ 3) &>> 2 >= length.min { continue }
            var scalars = 0
            for byte in text where byte & 0xc0 != 0x80 { scalars += 1 }
            if scalars < length.min || scalars > length.max { flag(length.check, row, column) }
        }
    }
}
