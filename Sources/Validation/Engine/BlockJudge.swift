/// Judges blocks of any format.
struct BlockJudge {
    private let binding: Binding
    private let delimited: BlockProcessor?

    init(_ binding: Binding) {
        self.binding = binding
        delimited = binding.dialect.map { BlockProcessor(binding, $0) }
    }

    func process(_ block: Block, from start: Int) -> BlockResult {
        delimited?.process(block, from: start) ?? BlockResult(binding.plan)
    }

    /// Where a row starts in the file, and what it has in these columns.
    func values(_ columns: [Int], of row: Int, in result: BlockResult, _ block: Block) -> (Int, String) {
        let start = Int(result.starts[row])
        let end = row + 1 < result.rows ? Int(result.starts[row + 1]) : result.consumed
        guard let dialect = binding.dialect else { return (block.origin + start, "") }
        var scanner = CSVScanner(dialect)
        var index = SeparatorIndex(capacity: 256)
        index.reset(at: start)
        scanner.scan(block.base, start..<end, into: &index)
        _ = scanner.finish(block.base, at: end, into: &index)
        let values = columns.map { column -> String in
            let place = binding.places[column]
            guard place < index.count else { return "" }
            let from = Int(index.fields[place - 1] &+ 1)
            var to = Int(index.fields[place])
            if to > from, dialect.terminator == 0x0a, place == binding.width - 1, block.base[to - 1] == 0x0d { to -= 1 }
            let text = dialect.decode(UnsafeBufferPointer(start: block.base + from, count: to - from))
            return BatchEvaluator.shown(text, binding.options.valueLength)
        }
        return (block.origin + start, values.joined(separator: ", "))
    }
}
