/// A value in a rule, written as its column would write it: `0`, `"0.05"`, `"2013-01-01"`.
///
/// It is kept as text and read as the column's own type, so a bound of a decimal column is as exact as the column. A
/// floating-point literal stands for its shortest decimal form: `0.1` means a tenth.
public struct Literal: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
    /// The lexical form.
    public let text: String

    /// A literal of any lexical form; it is read as the column's type when the rules are compiled.
    public init(_ text: String) { self.text = text }
    /// An integer.
    public init(integerLiteral value: Int) { text = String(value) }
    /// A decimal, by its shortest form.
    public init(floatLiteral value: Double) {
        let shortest = value.description
        text = shortest.hasSuffix(".0") ? String(shortest.dropLast(2)) : shortest
    }
    /// Any lexical form.
    public init(stringLiteral value: String) { text = value }
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { text = value ? "true" : "false" }
}
