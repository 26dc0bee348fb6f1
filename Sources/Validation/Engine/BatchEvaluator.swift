import CScan

/// Judges batches of rows, column by column: each column is read into a vector of 64-bit positions in one tight loop,
/// then its rules run over the vector, then the rules that join columns.
final class BatchEvaluator {
    enum State { static let lane: UInt8 = 0, missing: UInt8 = 1, invalid: UInt8 = 2, exact: UInt8 = 3, text: UInt8 = 4 }

    /// What ``texts`` knows of a row.
    enum Live { static let none: UInt8 = 0, plain: UInt8 = 1, odd: UInt8 = 2 }

    let plan: Plan
    /// The columns' plans where they are; valid as long as `plan` is.
    let columnPlans: UnsafePointer<ColumnPlan>
    /// By column, its patterns with tables of their own: two threads that share one wait for each other.
    let patterns: [[(check: Int, pattern: Pattern)]]
    let dialect: CompiledDialect?
    /// By declared column, its place in the file; -1 if the file lacks it.
    let places: [Int]
    let width: Int
    let references: [ReferenceColumns]
    let offenderLimit: Int
    let valueLength: Int

    /// The most rows of a batch, and how far columns lie apart in `values` and `states`.
    let limit: Int
    let values: UnsafeMutablePointer<Int64>
    let states: UnsafeMutablePointer<UInt8>
    /// The texts of the column that is being judged.
    let texts: UnsafeMutablePointer<cscan_texts>
    /// Rows that were picked to be looked at.
    let picked: UnsafeMutablePointer<UInt16>
    var exacts: [Int: ExactDecimal] = [:]
    var batch: Batch
    var result: BlockResult
    /// The batch's first row, counted from the block's.
    var firstRow = 0
    /// By column: whether the last batch had a state other than `lane`.
    var irregular: [Bool]

    init(_ binding: Binding, _ result: BlockResult) {
        let plan = binding.plan
        self.plan = plan
        let columnPlans = plan.made.first
        self.columnPlans = columnPlans
        patterns = plan.columns.indices.map { column in
            columnPlans[column].patterns.map { ($0.check, $0.pattern.copy()) }
        }
        dialect = binding.plan.dialect
        places = binding.places
        width = binding.width
        references = binding.references
        offenderLimit = binding.options.offenders
        valueLength = binding.options.valueLength
        let limit = Batch.limit(width: binding.width)
        self.limit = limit
        let count = max(1, plan.columns.count) * limit
        values = .allocate(capacity: count)
        states = .allocate(capacity: count)
        states.initialize(repeating: State.missing, count: count)
        values.initialize(repeating: 0, count: count)
        texts = .allocate(capacity: 1)
        texts.initialize(
            to: cscan_texts(
                starts: .allocate(capacity: limit), counts: .allocate(capacity: limit),
                words: .allocate(capacity: limit), live: .allocate(capacity: limit)))
        picked = .allocate(capacity: limit)
        irregular = Array(repeating: true, count: plan.columns.count)
        // No rows: neither pointer is followed.
        batch = Batch(
            base: UnsafePointer(states),
            ends: UnsafePointer(UnsafeMutableRawPointer(values).assumingMemoryBound(to: UInt32.self)),
            width: 0, rows: 0, origin: 0, trimsReturn: false, quote: nil)
        self.result = result
    }

    deinit {
        values.deallocate()
        states.deallocate()
        texts.pointee.starts.deallocate()
        texts.pointee.counts.deallocate()
        texts.pointee.words.deallocate()
        texts.pointee.live.deallocate()
        texts.deallocate()
        picked.deallocate()
    }

    func evaluate(_ next: Batch, firstRow: Int) {
        batch = next
        self.firstRow = firstRow
        if !exacts.isEmpty { exacts.removeAll(keepingCapacity: true) }
        for column in plan.columns.indices where places[column] >= 0 { evaluate(column: column) }
        evaluateRows()
    }

    // MARK: What rules ask

    func isMissing(_ column: Int, _ row: Int) -> Bool {
        places[column] < 0 || states[column * limit + row] == State.missing
    }

    /// The lane position of a value, whether or not it has outgrown the lane: nil then, or if there is none.
    func position(_ column: Int, _ row: Int) -> Int64? {
        let index = column * limit + row
        return places[column] >= 0 && states[index] == State.lane ? values[index] : nil
    }

    func exact(_ column: Int, _ row: Int) -> ExactDecimal? {
        let index = column * limit + row
        guard places[column] >= 0 else { return nil }
        switch states[index] {
        case State.lane: return columnPlans[column].lane.exact(values[index])
        case State.exact: return exacts[index]
        default: return nil
        }
    }

    /// The characters of a field.
    func text(_ column: Int, _ row: Int) -> [UInt8]? {
        places[column] >= 0 ? characters(batch.field(row, places[column])) : nil
    }

    func characters(_ field: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        if batch.kinds == nil, let dialect { return dialect.decode(field) }
        return Array(field)
    }

    // MARK: Findings

    /// A value broke a rule.
    func flag(_ check: Int, _ row: Int, _ column: Int) {
        guard note(check, row) else { return }
        let place = places[column]
        let field = batch.field(row, place)
        result.offenders[check].append(
            Offender(
                row: firstRow + row, column: columnPlans[column].name, byte: batch.position(row, place),
                value: shown(characters(field))))
    }

    /// A row broke a rule over these columns.
    func flag(_ check: Int, _ row: Int, columns: [Int]) {
        guard note(check, row) else { return }
        let values = columns.map { text($0, row).map { shown($0) } ?? "" }
        result.offenders[check].append(
            Offender(
                row: firstRow + row, column: nil, byte: batch.position(row, 0),
                value: values.joined(separator: ", ")))
    }

    private func note(_ check: Int, _ row: Int) -> Bool {
        result.counts[check] += 1
        if plan.checks[check].rejectsRow { result.rejected[firstRow + row] = true }
        return result.offenders[check].count < offenderLimit
    }

    func shown(_ text: [UInt8]) -> String { Self.shown(text, valueLength) }

    static func shown(_ text: [UInt8], _ limit: Int) -> String {
        if text.count <= limit { return String(decoding: text, as: UTF8.self) }
        var end = limit
        while end > 0, text[end] & 0xc0 == 0x80 { end -= 1 }
        return String(decoding: text[..<end], as: UTF8.self) + "…"
    }
}
