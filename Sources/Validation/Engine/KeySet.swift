/// The keys seen so far. Keys that fit 64 bits are held exactly; once one does not, all are held as fingerprints.
///
/// A class because it owns memory that is freed with it.
final class KeySet {
    private let columns: Int
    private var ordered: OrderedWords?
    private var words: WordSet?
    private var prints: FingerprintSet?

    /// For keys of so many columns. A set that is looked up in, and not only added to, must not keep them in order.
    init(columns: Int, keepsOrder: Bool = false) {
        self.columns = columns
        if keepsOrder { ordered = OrderedWords() } else { words = WordSet() }
    }

    deinit {
        ordered?.free()
        words?.free()
        prints?.free()
    }

    var count: Int { (ordered?.count ?? 0) + (words?.count ?? 0) + (prints?.count ?? 0) }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    func insert(_ keys: [UInt64], repeated: (Int) -> Void) {
        var from = 0
        if var set = ordered.take() {
            from = set.insert(keys, repeated: repeated)
            if from == keys.count {
                ordered = set
                return
            }
            words = set.unordered()
        }
        if var set = words.take() {
            set.insert(keys[from...], repeated: repeated)
            words = set
        } else {
            insert(keys.map { KeyWord.fingerprint($0, columns: columns) }, repeated: repeated)
        }
    }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    func insert(_ keys: [Fingerprint], repeated: (Int) -> Void) {
        if keys.isEmpty { return }
        if var set = ordered.take() { words = set.unordered() }
        if var words = words.take() {
            var all = FingerprintSet()
            words.drain { all.insertNew(KeyWord.fingerprint($0, columns: columns)) }
            words.free()
            prints = all
        }
        guard var set = prints.take() else { return }
        set.insert(keys, repeated: repeated)
        prints = set
    }

    /// The set as plain pointers, if its keys are words; valid as long as this is and nothing is inserted.
    var wordView: WordSet? { words }

    /// The same, if its keys are fingerprints.
    var printView: FingerprintSet? { prints }

    func contains(word: UInt64) -> Bool {
        words?.contains(word) ?? prints?.contains(KeyWord.fingerprint(word, columns: columns)) ?? false
    }

    func contains(_ print: Fingerprint) -> Bool { prints?.contains(print) ?? false }
}
