/// A plan, bound to one file: which of its columns the file has, and where.
struct Binding {
    let plan: Plan
    var dialect: CompiledDialect?
    let options: ValidationOptions
    let references: [ReferenceColumns]
    var header: [String] = []
    var places: [Int] = []
    var width = 0
    /// Findings about the header, by check: those that are shown, and how many there are.
    private(set) var findings: [(check: Int, offender: Offender)] = []
    private(set) var counts: [Int: Int] = [:]
    /// Where the first row starts.
    var dataStart = 0
    private var headerStart = 0
    /// By place, where the name of a column starts.
    private var namePositions: [Int] = []
    /// The header's bytes, for quarantine.
    var headerRange = 0..<0
    /// Where the header starts, if it has more than ``mostColumns``: nothing else is known then.
    private(set) var tooWide: Int?

    /// More columns than this are no table's, and would make a report larger than the file.
    static let mostColumns = 1 << 20

    /// Binds to delimited text by its first block; nil if the header does not end in it.
    init?(_ plan: Plan, _ options: ValidationOptions, _ references: [ReferenceColumns], _ block: Block) {
        self.plan = plan
        self.options = options
        self.references = references
        dialect = plan.dialect
        guard var dialect else {
            header = plan.columns.indices.map { plan.made.first[$0].name }
            places = Array(header.indices)
            width = max(1, header.count)
            dataStart = Self.skipMark(block) ? 3 : 0
            if dataStart > 0, let check = plan.check(of: .byteOrderMark) { note(check, nil, 0, "") }
            return
        }
        if Self.skipMark(block) {
            dataStart = 3
            if let check = plan.check(of: .byteOrderMark) { note(check, nil, 0, "") }
        }
        guard let terminator = Self.terminator(block, from: dataStart, quote: dialect.quote) else { return nil }
        dialect.terminator = terminator
        self.dialect = dialect
        guard let fields = firstRow(block, dialect) else {
            if tooWide == nil { return nil }
            return
        }
        if dialect.header {
            header = fields
            bind()
        } else {
            dataStart = headerRange.lowerBound
            headerRange = 0..<0
            header = plan.columns.indices.map { plan.made.first[$0].name }
            width = max(1, fields.count)
            places = header.indices.map { $0 < width ? $0 : -1 }
            if fields.isEmpty { width = max(1, header.count) }
            noteMissing()
            noteSurplus()
        }
    }

    private static func skipMark(_ block: Block) -> Bool {
        block.count >= 3 && block.base[0] == 0xef && block.base[1] == 0xbb && block.base[2] == 0xbf
    }

