/// Copies rows, as they stand in the file, into a file of the same format: the same header, the same array.
struct RowCopy {
    private let sink: (UnsafeRawBufferPointer) throws -> Void
    private let isArray: Bool
    private var isEmpty = true

    init(_ format: Format, _ sink: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        self.sink = sink
        isArray = format.kind == .jsonArray
    }

    mutating func begin(header: UnsafeRawBufferPointer) throws {
        if isArray { try write("[") }
        if !header.isEmpty { try sink(header) }
    }

    /// Copies the rows of a block that were rejected, or those that were not.
    mutating func add(_ result: BlockResult, _ block: Block, rejected: Bool) throws {
        if !result.ends.isEmpty {
            for row in 0..<result.rows where result.rejected[row] == rejected {
                try addObject(block, Int(result.starts[row])..<Int(result.ends[row]))
            }
            return
        }
        var row = 0
        var gaps = result.gaps[...]
        while row < result.rows {
            let first = row
            while row < result.rows, result.rejected[row] == rejected { row += 1 }
            if first < row {
                var start = Int(result.starts[first])
                let end = row < result.rows ? Int(result.starts[row]) : result.consumed
                while let gap = gaps.first, gap.lowerBound < end {
                    gaps.removeFirst()
                    if gap.lowerBound > start { try copy(block, start..<gap.lowerBound) }
                    start = max(start, gap.upperBound)
                }
                if start < end { try copy(block, start..<end) }
            }
            while row < result.rows, result.rejected[row] != rejected { row += 1 }
        }
    }

    private func copy(_ block: Block, _ range: Range<Int>) throws {
        try sink(UnsafeRawBufferPointer(start: block.base + range.lowerBound, count: range.count))
    }

    /// An object of JSON stands on a line of its own.
    private mutating func addObject(_ block: Block, _ range: Range<Int>) throws {
        if isArray { try write(isEmpty ? "\n" : ",\n") }
        isEmpty = false
        try copy(block, range)
        if !isArray { try write("\n") }
    }

    mutating func end() throws {
        if isArray { try write(isEmpty ? "]\n" : "\n]\n") }
    }

    private func write(_ text: StaticString) throws {
        try sink(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
