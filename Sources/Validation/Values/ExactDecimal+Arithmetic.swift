/// The little arithmetic that rules about a whole file need.
extension ExactDecimal {
    /// Sums of values farther apart than this many decimal places are not taken.
    static let widestSum = 10_000

    /// The value × 10^`places`.
    func shifted(by places: Int) -> ExactDecimal {
        digits.isEmpty ? self : ExactDecimal(normalising: isNegative, digits, exponent: exponent + places)
    }

    /// The value × a number that is not negative.
    func times(_ factor: Int) -> ExactDecimal {
        var product: [UInt8] = []
        var carry: UInt128 = 0
        for digit in digits.reversed() {
            carry += UInt128(digit) * UInt128(factor.magnitude)
            product.append(UInt8(carry % 10))
            carry /= 10
        }
        while carry > 0 {
            product.append(UInt8(carry % 10))
            carry /= 10
        }
        product.reverse()
        return ExactDecimal(
            normalising: isNegative != (factor < 0), product, exponent: exponent + product.count - digits.count)
    }

    /// The sum; nil if the two lie more than ``widestSum`` decimal places apart.
    func adding(_ other: ExactDecimal) -> ExactDecimal? {
        if digits.isEmpty { return other }
        if other.digits.isEmpty { return self }
        let top = Swift.max(exponent, other.exponent)
        let bottom = Swift.min(exponent - digits.count, other.exponent - other.digits.count)
        guard top - bottom <= Self.widestSum else { return nil }
        let width = top - bottom
        var sum = [Int](repeating: 0, count: width + 1)
        for value in [self, other] {
            let start = top - value.exponent + 1
            for (place, digit) in value.digits.enumerated() {
                sum[start + place] += value.isNegative ? -Int(digit) : Int(digit)
            }
        }
        func carried(_ places: [Int]) -> (digits: [Int], isNegative: Bool) {
            var places = places
            for place in stride(from: places.count - 1, to: 0, by: -1) {
                let carry = places[place] >= 0 ? places[place] / 10 : (places[place] - 9) / 10
                places[place] -= carry * 10
                places[place - 1] += carry
            }
            return (places, places[0] < 0)
        }
        var (places, isBelowZero) = carried(sum)
        if isBelowZero { places = carried(sum.map { -$0 }).digits }
        return ExactDecimal(normalising: isBelowZero, places.map { UInt8($0) }, exponent: width + 1 + bottom)
    }

    /// The quotient by a positive number, cut to so many decimal places.
    func divided(by divisor: Int, places: Int) -> ExactDecimal {
        var quotient: [UInt8] = []
        var rest: UInt128 = 0
        let wanted = exponent + places
        guard wanted > 0, wanted < 1 << 20 else { return .zero }
        for place in 0..<wanted {
            rest = rest * 10 + (place < digits.count ? UInt128(digits[place]) : 0)
            quotient.append(UInt8(rest / UInt128(divisor.magnitude)))
            rest %= UInt128(divisor.magnitude)
        }
        return ExactDecimal(normalising: isNegative, quotient, exponent: exponent)
    }

    /// Whether the value is a whole multiple of another, which has at most 18 digits; nil if it has more, or is 0.
    func isMultiple(of divisor: ExactDecimal) -> Bool? {
        guard !divisor.digits.isEmpty, divisor.digits.count <= 18 else { return nil }
        if digits.isEmpty { return true }
        // value = a × 10^p, divisor = b × 10^q, neither a nor b ends in 0.
        let shift = (exponent - digits.count) - (divisor.exponent - divisor.digits.count)
        guard shift >= 0 else { return false }
        let modulus = divisor.digits.reduce(UInt128(0)) { $0 * 10 + UInt128($1) }
        var rest = digits.reduce(UInt128(0)) { ($0 * 10 + UInt128($1)) % modulus }
        var power = shift
        var base = 10 % modulus
        while power > 0 {
            if power & 1 == 1 { rest = rest * base % modulus }
            base = base * base % modulus
            power >>= 1
        }
        return rest == 0
    }
}
