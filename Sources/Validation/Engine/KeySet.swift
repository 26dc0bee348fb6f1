/// The keys seen so far. A key that has a word of 64 bits is held exactly, as that word; any other as a fingerprint. Which it
/// is follows from the key alone, so that the two are never compared.
///
/// A class because it owns memory that is freed with it.
final class KeySet {
    private var ordered: OrderedWords?
    private var words: WordSet?
    private var prints: FingerprintSet?

    /// A set that is looked up in, and not only added to, must not keep its keys in order.
    init(keepsOrder: Bool = false) {
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
        if keys.isEmpty { return }
        var from = 0
        if var set = ordered.take() {
            from = set.insert(keys, repeated: repeated)
            if from == keys.count {
                ordered = set
                return
            }
            words = set.unordered()
        }
        guard var set = words.take() else { return }
        set.insert(keys[from...], repeated: repeated)
        words = set
    }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    func insert(_ keys: [Fingerprint], repeated: (Int) -> Void) {
        if keys.isEmpty { return }
        var set = prints.take() ?? FingerprintSet()
        set.insert(keys, repeated: repeated)
        prints = set
    }

    /// The words as plain pointers; valid as long as this is and nothing is inserted.
    var wordView: WordSet? { words }

    func contains(word: UInt64) -> Bool { words?.contains(word) ?? false }

    func contains(_ print: Fingerprint) -> Bool { prints?.contains(print) ?? false }
}
