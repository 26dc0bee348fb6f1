/// What was probably meant by a word that is none of those expected.
enum Suggestion {
    /// `; did you mean "integer"?`, or nothing if no word is near.
    static func text(for word: String, among words: [String]) -> String {
        nearest(to: word, among: words).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    static func nearest(to word: String, among words: [String]) -> String? {
        if let other = words.first(where: { $0.lowercased() == word.lowercased() }) { return other }
        let lowered = Array(word.lowercased().unicodeScalars)
        guard lowered.count <= 64 else { return nil }
        if lowered.count >= 3,
            let longer = words.first(where: { $0.lowercased().unicodeScalars.starts(with: lowered) })
        {
            return longer
        }
        let best = words.map { ($0, distance(lowered, Array($0.lowercased().unicodeScalars))) }.min { $0.1 < $1.1 }
        guard let (nearest, distance) = best, distance <= max(1, min(3, nearest.count / 3)) else { return nil }
        return nearest
    }

    static func distance(_ left: String, _ right: String) -> Int {
        distance(Array(left.unicodeScalars), Array(right.unicodeScalars))
    }

    /// How many letters must be put in, taken out, changed or swapped with the next one.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                var least = min(
                    last[column] + (left[row] == right[column] ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            (before, last) = (last, current)
        }
        return last[right.count]
    }
}
