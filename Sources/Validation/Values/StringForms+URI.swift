/// URIs by the grammar of RFC 3986.
extension StringForms {
    /// An absolute URI, perhaps with a fragment. Characters beyond ASCII are taken, as RFC 3987 has them.
    static func isURI(_ field: ArraySlice<UInt8>) -> Bool {
        guard let colon = field.firstIndex(of: UInt8(ascii: ":")), let first = field.first, isLetter(first),
            field[..<colon].allSatisfy({ isAlphanumeric($0) || "+-.".utf8.contains($0) })
        else { return false }
        var rest = field[(colon + 1)...]
        if rest.isEmpty { return false }
        if let hash = rest.firstIndex(of: UInt8(ascii: "#")) {
            guard holds(rest[(hash + 1)...], "!$&'()*+,;=-._~:@/?") else { return false }
            rest = rest[..<hash]
        }
        if let question = rest.firstIndex(of: UInt8(ascii: "?")) {
            guard holds(rest[(question + 1)...], "!$&'()*+,;=-._~:@/?") else { return false }
            rest = rest[..<question]
        }
        if rest.starts(with: "//".utf8) {
            let authority = rest.dropFirst(2).prefix { $0 != UInt8(ascii: "/") }
            guard isAuthority(authority) else { return false }
            rest = rest[authority.endIndex...]
        }
        return holds(rest, "!$&'()*+,;=-._~:@/")
    }

    /// `[user@]host[:port]`, the host a name, an IPv4 address, or an IPv6 or later one in brackets.
    private static func isAuthority(_ authority: ArraySlice<UInt8>) -> Bool {
        var host = authority
        if let at = host.lastIndex(of: UInt8(ascii: "@")) {
            guard holds(host[..<at], "!$&'()*+,;=-._~:") else { return false }
            host = host[(at + 1)...]
        }
        let afterHost =
            host.first == UInt8(ascii: "[")
            ? host.firstIndex(of: UInt8(ascii: "]")) ?? host.startIndex : host.startIndex
        if let colon = host[afterHost...].firstIndex(of: UInt8(ascii: ":")) {
            guard host[(colon + 1)...].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return false }
            host = host[..<colon]
        }
        guard host.first == UInt8(ascii: "[") else { return holds(host, "!$&'()*+,;=-._~") }
        guard host.last == UInt8(ascii: "]"), host.count > 2 else { return false }
        return isAddress(host.dropFirst().dropLast())
    }

    /// An IPv6 address, or `v1.x` of a later version.
    private static func isAddress(_ address: ArraySlice<UInt8>) -> Bool {
        if address.first == UInt8(ascii: "v") || address.first == UInt8(ascii: "V") {
            let parts = address.dropFirst().split(
                separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
            return parts.count == 2 && !parts[0].isEmpty && parts[0].allSatisfy(isHex) && !parts[1].isEmpty
                && holds(parts[1], "!$&'()*+,;=-._~:")
        }
        // At most one `::`, which stands for a group or more.
        let text = Array(address)
        let gaps = text.indices.dropLast().count { text[$0] == 0x3a && text[$0 + 1] == 0x3a }
        guard gaps <= 1 else { return false }
        var groups = 0
        let parts = address.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: true)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard isIPv4(part) else { return false }
                groups += 2
            } else {
                guard part.count <= 4, part.allSatisfy(isHex) else { return false }
                groups += 1
            }
        }
        let edges =
            (text.first == 0x3a && !text.starts(with: "::".utf8))
            || (text.last == 0x3a && !text.reversed().starts(with: "::".utf8))
        return !edges && (gaps == 1 ? groups <= 7 : groups == 8)
    }

    private static func isIPv4(_ text: ArraySlice<UInt8>) -> Bool {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                guard part.count <= 3, part.count == 1 || part.first != 0x30 else { return false }
                return UInt8(String(decoding: part, as: UTF8.self)) != nil
                    && part.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            }
    }

    /// Whether all are letters, digits, these characters, or percent-encoded.
    private static func holds(_ text: ArraySlice<UInt8>, _ others: String) -> Bool {
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < text.endIndex, isHex(text[index + 1]), isHex(text[index + 2]) else { return false }
                index += 3
            } else {
                guard isAlphanumeric(byte) || byte >= 0x80 || others.utf8.contains(byte) else { return false }
                index += 1
            }
        }
        return true
    }
}
