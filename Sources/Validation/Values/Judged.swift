/// What a field turned out to be.
enum Judged: Sendable {
    case missing
    /// Not a value of the column's type.
    case invalid
    /// A value on the column's 64-bit lane (see ``Lane``), where order is the order of the values.
    case lane(Int64)
    /// A value with an order that the lane has no room for.
    case exact(ExactDecimal)
    /// A value without an order: a text, an object.
    case text
}

/// How a type's values lie on a line of 64-bit integers, so that most of them compare as one machine word.
enum Lane: Sendable, Equatable {
    /// value × 10^scale: integers, decimals, days, months, microseconds, truth values.
    case scaled(Int)
    /// A `Double`, its bits turned so that they order as integers.
    case double
    /// No order: texts.
    case none

    init(_ type: ColumnType) {
        switch type.kind {
        case .integer, .date, .year, .yearMonth, .boolean: self = .scaled(0)
        case .decimal: self = .scaled(Lane.decimalScale)
        case .time, .datetime, .duration: self = .scaled(Lane.secondScale)
        case .number: self = .double
        case .string, .uuid, .geopoint, .object, .array, .geojson, .list, .any, .enumeration: self = .none
        }
    }

    static let decimalScale = 8
    static let secondScale = 6

    /// Orders as the doubles do; -0 is 0, and NaN stands above infinity, as it does in SQL engines.
    @inline(__always)
    static func ordered(_ value: Double) -> Int64 {
        if value.isNaN { return .max }
        let bits = Int64(bitPattern: (value == 0 ? 0 : value).bitPattern)
        return bits ^ Int64(bitPattern: UInt64(bitPattern: bits >> 63) >> 1)
    }

    @inline(__always)
    static func double(_ ordered: Int64) -> Double {
        if ordered == .max { return .nan }
        return Double(
            bitPattern: UInt64(bitPattern: ordered ^ Int64(bitPattern: UInt64(bitPattern: ordered >> 63) >> 1)))
    }

    /// The exact value of a position on the lane.
    func exact(_ position: Int64) -> ExactDecimal? {
        switch self {
        case .scaled(let scale): ExactDecimal(Int128(position), scale: scale)
        case .double:
            ExactDecimal(Array(Lane.double(position).description.utf8))
        case .none: nil
        }
    }
}
