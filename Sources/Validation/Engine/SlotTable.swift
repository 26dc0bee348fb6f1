import CScan
import Glibc

/// What a ``SlotTable`` holds: a fixed number of bits, of which one pattern means that there is nothing.
protocol SlotKey: Equatable {
    static var nothing: Self { get }
    var isNothing: Bool { get }
    /// Well-spread bits.
    func hash(_ seed: UInt64) -> UInt64
}

extension UInt64: SlotKey {
    static var nothing: UInt64 { 0 }
    @inline(__always) var isNothing: Bool { self == 0 }
    @inline(__always) func hash(_ seed: UInt64) -> UInt64 { Hash.spread(self &+ seed) }
}

extension UInt32: SlotKey {
    static var nothing: UInt32 { 0 }
    @inline(__always) var isNothing: Bool { self == 0 }
    @inline(__always) func hash(_ seed: UInt64) -> UInt64 { Hash.spread(UInt64(self) &+ seed) }
}

extension Fingerprint: SlotKey {
    static var nothing: Fingerprint {
        var none = Fingerprint()
        (none.first, none.second) = (0, 0)
        return none
    }
    @inline(__always) var isNothing: Bool { first | second == 0 }
    @inline(__always) func hash(_ seed: UInt64) -> UInt64 { first }
}

/// A set that only grows, in open addressing, out of 64 parts that grow one at a time and by a quarter: from some 50,000 keys
/// on the slots take between 8/7 and 10/7 of the keys' own bytes, and growing takes a 64th more for a moment.
struct SlotTable<Key: SlotKey> {
    private struct Part {
        var slots: UnsafeMutablePointer<Key>
        var size = 0
        var count = 0
    }

    private static var partCount: Int { 64 }
    /// Parts of so many bytes are got from the system, and given back to it.
    private static var pageLimit: Int { 1 << 16 }

    private let parts: UnsafeMutablePointer<Part>
    /// What a part without slots points at.
    private let none: UnsafeMutablePointer<Key>
    private let seed = Hash.seed.0
    private(set) var count = 0

    init() {
        none = .allocate(capacity: 1)
        none.initialize(to: .nothing)
        parts = .allocate(capacity: Self.partCount)
        parts.initialize(repeating: Part(slots: none), count: Self.partCount)
    }

    /// Frees the memory; the set must not be used afterwards.
    func free() {
        for index in 0..<Self.partCount { Self.release(parts[index]) }
        parts.deallocate()
        none.deallocate()
    }

    @inline(__always)
    private static func part(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash & 63) }

    @inline(__always)
    private static func home(_ hash: UInt64, _ size: Int) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: size)).high)
    }

    /// Where the key is, or the slot that it would take.
    @inline(__always)
    private static func slot(_ key: Key, _ hash: UInt64, _ part: Part) -> Int {
        var slot = home(hash, part.size)
        while !part.slots[slot].isNothing, part.slots[slot] != key {
            slot &+= 1
            if slot == part.size { slot = 0 }
        }
        return slot
    }

    @inline(__always)
    func contains(_ key: Key) -> Bool {
        let hash = key.hash(seed)
        let part = parts[Self.part(hash)]
        return part.slots[Self.slot(key, hash, part)] == key
    }

    /// False if it was there. The key must not be ``SlotKey/nothing``.
    @inline(__always)
    mutating func insert(_ key: Key) -> Bool {
        let hash = key.hash(seed)
        let index = Self.part(hash)
        if parts[index].count &* 8 >= parts[index].size &* 7 { grow(index) }
        let part = parts[index]
        let slot = Self.slot(key, hash, part)
        if !part.slots[slot].isNothing { return false }
        part.slots[slot] = key
        parts[index].count = part.count &+ 1
        count &+= 1
        return true
    }

    /// A large set lies in memory, not in the cache: what is wanted soon is fetched ahead.
    @inline(__always)
    func fetch(_ key: Key) {
        let hash = key.hash(seed)
        let part = parts[Self.part(hash)]
        cscan_prefetch(part.slots + Self.home(hash, part.size))
    }

    /// Adds keys in order; `repeated` gets the number, in `keys`, of each that was there.
    @inline(__always)
    mutating func insert(_ keys: [Key], repeated: (Int) -> Void) {
        keys.withUnsafeBufferPointer { keys in
            for index in keys.indices {
                if index &+ 16 < keys.count { fetch(keys[index &+ 16]) }
                if !insert(keys[index]) { repeated(index) }
            }
        }
    }

    private func grow(_ index: Int) {
        let old = parts[index]
        // A quarter as much again; small parts twice, they are soon through.
        let size = old.size < 1 << 10 ? max(16, old.size * 2) : old.size + old.size / 4
        var new = Part(slots: Self.allocate(size), size: size, count: old.count)
        for slot in 0..<old.size where !old.slots[slot].isNothing {
            let key = old.slots[slot]
            new.slots[Self.slot(key, key.hash(seed), new)] = key
        }
        swap(&parts[index], &new)
        Self.release(old)
    }

    private static func allocate(_ size: Int) -> UnsafeMutablePointer<Key> {
        let bytes = size * MemoryLayout<Key>.stride
        if bytes >= pageLimit,
            let pages = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            pages != MAP_FAILED
        {
            // Fresh pages are zeros, which is nothing.
            return pages.bindMemory(to: Key.self, capacity: size)
        }
        let slots = UnsafeMutablePointer<Key>.allocate(capacity: size)
        slots.initialize(repeating: .nothing, count: size)
        return slots
    }

    private static func release(_ part: Part) {
        let bytes = part.size * MemoryLayout<Key>.stride
        if part.size == 0 { return }
        if bytes >= pageLimit { munmap(part.slots, bytes) } else { part.slots.deallocate() }
    }

    func forEach(_ body: (Key) -> Void) {
        for index in 0..<Self.partCount {
            let part = parts[index]
            for slot in 0..<part.size where !part.slots[slot].isNothing { body(part.slots[slot]) }
        }
    }
}
