import CScan

/// A set of 64-bit keys that only grows, in open addressing: eight bytes a slot.
struct WordSet {
    private var slots: UnsafeMutableBufferPointer<UInt64>
    private var mask: Int
    private(set) var count = 0
    private var hasZero = false
    private let seed = Hash.seed.0

    init(capacity: Int = 1024) {
        var size = 16
        while size * 3 / 4 < capacity { size *= 2 }
        slots = .allocate(capacity: size)
        slots.initialize(repeating: 0)
        mask = size - 1
    }

    /// Frees the memory; the set must not be used afterwards.
    func free() { slots.deallocate() }

    @inline(__always)
    private func home(of key: UInt64) -> Int { Int(truncatingIfNeeded: Hash.spread(key &+ seed)) & mask }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    mutating func insert(_ keys: [UInt64], repeated: (Int) -> Void) {
        // A large set lies in memory, not in the cache: what is wanted soon is fetched ahead.
        let ahead = 16
        keys.withUnsafeBufferPointer { keys in
            for index in keys.indices {
                if index &+ ahead < keys.count, let base = slots.baseAddress {
                    cscan_prefetch(base + home(of: keys[index &+ ahead]))
                }
                if !insert(keys[index]) { repeated(index) }
            }
        }
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        var slot = home(of: key)
        while slots[slot] != 0, slots[slot] != key { slot = (slot &+ 1) & mask }
        return slot
    }

    @inline(__always)
    func contains(_ key: UInt64) -> Bool { key == 0 ? hasZero : slots[slot(of: key)] == key }

    /// False if it was there.
    @inline(__always)
    mutating func insert(_ key: UInt64) -> Bool {
        if key == 0 {
            defer { hasZero = true }
            if !hasZero { count += 1 }
            return !hasZero
        }
        let slot = slot(of: key)
        if slots[slot] == key { return false }
        slots[slot] = key
        count += 1
        if count * 8 > slots.count * 7 { grow() }
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = .allocate(capacity: old.count * 2)
        slots.initialize(repeating: 0)
        mask = slots.count - 1
        for key in old where key != 0 { slots[slot(of: key)] = key }
        old.deallocate()
    }

    func forEach(_ body: (UInt64) -> Void) {
        if hasZero { body(0) }
        for key in slots where key != 0 { body(key) }
    }
}

/// Words that lie near each other, a bit each: what most columns of numbers that others refer to come to.
///
/// Sendable without the compiler's proof: never written after `init`.
final class WordBitmap: @unchecked Sendable {
    /// Plain pointers; valid as long as the bitmap is.
    struct View {
        fileprivate let bits: UnsafePointer<UInt64>
        fileprivate let first: UInt64
        fileprivate let count: UInt64

        @inline(__always)
        func contains(_ word: UInt64) -> Bool {
            let offset = word &- first
            return offset < count && bits[Int(truncatingIfNeeded: offset &>> 6)] &>> (offset & 63) & 1 != 0
        }
    }

    let view: View
    private let bits: UnsafeMutablePointer<UInt64>

    /// Nil where the words lie so far apart that a bitmap would be larger than the set.
    init?(_ words: WordSet) {
        var (low, high) = (Int64.max, Int64.min)
        words.forEach { word in
            low = min(low, Int64(bitPattern: word))
            high = max(high, Int64(bitPattern: word))
        }
        let (span, isWide) = high.subtractingReportingOverflow(low)
        guard words.count > 0, !isWide, span / 64 <= words.count &+ 1024 else { return nil }
        let first = UInt64(bitPattern: low)
        let size = Int(span) / 64 + 1
        bits = .allocate(capacity: size)
        bits.initialize(repeating: 0, count: size)
        view = View(bits: bits, first: first, count: UInt64(span) + 1)
        let bits = bits
        words.forEach { word in
            let offset = word &- first
            bits[Int(offset >> 6)] |= 1 << (offset & 63)
        }
    }

    deinit { bits.deallocate() }
}

/// A set of 128-bit fingerprints that only grows: sixteen bytes a slot.
struct FingerprintSet {
    private var slots: UnsafeMutableBufferPointer<Fingerprint>
    private var mask: Int
    private(set) var count = 0

    init(capacity: Int = 1024) {
        var size = 16
        while size * 3 / 4 < capacity { size *= 2 }
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Self.empty)
        mask = size - 1
    }

    private static let empty: Fingerprint = {
        var none = Fingerprint()
        (none.first, none.second) = (0, 0)
        return none
    }()

    /// Frees the memory; the set must not be used afterwards.
    func free() { slots.deallocate() }

    @inline(__always)
    private func slot(of key: Fingerprint) -> Int {
        var slot = Int(truncatingIfNeeded: key.first) & mask
        while slots[slot].first | slots[slot].second != 0, slots[slot] != key { slot = (slot &+ 1) & mask }
        return slot
    }

    func contains(_ key: Fingerprint) -> Bool { slots[slot(of: key)] == key }

    /// False if it was there.
    @inline(__always)
    mutating func insert(_ key: Fingerprint) -> Bool {
        let slot = slot(of: key)
        if slots[slot] == key { return false }
        slots[slot] = key
        count += 1
        if count * 8 > slots.count * 7 { grow() }
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = .allocate(capacity: old.count * 2)
        slots.initialize(repeating: Self.empty)
        mask = slots.count - 1
        for key in old where key.first | key.second != 0 { slots[slot(of: key)] = key }
        old.deallocate()
    }
}

/// The keys seen so far. Keys that fit 64 bits are held exactly; once one does not, all are held as fingerprints.
///
/// A class because it owns memory that is freed with it.
final class KeySet {
    private let columns: Int
    private var words: WordSet?
    private var prints: FingerprintSet?

    /// For keys of so many columns.
    init(columns: Int) {
        self.columns = columns
        words = WordSet()
    }

    deinit {
        words?.free()
        prints?.free()
    }

    var count: Int { (words?.count ?? 0) + (prints?.count ?? 0) }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    func insert(_ keys: [UInt64], repeated: (Int) -> Void) {
        if var set = words.take() {
            set.insert(keys, repeated: repeated)
            words = set
        } else {
            insert(keys.map { KeyWord.fingerprint($0, columns: columns) }, repeated: repeated)
        }
    }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    func insert(_ keys: [Fingerprint], repeated: (Int) -> Void) {
        if keys.isEmpty { return }
        if let words = words.take() {
            var all = FingerprintSet(capacity: words.count * 2)
            words.forEach { _ = all.insert(KeyWord.fingerprint($0, columns: columns)) }
            words.free()
            prints = all
        }
        guard var set = prints.take() else { return }
        for index in keys.indices where !set.insert(keys[index]) { repeated(index) }
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
