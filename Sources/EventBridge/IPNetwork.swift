import Glibc

/// A block of IPv4 or IPv6 addresses, `10.0.0.0/24` or `2001:db8::/32`.
struct IPNetwork: Sendable, Hashable {
    private let address: [UInt8]
    private let bits: Int

    /// Nil where the address is none or the mask is out of its range.
    init?(address text: String, bits: Int) {
        guard let address = Self.bytes(text), (0...address.count * 8).contains(bits) else { return nil }
        self.address = address
        self.bits = bits
    }

    func contains(_ text: String) -> Bool {
        guard let other = Self.bytes(text), other.count == address.count else { return false }
        for (index, (left, right)) in zip(address, other).enumerated() {
            let rest = bits - index * 8
            guard rest > 0 else { return true }
            let mask: UInt8 = rest >= 8 ? 0xFF : ~(0xFF >> UInt8(rest))
            if left & mask != right & mask { return false }
        }
        return true
    }

    /// The bytes of an address in network order: four or sixteen.
    static func bytes(_ text: String) -> [UInt8]? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: &v4) { Array($0) } }
        var v6 = in6_addr()
        if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: &v6) { Array($0) } }
        return nil
    }
}
