/// Keys that mostly come in ascending order, as those of most tables do: a list, in which nothing needs to be looked up as
/// long as each is greater than all before. It takes the keys' own bytes. The few that come late are looked up in it and
/// kept beside it; when they are no longer few, a set does better.
struct OrderedWords {
    private struct Chunk {
        let words: UnsafeMutablePointer<UInt64>
        let capacity: Int
        var count = 0
    }

    private static let largest = 1 << 16

    private var chunks: [Chunk] = []
    private var last: UInt64 = 0
    private var listed = 0
    private var late: WordSet

    init(isText: Bool) { late = WordSet(isText: isText) }

    var count: Int { listed + late.count }

    /// Frees the memory; the set must not be used afterwards.
    func free() {
        for chunk in chunks { chunk.words.deallocate() }
        late.free()
    }

    /// Adds keys in order, up to where they no longer come in order: returns how many. `repeated` gets the number of each
    /// that was there.
    mutating func insert(_ keys: [UInt64], repeated: (Int) -> Void) -> Int {
        var index = 0
        while index < keys.count {
            if listed == 0 || keys[index] > last {
                index = append(keys, from: index)
            } else {
                if contains(keys[index]) || !late.insert(keys[index]) { repeated(index) }
                index += 1
                if late.count > 1024 + listed / 16 { return index }
            }
        }
        return index
    }

    /// Lists keys for as long as each is greater than the one before, and there is room in the chunk.
    private mutating func append(_ keys: [UInt64], from start: Int) -> Int {
        if chunks.last.map({ $0.count == $0.capacity }) ?? true {
            let capacity = min(Self.largest, max(512, listed))
            chunks.append(Chunk(words: .allocate(capacity: capacity), capacity: capacity))
        }
        var chunk = chunks[chunks.count - 1]
        let end = min(keys.count, start + chunk.capacity - chunk.count)
        let next = chunk.words + chunk.count
        var last = keys[start]
        next.initialize(to: last)
        var index = start &+ 1
        keys.withUnsafeBufferPointer { keys in
            while index < end, keys[index] > last {
                last = keys[index]
                (next + (index &- start)).initialize(to: last)
                index &+= 1
            }
        }
        chunk.count += index - start
        chunks[chunks.count - 1] = chunk
        listed += index - start
        self.last = last
        return index
    }

    /// Whether the list has it.
    private func contains(_ key: UInt64) -> Bool {
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].words[0] <= key { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return false }
        let chunk = chunks[low - 1]
        (low, high) = (0, chunk.count)
        while low < high {
            let middle = (low + high) / 2
            if chunk.words[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low < chunk.count && chunk.words[low] == key
    }

    /// The same keys as a set; this must not be used afterwards.
    mutating func unordered() -> WordSet {
        var all = late
        for chunk in chunks {
            all.insert(Array(UnsafeBufferPointer(start: chunk.words, count: chunk.count))[...]) { _ in }
            chunk.words.deallocate()
        }
        chunks = []
        return all
    }
}
