import CScan
import Testing

@testable import Validation

@Suite("Fast paths of texts")
struct TextPathTests {
    @Test(
        "texts are found, and those picked that may break a rule, as a plain reading has it", arguments: [true, false])
    func pickedTexts(hasQuotes: Bool) throws {
        var dice = Dice(hasQuotes ? 21 : 22)
        let pieces = [
            "", "NA", "A", "AB", "AB1", "ABC12", "abcdefg", "abcdefgh", "ABCDEFG1", "abcdefghi", "é", "日本", "a\u{1}",
            "abcdefg\u{8}", "abcdefg\u{5}", "ABCDEFGHIJKLMNOP",
        ]
        let known = ["AB", "abcdefgh", "", "日本", "ABC12"]
        let table = try #require(WordTable(known.map { PlainField.word(Array($0.utf8)) }))
        let pattern = try Pattern("^[A-Z]{2}[0-9A-Z]{0,6}$")
        let shape = try #require(pattern.shape)
        for _ in 0..<200 {
            let texts = (0..<Int.random(in: 1...200, using: &dice)).map { _ in
                Array((pieces.randomElement(using: &dice) ?? "").utf8)
            }
            var bytes: [UInt8] = [0x2c]
            var ends: [UInt32] = [0]
            var odd: Set<Int> = []
            for (row, text) in texts.enumerated() {
                switch hasQuotes ? Int.random(in: 0..<6, using: &dice) : 5 {
                case 0: bytes += [0x22] + text + [0x22]
                case 1:
                    bytes += [0x22] + text + [0x22, 0x22] + text + [0x22]
                    odd.insert(row)
                case 2:
                    bytes += [0x22] + text
                    odd.insert(row)
                default: bytes += text
                }
                ends.append(UInt32(bytes.count))
                bytes.append(0x2c)
            }
            bytes += Array(repeating: 0x41, count: 32)
            let count = texts.count
            var (starts, counts) = ([UInt32](repeating: 0, count: count), [UInt32](repeating: 0, count: count))
            var words = [UInt64](repeating: 0, count: count)
            var live = [UInt8](repeating: 9, count: count)
            var picked = [UInt16](repeating: 0, count: count)
            var picks: [String: [Int]] = [:]
            let markers = ["NA", ""].map { PlainField.word(Array($0.utf8)) }
            bytes.withUnsafeBufferPointer { bytes in
                guard let base = bytes.baseAddress else { return }
                ends.withUnsafeBufferPointer { ends in
                    starts.withUnsafeMutableBufferPointer { starts in
                        counts.withUnsafeMutableBufferPointer { counts in
                            words.withUnsafeMutableBufferPointer { words in
                                live.withUnsafeMutableBufferPointer { live in
                                    var column = cscan_column(
                                        base: base, ends: ends.baseAddress.map { $0 + 1 }, width: 1, trims: 0,
                                        separator: 0, zone: 0)
                                    var found = cscan_texts(
                                        starts: starts.baseAddress, counts: counts.baseAddress,
                                        words: words.baseAddress, live: live.baseAddress)
                                    #expect(cscan_texts(&column, count, 0x22, 1, &found) == odd.count)
                                    func note(_ what: String, _ number: Int) {
                                        picks[what] = picked.prefix(number).map(Int.init)
                                    }
                                    note("equal", cscan_pick_equal(&found, count, markers, 2, &picked))
                                    note("absent", cscan_pick_absent(&found, count, table.view, &picked))
                                    note("unlike", cscan_pick_unlike(base, &found, count, shape.view, &picked))
                                    note("length", cscan_pick_lengths(&found, count, 2, 7, &picked))
                                    // Rows without a text are never picked.
                                    for row in 0..<count { live[row] = UInt8(CSCAN_NONE) }
                                    #expect(cscan_pick_equal(&found, count, markers, 2, &picked) == 0)
                                    #expect(cscan_pick_absent(&found, count, table.view, &picked) == 0)
                                    #expect(cscan_pick_unlike(base, &found, count, shape.view, &picked) == 0)
                                    #expect(cscan_pick_lengths(&found, count, 2, 7, &picked) == 0)
                                    for row in 0..<count {
                                        live[row] = UInt8(odd.contains(row) ? CSCAN_ODD : CSCAN_PLAIN)
                                    }
                                }
                            }
                        }
                    }
                }
            }
            for row in texts.indices where !odd.contains(row) {
                #expect(Array(bytes[Int(starts[row])..<Int(starts[row] + counts[row])]) == texts[row])
                #expect(words[row] == PlainField.word(texts[row]))
            }
            func expect(_ what: String, _ breaks: (String) -> Bool, orAny: (String) -> Bool = { _ in false }) {
                let rows = Set(picks[what] ?? [])
                #expect(picks[what] == rows.sorted())
                for (row, text) in texts.enumerated() {
                    let text = String(decoding: text, as: UTF8.self)
                    if odd.contains(row) || breaks(text) {
                        #expect(rows.contains(row), "\(what) \(text)")
                    } else if !orAny(text) {
                        #expect(!rows.contains(row), "\(what) \(text)")
                    }
                }
            }
            expect("equal", { ["NA", ""].contains($0) })
            expect("absent", { !known.contains($0) })
            expect("unlike", { !pattern.matches($0) })
            expect("length", { !(2...7).contains($0.unicodeScalars.count) }, orAny: { $0.utf8.count != $0.count })
        }
    }

