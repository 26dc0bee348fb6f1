/// A decimal number of any size, exactly: ±0.d₁d₂d₃… × 10^exponent.
struct ExactDecimal: Sendable, Hashable {
    private(set) var isNegative: Bool
    /// From 0 to 9 each; neither the first nor the last is 0. Zero has none.
    private(set) var digits: [UInt8]
    private(set) var exponent: Int

    static let zero = ExactDecimal(negative: false, digits: [], exponent: 0)

    private init(negative: Bool, digits: [UInt8], exponent: Int) {
        isNegative = negative
        self.digits = digits
        self.exponent = exponent
    }

    /// `unscaled` × 10^-`scale`.
    init(_ unscaled: Int128, scale: Int = 0) {
        var digits: [UInt8] = []
        var rest = unscaled.magnitude
        while rest > 0 {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            digits.append(UInt8(remainder))
            rest = quotient
        }
        digits.reverse()
        self.init(normalising: unscaled < 0, digits, exponent: digits.count - scale)
    }

    /// `digits` with the decimal point after the first `exponent` of them.
    init(normalising negative: Bool, _ digits: [UInt8], exponent: Int) {
        let leading = digits.prefix { $0 == 0 }.count
        var kept = Array(digits[leading...])
        while kept.last == 0 { kept.removeLast() }
        if kept.isEmpty {
            self = .zero
        } else {
            self.init(negative: negative, digits: kept, exponent: exponent - leading)
        }
    }

    /// Reads `[+-]digits[.digits][e[+-]digits]`; nil for anything else.
    ///
    /// At least one digit must stand before or after the point. An exponent beyond ±2³⁰ is refused.
    init?(_ text: some Collection<UInt8>, allowsFraction: Bool = true, allowsExponent: Bool = true) {
        var index = text.startIndex
        var negative = false
        func next() -> UInt8? { index < text.endIndex ? text[index] : nil }
        if let sign = next(), sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            negative = sign == UInt8(ascii: "-")
            index = text.index(after: index)
        }
        var digits: [UInt8] = []
        var point: Int?
        while let byte = next() {
            if byte >= 0x30, byte <= 0x39 {
                digits.append(byte - 0x30)
            } else if byte == UInt8(ascii: "."), point == nil, allowsFraction {
                point = digits.count
            } else {
                break
            }
            index = text.index(after: index)
        }
        guard !digits.isEmpty else { return nil }
        var exponent = point ?? digits.count
        if let byte = next() {
            guard allowsExponent, byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") else { return nil }
            index = text.index(after: index)
            var negativeExponent = false
            if let sign = next(), sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                negativeExponent = sign == UInt8(ascii: "-")
                index = text.index(after: index)
            }
            guard index < text.endIndex else { return nil }
            var power = 0
            while let byte = next() {
                guard byte >= 0x30, byte <= 0x39, power < 1 << 30 else { return nil }
                power = power * 10 + Int(byte - 0x30)
                index = text.index(after: index)
            }
            exponent += negativeExponent ? -power : power
        }
        self.init(normalising: negative, digits, exponent: exponent)
    }

    /// Whether no digit stands after the decimal point.
    var isInteger: Bool { digits.count <= exponent }

    /// The value × 10^`scale` if that is a whole number in range.
    func unscaled(scale: Int) -> Int64? {
        let places = exponent + scale
        guard places >= digits.count, places <= 19 else { return digits.isEmpty ? 0 : nil }
        var value: Int64 = 0
        for place in 0..<places {
            let digit = Int64(place < digits.count ? digits[place] : 0)
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.subtractingReportingOverflow(digit)
            guard !overflow, !carry else { return nil }
            value = sum
        }
        if isNegative { return value }
        let (positive, overflow) = Int64(0).subtractingReportingOverflow(value)
        return overflow ? nil : positive
    }

    /// The value × 10^`scale`, rounded to a whole number, clamped to 64 bits: a bound on that lane.
    func lane(scale: Int, roundedUp: Bool) -> Int64 {
        if let exact = unscaled(scale: scale) { return exact }
        let places = exponent + scale
        if places > 19 { return isNegative ? .min : .max }
        if places <= 0 {
            return isNegative ? (roundedUp ? 0 : -1) : (roundedUp ? 1 : 0)
        }
        let truncated = ExactDecimal(
            normalising: isNegative, Array(digits.prefix(places)), exponent: exponent)
        guard let value = truncated.unscaled(scale: scale) else { return isNegative ? .min : .max }
        if digits.count <= places { return value }
        if isNegative { return roundedUp || value == .min ? value : value - 1 }
        return roundedUp && value < .max ? value + 1 : value
    }

    /// The plain form, without an exponent unless that would be long.
    var text: String {
        if digits.isEmpty { return "0" }
        var text = isNegative ? "-" : ""
        func append(_ part: ArraySlice<UInt8>) {
            for digit in part { text.unicodeScalars.append(Unicode.Scalar(0x30 + digit)) }
        }
        if exponent > 60 || exponent < -30 {
            append(digits[0..<1])
            if digits.count > 1 {
                text += "."
                append(digits[1...])
            }
            return text + "e\(exponent - 1)"
        }
        if exponent <= 0 {
            text += "0." + String(repeating: "0", count: -exponent)
            append(digits[...])
        } else if digits.count <= exponent {
            append(digits[...])
            text += String(repeating: "0", count: exponent - digits.count)
        } else {
            append(digits[..<exponent])
            text += "."
            append(digits[exponent...])
        }
        return text
    }
}

extension ExactDecimal: Comparable {
    static func < (left: ExactDecimal, right: ExactDecimal) -> Bool {
        if left.isNegative != right.isNegative { return left.isNegative }
        return left.isNegative ? right.hasSmallerMagnitude(than: left) : left.hasSmallerMagnitude(than: right)
    }

    private func hasSmallerMagnitude(than other: ExactDecimal) -> Bool {
        if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
        if exponent != other.exponent { return exponent < other.exponent }
        return digits.lexicographicallyPrecedes(other.digits)
    }
}
