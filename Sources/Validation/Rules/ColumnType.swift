/// What the values of a column are, and how they are written.
///
/// The lexical forms are those of Table Schema (https://specs.frictionlessdata.io/table-schema/ and
/// https://datapackage.org/standard/table-schema/). Only ``number`` passes through a binary floating-point value; all else
/// is exact.
public struct ColumnType: Sendable, Equatable {
    var kind: Kind

    enum Kind: Sendable, Equatable {
        case string(StringFormat)
        case integer(NumberFormat)
        case decimal(NumberFormat)
        case number(NumberFormat)
        case boolean(BooleanFormat)
        case date(TemporalFormat)
        case time(TemporalFormat)
        case datetime(TemporalFormat)
        case year
        case yearMonth
        case duration
        case uuid
        case geopoint(GeopointFormat)
        case object
        case array
        case geojson(topology: Bool)
        case list(delimiter: [UInt8], item: ListItem)
        case enumeration([String])
        case any
    }

    /// Any text.
    public static let string = ColumnType(kind: .string(.any))
    /// An e-mail address.
    public static let email = ColumnType(kind: .string(.email))
    /// An absolute URI.
    public static let uri = ColumnType(kind: .string(.uri))
    /// Base64 text.
    public static let binary = ColumnType(kind: .string(.binary))
    /// A UUID in its canonical 8-4-4-4-12 form.
    public static let uuid = ColumnType(kind: .uuid)
    /// A whole number of any size.
    public static let integer = ColumnType(kind: .integer(NumberFormat()))
    /// An exact decimal number of any size, with an optional exponent: money.
    public static let decimal = ColumnType(kind: .decimal(NumberFormat()))
    /// A binary floating-point number, `NaN`, `INF` and `-INF` included.
    public static let number = ColumnType(kind: .number(NumberFormat()))
    /// `true`, `True`, `TRUE`, `1` or `false`, `False`, `FALSE`, `0`.
    public static let boolean = ColumnType(kind: .boolean(BooleanFormat()))
    /// An ISO 8601 date, `2013-01-31`.
    public static let date = ColumnType(kind: .date(.iso))
    /// An ISO 8601 time of day, `23:59:59`, with optional fractions of a second and an optional zone.
    public static let time = ColumnType(kind: .time(.iso))
    /// An ISO 8601 date and time, `2013-01-31T23:59:59Z`, with optional fractions and an optional zone.
    public static let datetime = ColumnType(kind: .datetime(.iso))
    /// A year, `2013`.
    public static let year = ColumnType(kind: .year)
    /// A month of a year, `2013-01`.
    public static let yearMonth = ColumnType(kind: .yearMonth)
    /// An ISO 8601 duration, `P1Y2M3DT10H30M`.
    public static let duration = ColumnType(kind: .duration)
    /// A longitude and a latitude, `90.50, 45.50`.
    public static let geopoint = ColumnType(kind: .geopoint(.text))
    /// A JSON object.
    public static let object = ColumnType(kind: .object)
    /// A JSON array.
    public static let array = ColumnType(kind: .array)
    /// A GeoJSON object.
    public static let geojson = ColumnType(kind: .geojson(topology: false))
    /// Anything at all.
    public static let any = ColumnType(kind: .any)

