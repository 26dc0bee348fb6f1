import Synchronization

/// A pattern as a non-deterministic automaton, whose sets of states become a deterministic one as texts need them.
///
/// The table of the deterministic one is bounded; when it is full it starts over.
final class PatternProgram: Sendable {
    private enum Step: Sendable {
        case scalar(ScalarClass, next: Int)
        case split(Int, Int)
        case jump(Int)
        case atStart(next: Int)
        case atEnd(next: Int)
        case accept
    }

    private let steps: [Step]
    private let table: Mutex<Table>
    private static let mostSteps = 20_000
    private static let mostStates = 512

    /// The deterministic automaton, as far as it is known.
    private struct Table {
        var states: [[Int]: Int] = [:]
        var sets: [[Int]] = []
        /// By state and ASCII character the next state; -1 where it is not known yet.
        var next: [Int32] = []
        var accepts: [Bool] = []
    }

    init(_ node: PatternNode, _ expression: String) throws(RuleError) {
        var builder = Builder()
        builder.emit(node)
        builder.steps.append(.accept)
        guard !builder.isTooLarge else {
            throw RuleError("the pattern \(expression) is too large once its repeats are written out")
        }
        steps = builder.steps
        table = Mutex(Table())
    }

    private init(_ steps: [Step]) {
        self.steps = steps
        table = Mutex(Table())
    }

    /// The same pattern with a table of its own, for a thread of its own.
    func copy() -> PatternProgram { PatternProgram(steps) }

    private struct Builder {
        var steps: [Step] = []
        var isTooLarge = false

        mutating func emit(_ node: PatternNode) {
            guard steps.count < PatternProgram.mostSteps else {
                isTooLarge = true
                return
            }
            switch node {
            case .empty: break
            case .scalar(let scalars): steps.append(.scalar(scalars, next: steps.count + 1))
            case .sequence(let nodes): for node in nodes { emit(node) }
            case .start: steps.append(.atStart(next: steps.count + 1))
            case .end: steps.append(.atEnd(next: steps.count + 1))
            case .choice(let branches):
                var jumps: [Int] = []
                for (number, branch) in branches.enumerated() {
                    if number == branches.count - 1 {
                        emit(branch)
                    } else {
                        let split = steps.count
                        steps.append(.jump(0))
                        emit(branch)
                        jumps.append(steps.count)
                        steps.append(.jump(0))
                        steps[split] = .split(split + 1, steps.count)
                    }
                }
                for jump in jumps { steps[jump] = .jump(steps.count) }
            case .repeated(let node, let min, let max):
                for _ in 0..<min { emit(node) }
                guard let max else {
                    let split = steps.count
                    steps.append(.jump(0))
                    emit(node)
                    steps.append(.jump(split))
                    steps[split] = .split(split + 1, steps.count)
                    return
                }
                var splits: [Int] = []
                for _ in min..<Swift.max(min, max) {
                    splits.append(steps.count)
                    steps.append(.jump(0))
                    emit(node)
                }
                for split in splits { steps[split] = .split(split + 1, steps.count) }
            }
        }
    }

    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool { table.withLock { matches(text, &$0) } }

    /// The lock is taken once for all that `body` asks.
    func withMatcher(_ body: ((UnsafeBufferPointer<UInt8>) -> Bool) -> Void) {
        table.withLock { table in body { matches($0, &table) } }
    }

    private func matches(_ text: UnsafeBufferPointer<UInt8>, _ table: inout Table) -> Bool {
        if table.sets.isEmpty { _ = state(closure([0], isAtStart: true), &table) }
        var current = 0
        var index = 0
        while true {
            // As far as the table knows the way.
            table.next.withUnsafeBufferPointer { next in
                while index < text.count, text[index] < 0x80 {
                    let known = next[current &* 128 &+ Int(text[index])]
                    if known < 0 { return }
                    current = Int(truncatingIfNeeded: known)
                    index &+= 1
                }
            }
            // Every way out of a state without steps leads back to it.
            if table.sets[current].isEmpty { return false }
            guard index < text.count else { return table.accepts[current] }
            let byte = text[index]
            let (scalar, length) = byte < 0x80 ? (UInt32(byte), 1) : Self.decode(text, index)
            index += length
            let from = current
            let set = advance(table.sets[current], scalar)
            let isFull = table.sets.count >= Self.mostStates && table.states[set] == nil
            if isFull { restart(&table) }
            current = state(set, &table)
            if byte < 0x80, !isFull { table.next[from * 128 + Int(byte)] = Int32(current) }
        }
    }

    private func restart(_ table: inout Table) {
        table = Table()
        _ = state(closure([0], isAtStart: true), &table)
    }

    private func state(_ set: [Int], _ table: inout Table) -> Int {
        if let known = table.states[set] { return known }
        let number = table.sets.count
        table.states[set] = number
        table.sets.append(set)
        // Nothing leads out of a state without steps.
        table.next.append(contentsOf: repeatElement(set.isEmpty ? Int32(number) : -1, count: 128))
        table.accepts.append(accepts(set))
        return number
    }

    private func advance(_ set: [Int], _ scalar: UInt32) -> [Int] {
        var targets: [Int] = []
        for step in set {
            if case .scalar(let scalars, let next) = steps[step], scalars.contains(scalar) { targets.append(next) }
        }
        return closure(targets, isAtStart: false)
    }

    /// Follows all steps that take no character, those at the end of the text excepted.
    private func closure(_ start: [Int], isAtStart: Bool, isAtEnd: Bool = false) -> [Int] {
        var seen = Set<Int>()
        var open = start
        while let step = open.popLast() {
            guard seen.insert(step).inserted else { continue }
            switch steps[step] {
            case .split(let one, let other): open += [one, other]
            case .jump(let next): open.append(next)
            case .atStart(let next): if isAtStart { open.append(next) }
            case .atEnd(let next): if isAtEnd { open.append(next) }
            case .scalar, .accept: break
            }
        }
        return seen.filter {
            switch steps[$0] {
            case .scalar, .accept, .atEnd: true
            default: false
            }
        }.sorted()
    }

    private func accepts(_ set: [Int]) -> Bool {
        closure(set, isAtStart: false, isAtEnd: true).contains {
            if case .accept = steps[$0] { return true }
            return false
        }
    }

    /// The character at an index; what is not UTF-8 is U+FFFD, a byte at a time.
    private static func decode(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> (UInt32, Int) {
        let first = text[index]
        let length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0
        guard length > 0, index + length <= text.count else { return (0xfffd, 1) }
        var value = UInt32(first) & (0x7f >> UInt32(length))
        for offset in 1..<length {
            guard text[index + offset] & 0xc0 == 0x80 else { return (0xfffd, 1) }
            value = value << 6 | UInt32(text[index + offset] & 0x3f)
        }
        return (value, length)
    }
}
