import CScan
import Testing

@testable import Validation

/// The same numbers at every run.
struct Dice: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Hash.spread(state)
    }
}

/// Everything that a scan found.
private struct Found: Equatable {
    var fields: [UInt32]
    var rows: [UInt32]
    var departures: [String]
    var state: CSVScanner.State

    init(
        _ text: [UInt8], _ dialect: Dialect, cuts: [Int] = [],
        _ scan: (inout CSVScanner, UnsafePointer<UInt8>, Range<Int>, inout SeparatorIndex) -> Void
    ) throws {
        var scanner = CSVScanner(try CompiledDialect(dialect))
        var index = SeparatorIndex(capacity: 8)
        let padded = text + Array(repeating: 0x2c, count: 64)
        padded.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            var start = 0
            for end in cuts + [text.count] {
                index.reserve(end - start)
                scan(&scanner, base, start..<end, &index)
                start = end
            }
        }
        fields = (0..<index.count).map { index.fields[$0] }
        rows = (0..<index.rowCount).map { index.rows[$0] }
        departures = scanner.departures.map { "\($0.kind.rawValue) \($0.position)" }
        state = scanner.state
    }
}

@Suite("Fast paths")
struct FastPathTests {
    private static let soups: [[StaticString]] = [
        ["a", "b", "c", ",", "\n"], ["a", ",", "\n", "\"", "\"x\"", "\"\"", "\r\n"],
        ["a", ",", "\n", "\"", "é", "日", "\r", "\r\n", "\u{0}", "\u{1f600}"],
        ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\"bbbbbbbbbbbbbb,bbbbbb\nbbb\"", ",", "\n", "\"c\"\"c\""],
    ]

    @Test("words of 64 bytes give what single bytes give, on every kind of text", arguments: 0..<soups.count)
    func scanner(soup: Int) throws {
        var dice = Dice(UInt64(soup) + 1)
        for round in 0..<400 {
            var text: [UInt8] = []
            let length = Int.random(in: 0...700, using: &dice)
            while text.count < length {
                let piece = Self.soups[soup].randomElement(using: &dice) ?? "a"
                text += piece.withUTF8Buffer { Array($0) }
            }
            // Now and then a byte that is no UTF-8.
            if soup == 2, round % 3 == 0, !text.isEmpty { text[Int.random(in: text.indices, using: &dice)] = 0xff }
            var dialect = Dialect()
            if round % 5 == 1 { dialect.quote = nil }
            let slow = try Found(text, dialect) { $0.scanBytes($1, $2, into: &$3) }
            let fast = try Found(text, dialect) { $0.scan($1, $2, into: &$3) }
            let cuts = (0..<3).map { _ in Int.random(in: 0...text.count, using: &dice) }.sorted()
            let cut = try Found(text, dialect, cuts: cuts) { $0.scan($1, $2, into: &$3) }
            let shown = String(decoding: text, as: UTF8.self)
            #expect(fast == slow, "\(shown)")
            #expect(cut == slow, "\(cuts): \(shown)")
        }
    }

    @Test("the wide and the baseline instructions stop at the same place with the same findings")
    func instructions() {
        var dice = Dice(7)
        for _ in 0..<500 {
            let alphabet = Array("ab,\"\n\r".utf8) + (Bool.random(using: &dice) ? [] : [0xc3, 0xa9])
            let text = (0..<640).map { _ in
                Int.random(in: 0..<9, using: &dice) > 0 ? UInt8(ascii: "x") : alphabet.randomElement(using: &dice) ?? 0
            }
            func run(
                _ scan: (UnsafePointer<UInt8>?, Int, Int, UnsafeMutablePointer<cscan>?) -> Int
            ) -> [Int] {
                let fields = UnsafeMutablePointer<UInt32>.allocate(capacity: 800)
                let rows = UnsafeMutablePointer<UInt32>.allocate(capacity: 800)
                defer {
                    fields.deallocate()
                    rows.deallocate()
                }
                var state = cscan(
                    delimiter: 0x2c, terminator: 0x0a, quote: 0x22, quotes: 1, state: 0, doubled: 0, quote_position: 0,
                    fields: fields, rows: rows, field_count: 0, row_count: 0)
                let end = scan(text, 0, text.count, &state)
                return [end, Int(state.state), Int(state.doubled), state.quote_position, state.field_count]
                    + (0..<state.field_count).map { Int(fields[$0]) } + (0..<state.row_count).map { Int(rows[$0]) }
            }
            #expect(run(cscan_words) == run(cscan_words_baseline))
        }
    }

    private static func number(_ dice: inout Dice) -> String {
        let digits = (0..<Int.random(in: 0...10, using: &dice)).map { _ in
            "0123456789".randomElement(using: &dice) ?? "0"
        }
        var text = String(digits)
        switch Int.random(in: 0..<12, using: &dice) {
        case 0: text = "-" + text
        case 1: text += "." + String(Int.random(in: 0...999, using: &dice))
        case 2: text = "-" + text + ".50"
        case 3: text += "x"
        case 4: text = "+" + text
        case 5: text += ".0000000000001"
        case 6:
            text =
                ["", "-", ".", "-.5", "5.", "1e3", " 1", "1 ", "--1", "1-", "1.2.3", "/", ":1"].randomElement(
                    using: &dice) ?? ""
        case 7, 8: text = String(Int.random(in: 0...99, using: &dice)) + ".25"
        default: break
        }
        return text
    }

    private static func date(_ dice: inout Dice) -> String {
        func two(_ range: ClosedRange<Int>, _ dice: inout Dice) -> String {
            let value = Int.random(in: range, using: &dice)
            return value < 10 ? "0\(value)" : "\(value)"
        }
        let year =
            ["0000", "0001", "1600", "1900", "1970", "1999", "2000", "2012", "2100", "2400", "9999"]
            .randomElement(using: &dice) ?? "1970"
        var text = year + "-" + two(0...13, &dice) + "-" + two(0...32, &dice)
        if Int.random(in: 0..<10, using: &dice) == 0 { text = text.replacing("-", with: "/") }
        if Int.random(in: 0..<10, using: &dice) == 0 { text.removeLast() }
        if Int.random(in: 0..<10, using: &dice) == 0 { text += "x" }
        return text
    }

    private static func datetime(_ dice: inout Dice) -> String {
        func two(_ range: ClosedRange<Int>, _ dice: inout Dice) -> String {
            let value = Int.random(in: range, using: &dice)
            return value < 10 ? "0\(value)" : "\(value)"
        }
        let dates = ["1970-01-01", "0000-01-01", "9999-12-31", "2012-02-29", "1969-12-31", "2013-07-04"]
        let date = Int.random(in: 0..<9, using: &dice) == 0 ? Self.date(&dice) : dates.randomElement(using: &dice) ?? ""
        let separator = ["T", "T", "T", " ", " ", " ", "_"].randomElement(using: &dice) ?? ""
        let hasFault = Int.random(in: 0..<4, using: &dice) == 0
        let times = [0...(hasFault ? 25 : 23), 0...(hasFault ? 61 : 59), 0...(hasFault ? 61 : 59)]
        var text = date + separator + times.map { two($0, &dice) }.joined(separator: ":")
        if Int.random(in: 0..<3, using: &dice) > 0 { text += "Z" }
        switch Int.random(in: 0..<20, using: &dice) {
        case 0: text += ".5"
        case 1: text = text.replacing(":", with: "-")
        case 2: text += "z"
        case 3: text.removeLast()
        case 4: text = ["NA", "", "Z", "-"].randomElement(using: &dice) ?? ""
        case 5:
            var bytes = Array(text.utf8)
            bytes[Int.random(in: bytes.indices, using: &dice)] = UInt8.random(in: 0x20...0x7e, using: &dice)
            text = String(decoding: bytes, as: UTF8.self)
        default: break
        }
        return text
    }

    enum Kind: CaseIterable {
        case integer, decimal, date, datetime, spacedDatetime, bareDatetime, zonedDatetime

        var type: ColumnType {
            switch self {
            case .integer: .integer
            case .decimal: .decimal
            case .date: .date
            case .datetime: .datetime
            case .spacedDatetime: .datetime("%Y-%m-%d %H:%M:%S")
            case .bareDatetime: .datetime("%Y-%m-%dT%H:%M:%S")
            case .zonedDatetime: .datetime("%Y-%m-%dT%H:%M:%SZ")
            }
        }
    }

    @Test("a field that the fast readers take has the value that the exact reader gives it", arguments: Kind.allCases)
    func fields(kind: Kind) throws {
        var dice = Dice(99)
        let reader = try FieldReader(kind.type)
        let fast = ColumnPlan.Fast(kind.type, markersAreNoValues: true)
        var taken = 0
        for round in 0..<300 {
            let texts = (0..<37).map { _ in
                switch kind {
                case .integer, .decimal: Self.number(&dice)
                case .date: Self.date(&dice)
                default: Self.datetime(&dice)
                }
            }
            let trims = round % 2 == 0
            // One column between two others, its fields ending in a return where it is the last.
            var bytes = Array("head,".utf8)
            var ends: [UInt32] = [4]
            for text in texts {
                bytes += Array(text.utf8) + (trims ? [0x0d] : [])
                ends.append(UInt32(bytes.count))
                bytes.append(0x2c)
            }
            bytes += Array(repeating: 0x39, count: 32)
            var values = [Int64](repeating: 1, count: texts.count)
            var picked = [UInt16](repeating: 0, count: texts.count)
            let declined = bytes.withUnsafeBufferPointer { bytes in
                ends.withUnsafeBufferPointer { ends in
                    var column = cscan_column(
                        base: bytes.baseAddress, ends: ends.baseAddress.map { $0 + 1 }, width: 1, trims: trims ? 1 : 0,
                        separator: 0, zone: 0)
                    switch fast {
                    case .integer: return cscan_integers(&column, texts.count, &values, &picked)
                    case .decimal: return cscan_decimals(&column, texts.count, &values, &picked)
                    case .date: return cscan_dates(&column, texts.count, &values, &picked)
                    case .datetime(let separator, let zone):
                        (column.separator, column.zone) = (separator, zone)
                        return cscan_datetimes(&column, texts.count, &values, &picked)
                    case .text, .none: return -1
                    }
                }
            }
            #expect(
                picked.prefix(max(0, declined)).map(Int.init)
                    == values.indices.filter { values[$0] == PlainField.declined })
            for (text, value) in zip(texts, values) where value != PlainField.declined {
                taken += 1
                guard case .lane(let exact) = reader.judge(Array(text.utf8)[...]) else {
                    Issue.record("\(kind) \"\(text)\" was taken as \(value), and is none")
                    continue
                }
                #expect(exact == value, "\(kind) \"\(text)\"")
            }
        }
        #expect(taken > 1000, "the fast reader takes what is plain")
    }

    @Test("an enumeration finds its texts, and nothing else, at every length")
    func texts() {
        var dice = Dice(5)
        for size in [0, 1, 3, 7, 60, 500] {
            let all = (0..<size).map { _ in
                (0..<Int.random(in: 0...70, using: &dice)).map { _ in UInt8.random(in: 97...99, using: &dice) }
            }
            let set = TextSet(all)
            let members = Set(all)
            for text in all
                + (0..<300).map({ _ in
                    (0..<Int.random(in: 0...20, using: &dice)).map { _ in UInt8.random(in: 97...99, using: &dice) }
                })
            {
                let found = (text + Array(repeating: 0x7a, count: 16)).withUnsafeBufferPointer { padded in
                    padded.baseAddress.map { set.contains($0, text.count) } ?? false
                }
                #expect(found == members.contains(text))
            }
        }
    }

    @Test("sums, extremes and comparisons leave out the rows that have no value")
    func values() {
        var dice = Dice(41)
        for count in [0, 1, 3, 64, 65, 200] {
            func some() -> [Int64] {
                (0..<count).map { _ in
                    [Int64.min + 1, -1, 0, 1, 7, Int64.max].randomElement(using: &dice) ?? 0
                }
            }
            let (left, right) = (some(), some())
            let states = (0..<2).map { _ in (0..<count).map { _ in UInt8(Int.random(in: 0..<5, using: &dice) / 3) } }
            var (low, high, highSum, lowSum): (Int64, Int64, Int64, UInt64) = (0, 0, 0, 0)
            cscan_summary_of(left, states[0], count, &low, &high, &highSum, &lowSum)
            let kept = zip(left, states[0]).filter { $0.1 == 0 }.map(\.0)
            #expect(low == kept.min() ?? .max)
            #expect(high == kept.max() ?? .min)
            #expect(Int128(highSum) << 32 + Int128(lowSum) == kept.reduce(Int128(0)) { $0 + Int128($1) })
            let relations: [(Int64, Int64) -> Bool] = [(<), (<=), (==), (!=), (>=), (>)]
            for (number, holds) in relations.enumerated() {
                var picked = [UInt16](repeating: 0, count: count + 1)
                let found = cscan_pick_compared(left, right, states[0], states[1], count, UInt32(number), &picked)
                let wanted = (0..<count).filter {
                    states[0][$0] | states[1][$0] == 0 && !holds(left[$0], right[$0])
                }
                #expect(picked.prefix(found).map(Int.init) == wanted)
            }
        }
    }

    @Test("a bitmap of near words holds exactly them, and far ones have none")
    func bitmaps() {
        for words in [[1, 2, 3, 64, 65, 1000], [-5, 0, 7], [Int64.max, Int64.max - 1], [42]] as [[Int64]] {
            var set = WordSet()
            for word in words { _ = set.insert(UInt64(bitPattern: word)) }
            defer { set.free() }
            guard let bitmap = WordBitmap(set) else {
                Issue.record("no bitmap of \(words)")
                continue
            }
            for word in words {
                for near in -2...2 as ClosedRange<Int64> {
                    let (probe, over) = word.addingReportingOverflow(near)
                    if over { continue }
                    #expect(bitmap.view.contains(UInt64(bitPattern: probe)) == words.contains(probe))
                }
            }
        }
        var far = WordSet()
        for word in [Int64.min, 0, Int64.max] { _ = far.insert(UInt64(bitPattern: word)) }
        #expect(WordBitmap(far) == nil)
        far.free()
    }
}
