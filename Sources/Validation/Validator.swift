/// Runs a rule set over files. Compile it once; it can be used from any thread.
public struct Validator: Sendable {
    let plan: Plan

    /// Compiles the rules; throws ``RuleError`` for the first that contradicts another or itself.
    public init(_ rules: RuleSet) throws(RuleError) { plan = try Plan(rules) }

    /// What the rules need of other objects.
    public var references: [Reference] { plan.references }

    /// Validates bytes as they are pulled. Throws only what the closures throw; bad data is a finding, not an error.
    ///
    /// - Parameters:
    ///   - pull: Fills the buffer and returns how many bytes it wrote; 0 is the end.
    ///   - references: Gives the columns of another object; called once for each ``Reference``. One whose object is empty
    ///     wants the table's own bytes, read from their start.
    ///   - quarantine: Gets the header and every rejected row as they stand in the file, in the file's order: what it got is
    ///     a file of the same format.
    ///   - accepted: Gets the header and every row that is not rejected, likewise.
    ///   - progress: Called after every block with the bytes read so far.
    public func validate(
        pull: (UnsafeMutableRawBufferPointer) throws -> Int,
        references: (Reference) throws -> ReferenceColumns = Validator.noReferences,
        options: ValidationOptions = ValidationOptions(),
        quarantine: ((UnsafeRawBufferPointer) throws -> Void)? = nil,
        accepted: ((UnsafeRawBufferPointer) throws -> Void)? = nil,
        progress: ((Int) -> Void)? = nil
    ) throws -> ValidationReport {
        try withoutActuallyEscaping(pull) {
            try validate(.pull($0), references, options, quarantine, accepted, progress)
        }
    }

    /// Validates bytes in memory: a mapped file, say. Nothing of it is copied but its last block. References to the table
    /// itself are read from the same bytes.
    public func validate(
        bytes: UnsafeRawBufferPointer,
        references: (Reference) throws -> ReferenceColumns = Validator.noReferences,
        options: ValidationOptions = ValidationOptions(),
        quarantine: ((UnsafeRawBufferPointer) throws -> Void)? = nil,
        accepted: ((UnsafeRawBufferPointer) throws -> Void)? = nil,
        progress: ((Int) -> Void)? = nil
    ) throws -> ValidationReport {
        try validate(
            .bytes(bytes),
            { try $0.object.isEmpty ? ReferenceColumns($0, bytes: bytes) : references($0) }, options, quarantine,
            accepted, progress)
    }

    private func validate(
        _ source: ByteSource, _ references: (Reference) throws -> ReferenceColumns, _ options: ValidationOptions,
        _ quarantine: ((UnsafeRawBufferPointer) throws -> Void)?,
        _ accepted: ((UnsafeRawBufferPointer) throws -> Void)?, _ progress: ((Int) -> Void)?
    ) throws -> ValidationReport {
        var run = ValidationRun(plan, options, try plan.references.map(references))
        run.quarantine = quarantine.map { RowCopy(plan.format, $0) }
        run.accepted = accepted.map { RowCopy(plan.format, $0) }
        run.progress = progress
        return try run.run(source)
    }

    /// Stands in where no rule refers to another object.
    public static func noReferences(_ reference: Reference) throws -> ReferenceColumns {
        throw RuleError(
            "a rule refers to \(reference.shown), and nothing was given to read it with", line: reference.line)
    }
}
