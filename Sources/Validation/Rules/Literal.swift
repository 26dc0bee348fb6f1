/// A value in a rule, written as its column would write it: `0`, `"0.05"`, `"2013-01-01"`.
///
/// It is kept as text and read as the column's own type, so a bound of a decimal column is as exact as the column. A
/// floating-point literal stands for its shortest decimal form: `0.1` means a tenth. A number written without quotes is
/// read as a plain number whatever the column's decimal and grouping characters are, and `true` and `false` stand for the
/// column's own truth values.
public struct Literal: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
    /// How the literal was written.
    enum Form: Sendable { case text, number, boolean }

    /// The lexical form.
    public let text: String
    let form: Form

    /// A literal of any lexical form; it is read as the column's type when the rules are compiled.
    public init(_ text: String) { self.init(text, .text) }
    init(_ text: String, _ form: Form) {
        self.text = text
        self.form = form
    }
    /// An integer.
    public init(integerLiteral value: Int) { self.init(String(value), .number) }
    /// A decimal, by its shortest form.
    public init(floatLiteral value: Double) {
        let shortest = value.description
        self.init(shortest.hasSuffix(".0") ? String(shortest.dropLast(2)) : shortest, .number)
    }
    /// Any lexical form.
    public init(stringLiteral value: String) { self.init(value, .text) }
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self.init(value ? "true" : "false", .boolean) }
}
