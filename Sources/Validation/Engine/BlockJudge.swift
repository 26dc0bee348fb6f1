/// Judges blocks of any format.
struct BlockJudge {
    private let binding: Binding
    private let processor: Processor

    private enum Processor {
        case delimited(BlockProcessor, CompiledDialect)
        case json(JSONBlockProcessor)
    }

    init(_ binding: Binding) {
        self.binding = binding
        if let dialect = binding.dialect {
            processor = .delimited(BlockProcessor(binding, dialect), dialect)
        } else {
            processor = .json(JSONBlockProcessor(binding, isArray: binding.plan.format.kind == .jsonArray))
        }
    }

    func process(_ block: Block, from start: Int) -> BlockResult {
        switch processor {
        case .delimited(let processor, _): processor.process(block, from: start)
        case .json(let processor): processor.process(block, from: start)
        }
    }

    /// Where a row starts in the file, and what it has in these columns.
    func values(_ columns: [Int], of row: Int, in result: BlockResult, _ block: Block) -> (Int, String) {
        let start = Int(result.starts[row])
        let end = row + 1 < result.rows ? Int(result.starts[row + 1]) : result.consumed
        let dialect: CompiledDialect
        switch processor {
        case .delimited(_, let own): dialect = own
        case .json(let processor):
            return (block.origin + start, processor.values(columns, at: start, block).joined(separator: ", "))
        }
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
