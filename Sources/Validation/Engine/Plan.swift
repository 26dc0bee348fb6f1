/// A rule set, compiled: what the engine runs.
struct Plan: Sendable {
    var table: String
    var format: Format
    var dialect: CompiledDialect?
    var columns: [ColumnPlan] = []
    /// The same, once all of them are made.
    var made = ColumnPlans([])
    var checks: [CheckPlan] = []
    var keys: [KeyPlan] = []
    var foreignKeys: [ForeignKeyPlan] = []
    var compares: [ComparePlan] = []
    var rowRules: [RowRulePlan] = []
    var fileRules: [FileRulePlan] = []
    var references: [Reference] = []
    /// The check of each departure.
    private var departureChecks = [Int?](repeating: nil, count: Departure.allCases.count)
    var missingColumnCheck = 0
    /// Reads what others refer to: values of type `any` are then compared as they are written, so that a table of one
    /// format may refer to one of another.
    var isReference = false
    var needsAnyColumn = false
    var columnIndex: [ExactText: Int] = [:]
    /// How many columns are declared by a name.
    var namesakes: [ExactText: Int] = [:]
    /// By column, how many of its name are declared before it, if any.
    var repeats: [Int: Int] = [:]
    /// By column, the texts that stand for a missing value.
    var markers: [ExactText: [String]] = [:]

    func check(of departure: Departure) -> Int? { departureChecks[departure.number] }

    mutating func set(_ check: Int, of departure: Departure) { departureChecks[departure.number] = check }
}

/// Plans of columns, read where they are: a copy of one counts dozens of references.
///
/// Sendable without the compiler's proof: what it points to is never written after `init`.
final class ColumnPlans: @unchecked Sendable {
    /// By column; valid as long as this is.
    let first: UnsafePointer<ColumnPlan>
    private let plans: UnsafeMutablePointer<ColumnPlan>
    private let count: Int

    init(_ columns: [ColumnPlan]) {
        count = columns.count
        plans = .allocate(capacity: max(1, count))
        plans.initialize(from: columns, count: count)
        first = UnsafePointer(plans)
    }

    deinit {
        plans.deinitialize(count: count)
        plans.deallocate()
    }
}

struct CheckPlan: Sendable {
    var rule: String
    var name: String
    var columns: [String]
    var consequence: Consequence
    /// Whether a row that breaks it is rejected.
    var rejectsRow: Bool
    /// Shown only when it was broken.
    var isQuiet = false
}

struct ColumnPlan: Sendable {
    enum Fast: Sendable {
        case integer, decimal, date
        /// `zone` is one of `CSCAN_ANY_ZONE` and the like.
        case datetime(separator: UInt8, zone: UInt8)
        case text
        /// Every field through ``FieldReader``.
        case none
    }

    struct Bound: Sendable {
        var check: Int
        var kind: Column.Constraint.Bound
        /// Nil for infinity, which values of a column of doubles alone are held against, all of them on the lane.
        var exact: ExactDecimal?
        /// The lane's positions that keep to it.
        var low: Int64
        var high: Int64
    }

    struct Members: Sendable {
        var check: Int
        var texts = TextSet([])
        var positions: Set<Int64> = []
        var exacts: Set<ExactDecimal> = []
    }

    var name: String
    var type: ColumnType
    var lane: Lane
    var reader: FieldReader
    var fast: Fast
    var isOptional: Bool
    var missing: TextSet
    var missingEmpty: Bool
    var typeCheck: Int
    var requiredCheck: Int?
    var bounds: [Bound] = []
    /// Positions within keep to every bound.
    var low = Int64.min
    var high = Int64.max
    var lengths: [(check: Int, min: Int, max: Int)] = []
    var patterns: [(check: Int, pattern: Pattern)] = []
    var members: [Members] = []
    var references: [(check: Int, reference: Int)] = []
    var customs: [(check: Int, holds: @Sendable (String) -> Bool)] = []
    /// Rules over what is in a value: its elements, its members.
    var contents: [(check: Int, holds: @Sendable (UnsafeBufferPointer<UInt8>) -> Bool)] = []

    var needsText: Bool {
        !lengths.isEmpty || !patterns.isEmpty || !customs.isEmpty || !contents.isEmpty
            || (lane == .none && (!members.isEmpty || !references.isEmpty))
    }
}

struct KeyPlan: Sendable {
    var check: Int
    var columns: [Int]

    /// Whether its words are those of one column of texts.
    func isText(in plan: Plan) -> Bool { columns.count == 1 && plan.columns[columns[0]].lane == .none }
}
struct ForeignKeyPlan: Sendable { var check: Int; var columns: [Int]; var reference: Int }
struct ComparePlan: Sendable { var check: Int; var left: Int; var right: Int; var comparison: Comparison }
struct RowRulePlan: Sendable { var check: Int; var holds: @Sendable (Row) -> Bool }
struct FileRulePlan: Sendable {
    var check: Int
    var kind: TableRule.Kind
    /// The column it is about.
    var column: Int?
    var low: ExactDecimal?
    var high: ExactDecimal?
    /// Positions of the lane within the bounds, for quantiles.
    var laneLow = Int64.min
    var laneHigh = Int64.max
}