    /// How the first line ends; LF if it does not.
    private static func terminator(_ block: Block, from start: Int, quote: UInt8?) -> UInt8? {
        var isQuoted = false
        for position in start..<max(start, block.count) {
            let byte = block.base[position]
            if byte == quote { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == 0x0a { return 0x0a }
            if byte == 0x0d {
                if position + 1 < block.count { return block.base[position + 1] == 0x0a ? 0x0a : 0x0d }
                return block.isLast ? 0x0d : nil
            }
        }
        return block.isLast ? 0x0a : nil
    }

    /// The fields of the first row that is neither blank nor a comment; empty if there is none, nil if it does not end.
    private mutating func firstRow(_ block: Block, _ dialect: CompiledDialect) -> [String]? {
        var scanner = CSVScanner(dialect)
        var index = SeparatorIndex(capacity: 1 << 10)
        index.reset(at: dataStart)
        var position = dataStart
        var number = 0
        let wanted = dialect.headerRows
        var joined: [String] = []
        var isBegun = false
        while true {
            let step = min(block.count, position + 4096)
            scanner.scan(block.base, position..<step, into: &index)
            position = step
            if position == block.count, block.isLast { _ = scanner.finish(block.base, at: position, into: &index) }
            var first = 0
            for row in 0..<index.rowCount {
                number += 1
                let last = Int(index.rows[row])
                let start = Int(index.fields[first - 1] &+ 1)
                var end = Int(index.fields[last])
                if end > start, dialect.terminator == 0x0a, block.base[end - 1] == 0x0d { end -= 1 }
                let isBlank = first == last && end == start
                let isComment = dialect.comment.map { end > start && block.base[start] == $0 } ?? false
                let isPassedOver =
                    dialect.commentRows.contains(number)
                    || (dialect.header && wanted != [1] && !wanted.contains(number))
                if !isBlank, !isComment, !isPassedOver {
                    if last - first >= Self.mostColumns {
                        tooWide = start
                        return nil
                    }
                    var fields: [String] = []
                    for field in first...last {
                        let from = Int(index.fields[field - 1] &+ 1)
                        let to = field == last ? end : Int(index.fields[field])
                        fields.append(
                            String(
                                decoding: dialect.decode(
                                    UnsafeBufferPointer(start: block.base + from, count: max(0, to - from))),
                                as: UTF8.self))
                    }
                    if isBegun {
                        joined = Self.join(joined, fields, dialect.headerJoin)
                    } else {
                        (joined, isBegun) = (fields, true)
                        headerStart = start
                        namePositions = (first...last).map { Int(index.fields[$0 - 1] &+ 1) }
                    }
                }
                let isComplete = !dialect.header || wanted == [1] || number >= wanted.max() ?? 1
                if isBegun, isComplete, !dialect.commentRows.contains(number + 1) {
                    dataStart = min(block.count, Int(index.fields[last]) + 1)
                    headerRange = headerStart..<dataStart
                    noteDepartures(&scanner, before: dialect.header ? dataStart : headerStart)
                    return joined
                }
                first = last + 1
            }
            // Rows that were passed over, perhaps millions of blank ones, are not looked at again.
            index.drop(first)
            // Without a header the row that has not ended is data, and will be looked at as such.
            noteDepartures(&scanner, before: dialect.header ? position : Int(index.fields[-1] &+ 1))
            if index.count > Self.mostColumns {
                tooWide = Int(index.fields[-1] &+ 1)
                return nil
            }
            if position == block.count {
                guard block.isLast else { return nil }
                // Nothing but the header, or less: what was passed over is no data.
                if dialect.header { dataStart = position }
                return joined
            }
        }
    }

    /// A header of several rows: the texts of each column, blank ones left out; a row that is shorter goes on with its last.
    private static func join(_ above: [String], _ below: [String], _ separator: String) -> [String] {
        (0..<max(above.count, below.count)).map { place in
            let parts = [above, below].map { $0.indices.contains(place) ? $0[place] : $0.last ?? "" }
            return parts.filter { !$0.isEmpty }.joined(separator: separator)
        }
    }

    /// Counts them and forgets them: a header may be as long as a row, and each of its bytes a departure.
    private mutating func noteDepartures(_ scanner: inout CSVScanner, before end: Int) {
        for departure in scanner.departures where departure.position < end {
            if let check = plan.check(of: departure.kind), departure.kind != .unterminatedQuote {
                note(check, nil, departure.position, "")
            }
        }
        scanner.departures.removeAll { $0.position < end }
        if scanner.departures.count > Self.mostPending { scanner.departures = [] }
    }

    /// More departures than these of a row that has not ended are not kept.
    private static let mostPending = 1 << 16

    private mutating func note(_ check: Int, _ column: String?, _ byte: Int, _ value: String) {
        counts[check, default: 0] += 1
        if counts[check, default: 0] > options.offenders { return }
        findings.append((check, Offender(row: nil, column: column, byte: byte, value: value)))
    }

    /// What the file seems to be if it is none of its format.
    func mismatch(_ block: Block) -> String? {
        guard let dialect else { return FormatMismatch.json(isArray: plan.format.kind == .jsonArray, block) }
        guard dialect.header, !plan.columns.isEmpty, places.allSatisfy({ $0 < 0 }) else { return nil }
        return FormatMismatch.delimited(header, dialect, block)
    }

    /// Finds each declared column in the header.
    private mutating func bind() {
        width = max(1, header.count)
        var seen: [ExactText: Int] = [:]
        /// By name that is declared more than once, all of its places.
        var repeated: [ExactText: [Int]] = [:]
        seen.reserveCapacity(header.count)
        for (place, name) in header.enumerated() {
            if name.isEmpty, let check = plan.check(of: .emptyColumnName) {
                note(check, nil, position(ofName: place), "column \(place + 1)")
            } else if seen[ExactText(name)] != nil, let check = plan.check(of: .duplicateColumn),
                repeated[ExactText(name)].map({ $0.count >= plan.namesakes[ExactText(name), default: 1] }) ?? true
            {
                note(check, name, position(ofName: place), name)
            }
            if !plan.repeats.isEmpty, plan.namesakes[ExactText(name), default: 1] > 1 {
                repeated[ExactText(name), default: []].append(place)
            }
            if seen[ExactText(name)] == nil { seen[ExactText(name)] = place }
        }
        if dialect?.caseSensitiveHeader == false {
            var folded: [ExactText: Int] = [:]
            for (place, name) in header.enumerated() where folded[ExactText(name.lowercased())] == nil {
                folded[ExactText(name.lowercased())] = place
            }
            places = plan.columns.indices.map { column in
                let name = plan.made.first[column].name
                return seen[ExactText(name)] ?? folded[ExactText(name.lowercased())] ?? -1
            }
        } else {
            places = plan.columns.indices.map { seen[ExactText(plan.made.first[$0].name)] ?? -1 }
        }
        for (column, number) in plan.repeats {
            let all = repeated[ExactText(plan.made.first[column].name)] ?? []
            places[column] = all.indices.contains(number) ? all[number] : -1
        }
        noteMissing()
        let bound = Set(places)
        for rule in plan.fileRules {
            switch rule.kind {
            case .forbidden(let names):
                for name in names {
                    if let place = seen[ExactText(name)] { note(rule.check, name, position(ofName: place), name) }
                }
            case .order:
                let present = plan.columns.indices.filter { places[$0] >= 0 }
                for (left, right) in zip(present, present.dropFirst()) where places[left] > places[right] {
                    let name = plan.columns[right].name
                    note(rule.check, name, position(ofName: places[right]), name)
                }
            case .onlyDeclared:
                for (place, name) in header.enumerated()
                where plan.columnIndex[ExactText(name)] == nil && !bound.contains(place) {
                    note(rule.check, name, position(ofName: place), name)
                }
            default: break
            }
        }
    }

    /// Of a header of several rows the first tells, where it has the column.
    private func position(ofName place: Int) -> Int {
        namePositions.indices.contains(place) ? namePositions[place] : headerRange.lowerBound
    }

    /// Columns of a file without a header that are more than those declared.
    private mutating func noteSurplus() {
        for rule in plan.fileRules {
            guard case .onlyDeclared = rule.kind, width > header.count, !header.isEmpty else { continue }
            for place in header.count..<width {
                note(rule.check, nil, position(ofName: place), "column \(place + 1)")
            }
        }
    }

    private mutating func noteMissing() {
        if plan.needsAnyColumn, places.allSatisfy({ $0 < 0 }) {
            note(plan.missingColumnCheck, nil, headerRange.lowerBound, "none of the declared columns")
        }
        for column in plan.columns.indices where places[column] < 0 && !plan.made.first[column].isOptional {
            let name = plan.made.first[column].name
            note(plan.missingColumnCheck, name, headerRange.lowerBound, name)
        }
    }
}