    @Test("a pattern's shape takes the texts of ASCII that the automaton takes, and no others")
    func shapes() throws {
        var dice = Dice(31)
        let patterns = [
            "[A-Z0-9]{5,6}", "^[A-Z]{2,3}$", "\\d{3}-\\d+", "a", "", "a?", "a*", "[^a]b{2}", "(ab){2}c?", "^a{3}[bc]*$",
            ".{2}",
            "[ab]+", "a{0}b", "a{0,0}", "\\w{1,3}",
        ]
        for expression in patterns {
            let pattern = try Pattern(expression)
            let shape = try #require(pattern.shape, "\(expression) has a shape").view
            for _ in 0..<400 {
                let text = (0..<Int.random(in: 0...7, using: &dice)).map { _ in
                    Array("aabbcAZ09-\n".utf8).randomElement(using: &dice) ?? 0
                }
                var (starts, counts): ([UInt32], [UInt32]) = ([0], [UInt32(text.count)])
                var (words, live, picked): ([UInt64], [UInt8], [UInt16]) = ([0], [1], [0])
                let isTaken = starts.withUnsafeMutableBufferPointer { starts in
                    counts.withUnsafeMutableBufferPointer { counts in
                        words.withUnsafeMutableBufferPointer { words in
                            live.withUnsafeMutableBufferPointer { live in
                                var one = cscan_texts(
                                    starts: starts.baseAddress, counts: counts.baseAddress, words: words.baseAddress,
                                    live: live.baseAddress)
                                return cscan_pick_unlike(text + [0], &one, 1, shape, &picked) == 0
                            }
                        }
                    }
                }
                let shown = String(decoding: text, as: UTF8.self)
                #expect(isTaken == pattern.matches(shown), "\(expression) \(shown)")
            }
        }
        for expression in ["a|b", "a+b", "(a|b)c", "[a-z]*x", "a$b", "a{64}"] {
            #expect(try Pattern(expression).shape == nil, "\(expression)")
        }
    }

    private static let others =
        "code,name\nAA,BBB\nBBB,12\nabcdefgh,é\nabcdefghijk,AA\na text longer than any word,12345678\n日本,日本\n,\n"

    @Test("rules over texts give the same where every text is decoded first", arguments: [1, 2])
    func decodedTexts(threads: Int) throws {
        var dice = Dice(71)
        let texts = [
            "", "NA", "n/a", "AA", "BBB", "CC", "A1B2C3", "abcdefgh", "abcdefghi", "abcdefghijk", "abcdefghijklm", "é",
            "日本", "ééé",
            "a text longer than any word", "a text longer than any Word", "x y", "12", "12345678", "123456789",
        ]
        for round in 0..<30 {
            let markers = [
                ["", "NA"], [""], ["NA", "", "n/a", "-", "12345678"], ["NA", "abcdefghi"], ["CC", "x", "y", "z", "NA"],
            ]
            func rules(_ dialect: Dialect) -> RuleSet {
                RuleSet("t", format: .delimited(dialect), missing: markers[round % markers.count]) {
                    Column("a").required().oneOf("AA", "BBB", "12", "日本").length(2)
                    Column("b").references("code", of: "o.csv").pattern("[A-Z0-9]{2,6}")
                    Column("c").unique().minLength(2).maxLength(8).oneOf("a text longer than any word", "AA", "ééé")
                    Column("d").pattern("[^x]+( y)?").check("no B") { !$0.contains("B") }
                    Column("e", .integer).pattern("[0-9]+").max(99)
                    UniqueKey("a", "b")
                    UniqueKey("b", "c", "d")
                    ForeignKey("a", "d", references: "code", "name", of: "o.csv")
                    Compare("a", .lessThan, "b", severity: .warning)
                    DistinctCount(of: "b", ...9)
                }
            }
            var text = "a,b,c,d,e\n"
            for _ in 0..<Int.random(in: 0...1300, using: &dice) {
                text +=
                    (0..<5).map { _ in
                        let value = texts.randomElement(using: &dice) ?? ""
                        return Int.random(in: 0..<5, using: &dice) == 0 ? "\"\(value)\"" : value
                    }.joined(separator: ",") + (Int.random(in: 0..<9, using: &dice) == 0 ? "\r\n" : "\n")
            }
            func report(_ dialect: Dialect) throws -> ValidationReport {
                var report = try Array(text.utf8).withUnsafeBytes {
                    try Validator(rules(dialect)).validate(
                        bytes: $0, references: { try ReferenceColumns($0, pull: pull(Self.others)) },
                        options: ValidationOptions(threads: threads, blockSize: round % 2 == 0 ? 1 << 20 : 1 << 10))
                }
                report.seconds = 0
                return report
            }
            let quick = try report(Dialect())
            let slow = try report(Dialect(escape: "\\"))
            #expect(quick == slow)
            #expect(quick.jsonString() == slow.jsonString())
        }
    }
}
