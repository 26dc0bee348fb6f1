/// Where the fields and rows of a stretch of bytes end: what the scanner writes and the row grouping reads.
///
/// Positions are relative to a block's first byte. `fields[-1]` is readable: it holds the position just before the first
/// field, so that every field starts one past its predecessor's end.
struct SeparatorIndex: ~Copyable {
    private(set) var storage: UnsafeMutablePointer<UInt32>
    private(set) var capacity: Int
    /// How many field ends there are.
    var count = 0
    /// For each row end its number among the field ends.
    private(set) var rows: UnsafeMutablePointer<UInt32>
    var rowCount = 0

    /// The scanner writes past what it finds, before it knows how much that is.
    private static let slack = 64

    init(capacity: Int) {
        self.capacity = capacity
        storage = .allocate(capacity: capacity + 1 + Self.slack)
        rows = .allocate(capacity: capacity + 1 + Self.slack)
        storage[0] = 0
    }

    deinit {
        storage.deallocate()
        rows.deallocate()
    }

    var fields: UnsafeMutablePointer<UInt32> { storage + 1 }

    /// Makes room for `more` further field ends.
    mutating func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let newStorage = UnsafeMutablePointer<UInt32>.allocate(capacity: larger + 1 + Self.slack)
        newStorage.update(from: storage, count: count + 1)
        let newRows = UnsafeMutablePointer<UInt32>.allocate(capacity: larger + 1 + Self.slack)
        newRows.update(from: rows, count: rowCount)
        storage.deallocate()
        rows.deallocate()
        (storage, rows, capacity) = (newStorage, newRows, larger)
    }

    /// Starts over, at a row that begins at `position`.
    mutating func reset(at position: Int) {
        count = 0
        rowCount = 0
        storage[0] = UInt32(truncatingIfNeeded: position &- 1)
    }

    /// Forgets the first `taken` field ends, all of whose rows are done.
    mutating func drop(_ taken: Int) {
        guard taken > 0 else { return }
        storage.update(from: storage + taken, count: count - taken + 1)
        count -= taken
        rowCount = 0
    }
}
