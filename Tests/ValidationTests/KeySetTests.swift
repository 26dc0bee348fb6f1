import Testing

@testable import Validation

@Suite("Keys seen")
struct KeySetTests {
    /// Ascending but for every `late`-th key, which comes from before; with repetitions.
    private static func keys(_ count: Int, late: Int, _ dice: inout Dice) -> [UInt64] {
        var keys: [UInt64] = []
        var next: UInt64 = 0
        for index in 0..<count {
            if late > 0, index % late == late - 1 {
                keys.append(UInt64.random(in: 0...next + 5, using: &dice))
            } else {
                next += UInt64.random(in: index % 50 == 7 ? 0...0 : 1...3, using: &dice)
                keys.append(next)
            }
        }
        return keys
    }

    @Test(
        "a key is repeated exactly where it came before, in whatever order the keys come",
        arguments: [0, 1, 2, 3, 17, 100, 5_000])
    func words(late: Int) {
        var dice = Dice(UInt64(late) + 3)
        let keys = Self.keys(60_000, late: late, &dice)
        for size in [1, 7, 1_000, 60_000] where size > 1 || late == 17 {
            let set = KeySet(keepsOrder: true)
            var seen = Set<UInt64>()
            var start = 0
            while start < keys.count {
                let some = Array(keys[start..<min(keys.count, start + size)])
                var found: [Int] = []
                set.insert(some) { found.append($0) }
                #expect(found == some.indices.filter { !seen.insert(some[$0]).inserted })
                start += some.count
            }
            #expect(set.count == seen.count)
        }
    }

    @Test("words and fingerprints are kept beside each other", arguments: [false, true])
    func both(isOrdered: Bool) {
        let set = KeySet(keepsOrder: isOrdered)
        let words = (0..<40_000).map { UInt64($0) &* (isOrdered ? 3 : 0x9e37_79b9_7f4a_7c15) }
        let prints = (0..<30_000).map { number in
            var print = Fingerprint()
            print.add(UInt64(number))
            return print
        }
        for round in 0..<3 {
            var (repeatedWords, repeatedPrints) = (0, 0)
            set.insert(words) { _ in repeatedWords += 1 }
            set.insert(prints) { _ in repeatedPrints += 1 }
            #expect(repeatedWords == (round == 0 ? 0 : words.count))
            #expect(repeatedPrints == (round == 0 ? 0 : prints.count))
            #expect(set.count == words.count + prints.count)
        }
    }

    @Test("different values of several columns are different words")
    func joined() {
        var seen: [String: [String]] = [:]
        let texts = ["", "a", "b", "ab", "abc", "\u{0}", "\u{1}", "\u{1}a", "abcdef"]
        for first in texts {
            for second in texts {
                var word = KeyWord()
                func add(_ text: String) -> Bool {
                    Array(text.utf8).withUnsafeBufferPointer { word.add($0) }
                }
                guard add(first), add(second), let key = word.joined else {
                    #expect(first.utf8.count + second.utf8.count > 10)
                    continue
                }
                #expect(seen.updateValue([first, second], forKey: "\(key)") == nil)
            }
        }
        #expect(seen.count > 50)
        var numbers = KeyWord()
        let fit = [numbers.add(-1), numbers.add(7)]
        #expect(fit == [true, true])
        guard case .word(Key.join(-1, 7))? = numbers.joined else {
            Issue.record("two numbers are one word")
            return
        }
        var zeros = KeyWord()
        for _ in 0..<3 { _ = zeros.add(0) }
        #expect(zeros.joined == nil)
        var large = KeyWord()
        let fits = large.add(Int64(Int32.max) + 1)
        #expect(!fits)
    }

    @Test("a text has one word, small where it is short, and no other text has it")
    func textWords() {
        var dice = Dice(51)
        var seen: [String: [UInt8]] = [:]
        for round in 0..<60_000 {
            let alphabet: [UInt8] = round % 2 == 0 ? Array(0...9) : Array("a0é\u{8}".utf8) + [0]
            let text = (0..<Int.random(in: 0...13, using: &dice)).map { _ in alphabet.randomElement(using: &dice) ?? 0 }
            let key = (text + Array(repeating: 0x41, count: 16)).withUnsafeBufferPointer {
                Key(text: UnsafeBufferPointer(rebasing: $0[..<text.count]))
            }
            guard let key else {
                #expect(text.count == 13 || text.count == 12 || text.count == 8)
                continue
            }
            if case .word(let word) = key {
                let small = TextWord.small(word)
                #expect(TextWord.full(small) == word, "\(text)")
                if text.count <= 5 { #expect(small >> 48 == 0) }
                if text.count <= 3 { #expect(small >> 32 == 0) }
                #expect(seen.updateValue(text, forKey: "small \(small)") ?? text == text)
            }
            #expect(seen.updateValue(text, forKey: "\(key)") ?? text == text)
        }
        for text in ["abcd", "abcdef", "12345678"] {
            let word = Key.word(ofText: PlainField.word(Array(text.utf8)))
            #expect(TextWord.small(word).leadingZeroBitCount >= 64 - text.utf8.count * 8)
        }
    }

    @Test("keys of every length are counted once", arguments: [false, true])
    func lengths(isText: Bool) {
        var dice = Dice(61)
        for keepsOrder in [false, true] {
            let set = KeySet(isText: isText, keepsOrder: keepsOrder)
            var seen = Set<UInt64>()
            for _ in 0..<40 {
                let words = (0..<500).map { _ in
                    let count = Int.random(in: 0...8, using: &dice)
                    let text = (0..<count).map { _ in UInt8.random(in: 0x30...0x39, using: &dice) }
                    return isText
                        ? Key.word(ofText: PlainField.word(text))
                        : UInt64.random(in: 0...UInt64.max, using: &dice) >> UInt64(count * 7)
                }
                var found: [Int] = []
                set.insert(words) { found.append($0) }
                #expect(found == words.indices.filter { !seen.insert(words[$0]).inserted })
            }
            #expect(set.count == seen.count)
            var all: [UInt64] = []
            set.wordView?.forEach { all.append($0) }
            if !keepsOrder { #expect(all.sorted() == seen.sorted()) }
        }
    }

    @Test("repeats of texts of every length are found in the file's order among longer ones")
    func texts() throws {
        let keys = ["ab", "abcdefgh", "abcdefghi", "ab\u{0}", "", "abcdefg", "abcdefg\u{5}", "abcdefg\u{8}"]
        let rows = keys + ["abcdefghi", "ab", "x", "\"ab\"", "\"a\"\"b\"", "a\"b", "abcdefgh", "abcdefg\u{8}"]
        let text = "k,v\n" + rows.map { $0 + ",1\n" }.joined()
        let validator = try Validator(RuleSet("t", missing: ["NA"]) { Column("k").unique() })
        let report = try Array(text.utf8).withUnsafeBytes { try validator.validate(bytes: $0) }
        let check = try #require(report.checks.first { $0.rule == "unique" })
        // The quoted a"b is decoded, and the bare one the same.
        #expect(check.offenders.map(\.row) == [9, 10, 12, 14, 15, 16])
        #expect(check.count == 6)
    }
}
