/// The keys seen so far. A key that has a word of 64 or of 96 bits is held exactly, as that word; any other as a fingerprint.
/// Which it is follows from the key alone, so that they are never compared with each other.
///
/// A class because it owns memory that is freed with it.
final class KeySet {
    private var ordered: OrderedWords?
    private var words: WordSet?
    private var wides: SlotTable<WideWord>?
    private var prints: SlotTable<Fingerprint>?

    /// For words of texts, or of numbers. A set that is looked up in, and not only added to, must not keep its keys in order.
    init(isText: Bool = false, keepsOrder: Bool = false) {
        if keepsOrder { ordered = OrderedWords(isText: isText) } else { words = WordSet(isText: isText) }
    }

    deinit {
        ordered?.free()
        words?.free()
        wides?.free()
        prints?.free()
    }

    var count: Int { (ordered?.count ?? 0) + (words?.count ?? 0) + (wides?.count ?? 0) + (prints?.count ?? 0) }

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
    func insert(_ keys: [WideWord], repeated: (Int) -> Void) { Self.insert(keys, into: &wides, repeated) }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    func insert(_ keys: [Fingerprint], repeated: (Int) -> Void) { Self.insert(keys, into: &prints, repeated) }

    private static func insert<Key>(_ keys: [Key], into table: inout SlotTable<Key>?, _ repeated: (Int) -> Void) {
        if keys.isEmpty { return }
        var set = table.take() ?? SlotTable()
        set.insert(keys, repeated: repeated)
        table = set
    }

    /// The words as plain pointers; valid as long as this is and nothing is inserted.
    var wordView: WordSet? { words }

    func contains(word: UInt64) -> Bool { words?.contains(word) ?? false }

    func contains(_ wide: WideWord) -> Bool { wides?.contains(wide) ?? false }

    func contains(_ print: Fingerprint) -> Bool { prints?.contains(print) ?? false }
}
