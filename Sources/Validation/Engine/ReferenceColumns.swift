import CScan
import Synchronization

/// The values of columns of another object, ready to be looked up.
///
/// Sendable without the compiler's proof: it is filled before anyone else sees it, and never changed after.
public final class ReferenceColumns: @unchecked Sendable {
    private let keys: KeySet
    private let bitmap: WordBitmap?
    private let texts: WordTable?

    /// Reads the columns out of the object's bytes. Without a format, it follows from the object's suffix, or is CSV.
    ///
    /// Throws ``RuleError`` if the object lacks one of the columns, and what `pull` throws.
    public convenience init(
        _ reference: Reference, format: Format? = nil, pull: (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws {
        try self.init(reference, format) { run in
            try withoutActuallyEscaping(pull) { try run(.pull($0)) }
        }
    }

    /// Reads the columns out of bytes in memory.
    public convenience init(_ reference: Reference, format: Format? = nil, bytes: UnsafeRawBufferPointer) throws {
        try self.init(reference, format) { run in try run(.bytes(bytes)) }
    }

    private init(
        _ reference: Reference, _ format: Format?, _ read: ((ByteSource) throws -> Void) throws -> Void
    ) throws {
        let types = reference.types.isEmpty ? reference.columns.map { _ in ColumnType.string } : reference.types
        let format = format ?? reference.own?.format ?? Format(key: reference.object) ?? .csv
        let rules = RuleSet(reference.object, format: format) {
            for (place, (name, type)) in zip(reference.columns, types).enumerated() {
                Column(name, type).missing(reference.own?.missing[place])
            }
            UniqueKey(columns: reference.columns)
        }
        var plan = try Plan(rules)
        plan.isReference = true
        let isText = plan.keys[0].isText(in: plan)
        let keys = KeySet(isText: isText)
        try read { [plan] source in
            var run = ValidationRun(plan, ValidationOptions(offenders: 1), [])
            run.keySets = [keys]
            let report = try run.run(source)
            var ends: [Departure] = [.wrongFormat, .unterminatedQuote, .rowTooLong]
            // Within an array reading ends there; a line is but one row.
            if format.kind == .jsonArray { ends.append(.malformedJSON) }
            for departure in ends {
                guard let check = report.checks.first(where: { $0.rule == departure.rawValue && $0.count > 0 }) else {
                    continue
                }
                let seen = departure == .wrongFormat ? check.offenders.first.map { ": \($0.value)" } ?? "" : ""
                throw reference.error("can't be read to its end: \(departure.rawValue)\(seen)")
            }
            if let missing = report.checks.first(where: { $0.rule == "missing-column" }), missing.count > 0 {
                let names = reference.columns.filter { name in !report.columns.contains { $0.name.isExactly(name) } }
                throw reference.error("has no column \(names.joined(separator: ", "))")
            }
        }
        self.keys = keys
        bitmap = isText ? nil : keys.wordView.flatMap { WordBitmap($0) }
        texts = isText ? keys.wordView.flatMap { WordTable($0) } : nil
    }

    /// How many different values, or rows of values, there are.
    public var count: Int { keys.count }

    var wordView: WordSet? { keys.wordView }
    var bitmapView: WordBitmap.View? { bitmap?.view }
    /// The short texts, where the one column has texts and few of those; there may be longer ones.
    var textTable: UnsafePointer<cscan_table>? { texts?.view }

    @inline(__always)
    func contains(position: Int64) -> Bool { keys.contains(word: UInt64(bitPattern: position)) }

    func contains(_ value: ExactDecimal) -> Bool {
        var print = Fingerprint()
        print.add(2)
        Array(value.text.utf8).withUnsafeBufferPointer { print.add($0) }
        return keys.contains(print)
    }

    /// Whether the one column has a text; readable eight bytes on.
    @inline(__always)
    func contains(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        if let key = Key(text: text) { return contains(key) }
        var print = Fingerprint()
        print.add(text)
        return keys.contains(print)
    }

    @inline(__always)
    func contains(_ key: Key) -> Bool {
        switch key {
        case .word(let word): keys.contains(word: word)
        case .wide(let wide): keys.contains(wide)
        case .print(let print): keys.contains(print)
        }
    }
}

/// Keeps the columns of other objects while their version stands, so that a warm function reads them once.
public final class ReferenceCache: Sendable {
    private let entries = Mutex<[Reference: (version: String, columns: ReferenceColumns)]>([:])

    /// An empty cache.
    public init() {}

    /// The columns that a rule wants, read anew if the object's version (its `eTag`, say) is another than last time.
    ///
    /// `open` gives the closure that the bytes are pulled from; it and `format` are asked only if they are needed.
    public func columns(
        _ reference: Reference, version: String, format: @autoclosure () throws -> Format? = nil,
        open: () throws -> (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws -> ReferenceColumns {
        if let known = entries.withLock({ $0[reference] }), known.version == version { return known.columns }
        let pull = try open()
        let columns = try ReferenceColumns(reference, format: try format(), pull: pull)
        entries.withLock { $0[reference] = (version, columns) }
        return columns
    }
}
