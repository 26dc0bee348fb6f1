/// Finds what was probably meant by a word that is none of the known ones.
enum Suggestion {
    /// The known word that is closest to `word`, if one is close enough: a third of its letters wrong at most, or the
    /// same
    /// letters in another case.
    static func closest(to word: String, in known: some Sequence<String>) -> String? {
        var best: (word: String, distance: Int)?
        let letters = Array(word.lowercased().unicodeScalars.prefix(100))
        for candidate in known {
            let distance = distance(letters, Array(candidate.lowercased().unicodeScalars.prefix(100)))
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        guard let best, best.word != word, best.distance <= max(1, letters.count / 3) else { return nil }
        return best.word
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var before: [Int] = []
        var previous = Array(0...right.count)
        for i in 0..<left.count {
            var row = [i + 1]
            for j in 0..<right.count {
                var cost = min(previous[j] + (left[i] == right[j] ? 0 : 1), previous[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    cost = min(cost, before[j - 1] + 1)
                }
                row.append(cost)
            }
            (before, previous) = (previous, row)
        }
        return previous[right.count]
    }
}
