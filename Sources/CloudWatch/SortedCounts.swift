/// How often each key occurred, in ascending order of the keys: small, and quick to read, to merge and to write.
struct SortedCounts<Key: Comparable & Hashable & Sendable>: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        var key: Key
        var count: Double
    }

    private(set) var entries: [Entry] = []

    init() {}

    /// Takes entries that are in ascending order without a repeat; nil where they are not.
    init?(ascending entries: [Entry]) {
        guard zip(entries, entries.dropFirst()).allSatisfy({ $0.key < $1.key }) else { return nil }
        self.entries = entries
    }

    mutating func add(_ key: Key, count: Double) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        if low < entries.count, entries[low].key == key {
            entries[low].count += count
        } else {
            entries.insert(Entry(key: key, count: count), at: low)
        }
    }

    mutating func merge(_ other: Self) {
        if other.entries.count < 4 {
            for entry in other.entries { add(entry.key, count: entry.count) }
            return
        }
        var merged: [Entry] = []
        merged.reserveCapacity(entries.count + other.entries.count)
        var left = entries[...]
        for entry in other.entries {
            while let next = left.first, next.key < entry.key { merged.append(left.removeFirst()) }
            if let next = left.first, next.key == entry.key {
                merged.append(Entry(key: next.key, count: next.count + entry.count))
                left.removeFirst()
            } else {
                merged.append(entry)
            }
        }
        merged.append(contentsOf: left)
        entries = merged
    }
}
