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
            let set = KeySet(columns: 2, keepsOrder: true)
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

    @Test("words become fingerprints when a key outgrows them, and are still known", arguments: [false, true])
    func spilling(isOrdered: Bool) {
        let set = KeySet(columns: 1, keepsOrder: isOrdered)
        let words = (0..<40_000).map { UInt64($0) &* (isOrdered ? 3 : 0x9e37_79b9_7f4a_7c15) }
        let others = (0..<50_000).map { UInt64($0) &* 0xd6e8_feb8_6659_fd93 | 1 }
        var seen = Set<UInt64>()
        for batch in [words, others, others, words] {
            var found: [Int] = []
            if seen.isEmpty {
                set.insert(batch) { found.append($0) }
            } else {
                set.insert(batch.map { KeyWord.fingerprint($0, columns: 1) }) { found.append($0) }
            }
            #expect(found == batch.indices.filter { !seen.insert(batch[$0]).inserted })
        }
        // Words that come late are fingerprints too.
        var repeated = 0
        set.insert(words) { _ in repeated += 1 }
        #expect(repeated == words.count)
        #expect(set.count == seen.count)
    }
}