    /// A date in a pattern of `strptime`: `.date("%d/%m/%Y")`.
    public static func date(_ pattern: String) -> ColumnType { ColumnType(kind: .date(.pattern(pattern))) }
    /// A time of day in a pattern of `strptime`.
    public static func time(_ pattern: String) -> ColumnType { ColumnType(kind: .time(.pattern(pattern))) }
    /// A date and time in a pattern of `strptime`: `.datetime("%Y-%m-%d %H:%M:%S")`.
    public static func datetime(_ pattern: String) -> ColumnType { ColumnType(kind: .datetime(.pattern(pattern))) }
    /// Truth values of the file's own: `.boolean(true: ["Y"], false: ["N"])`.
    public static func boolean(true trueValues: [String], false falseValues: [String]) -> ColumnType {
        ColumnType(kind: .boolean(BooleanFormat(trueValues: trueValues, falseValues: falseValues)))
    }
    /// A whole number with a grouping character or with text around it (`bareNumber: false`): `1,000 km`.
    public static func integer(groupChar: Character? = nil, bareNumber: Bool = true) -> ColumnType {
        ColumnType(kind: .integer(NumberFormat(groupChar: groupChar, bareNumber: bareNumber)))
    }
    /// A decimal number with other characters: `.decimal(decimalChar: ",", groupChar: ".")` reads `1.234,50`.
    public static func decimal(
        decimalChar: Character = ".", groupChar: Character? = nil, bareNumber: Bool = true
    ) -> ColumnType {
        ColumnType(
            kind: .decimal(NumberFormat(decimalChar: decimalChar, groupChar: groupChar, bareNumber: bareNumber)))
    }
    /// A floating-point number with other characters.
    public static func number(
        decimalChar: Character = ".", groupChar: Character? = nil, bareNumber: Bool = true
    ) -> ColumnType {
        ColumnType(kind: .number(NumberFormat(decimalChar: decimalChar, groupChar: groupChar, bareNumber: bareNumber)))
    }

    /// One of these texts: `.enum("EWR", "JFK", "LGA")`.
    public static func `enum`(_ values: String...) -> ColumnType { ColumnType(kind: .enumeration(values)) }
    /// One of these texts.
    public static func `enum`(_ values: [String]) -> ColumnType { ColumnType(kind: .enumeration(values)) }
    /// Items of one type in one field: `.list(of: .integer, delimiter: ";")`. The item may be a string, an integer, a
    /// number, a boolean, a date, a time or a datetime in its plain form; other types are taken as strings.
    public static func list(of item: ColumnType = .string, delimiter: String = ",") -> ColumnType {
        let kind: ListItem =
            switch item.kind {
            case .integer: .integer
            case .number, .decimal: .number
            case .boolean: .boolean
            case .date: .date
            case .time: .time(.iso)
            case .datetime: .datetime
            default: .string
            }
        return ColumnType(kind: .list(delimiter: Array((delimiter.isEmpty ? "," : delimiter).utf8), item: kind))
    }

    /// The name that Table Schema gives the type.
    public var name: String {
        switch kind {
        case .string: "string"
        case .integer: "integer"
        case .decimal: "decimal"
        case .number: "number"
        case .boolean: "boolean"
        case .date: "date"
        case .time: "time"
        case .datetime: "datetime"
        case .year: "year"
        case .yearMonth: "yearmonth"
        case .duration: "duration"
        case .uuid: "uuid"
        case .geopoint: "geopoint"
        case .object: "object"
        case .array: "array"
        case .geojson: "geojson"
        case .list: "list"
        case .enumeration: "enum"
        case .any: "any"
        }
    }
}

enum StringFormat: Sendable, Equatable { case any, email, uri, binary }

enum GeopointFormat: Sendable, Equatable { case text, array, object }

enum ListItem: Sendable, Equatable {
    case string, integer, boolean, number, datetime, date
    case time(TemporalFormat)
}

struct NumberFormat: Sendable, Equatable {
    var decimalChar: Character = "."
    var groupChar: Character?
    var bareNumber = true

    var isPlain: Bool { decimalChar == "." && groupChar == nil && bareNumber }
}

struct BooleanFormat: Sendable, Equatable {
    var trueValues = ["true", "True", "TRUE", "1"]
    var falseValues = ["false", "False", "FALSE", "0"]
}

enum TemporalFormat: Sendable, Equatable {
    /// ISO 8601, strictly.
    case iso
    /// A time of day to the second, `hh:mm:ss`, and nothing else: what version 2 of Table Schema has.
    case seconds
    /// Any of the forms that people write, first match wins.
    case any
    /// A pattern of `strptime`.
    case pattern(String)
}
