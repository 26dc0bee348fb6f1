/// The formats of Table Schema's string type, and the types that are texts of a fixed form.
enum StringForms {
    static func holds(_ format: StringFormat, _ field: ArraySlice<UInt8>) -> Bool {
        switch format {
        case .any: true
        case .email: isEmail(field)
        case .uri: isURI(field)
        case .binary: isBase64(field)
        }
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || isLetter(byte)
    }
    static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
    }

    /// A dot-atom or a quoted local part, then `@`, then host labels (RFC 5322, without comments and folding).
    static func isEmail(_ field: ArraySlice<UInt8>) -> Bool {
        guard let at = field.lastIndex(of: 0x40), field.count <= 320 else { return false }
        let local = field[..<at]
        let host = field[(at + 1)...]
        guard !local.isEmpty, local.count <= 64 else { return false }
        let atomCharacters = Array("!#$%&'*+/=?^_`{|}~-".utf8)
        let isAtom = local.split(separator: 0x2e, omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part.allSatisfy { isAlphanumeric($0) || atomCharacters.contains($0) || $0 >= 0x80 }
        }
        let isQuoted =
            local.count >= 2 && local.first == 0x22 && local.last == 0x22
            && !local.dropFirst().dropLast().contains { $0 == 0x22 || $0 < 0x20 }
        let labels = host.split(separator: 0x2e, omittingEmptySubsequences: false)
        let isHost = labels.allSatisfy { label in
            !label.isEmpty && label.count <= 63 && label.first != 0x2d && label.last != 0x2d
                && label.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 >= 0x80 }
        }
        return (isAtom || isQuoted) && isHost
    }

    static func isBase64(_ field: ArraySlice<UInt8>) -> Bool {
        guard field.count.isMultiple(of: 4) else { return false }
        let padding = field.reversed().prefix { $0 == 0x3d }.count
        return padding <= 2 && field.dropLast(padding).allSatisfy { isAlphanumeric($0) || $0 == 0x2b || $0 == 0x2f }
    }

    static func isHex(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
    }

    /// 8-4-4-4-12 hexadecimal digits (RFC 9562).
    static func isUUID(_ field: ArraySlice<UInt8>) -> Bool {
        guard field.count == 36 else { return false }
        for (offset, byte) in field.enumerated() {
            let isDash = offset == 8 || offset == 13 || offset == 18 || offset == 23
            guard isDash ? byte == 0x2d : isHex(byte) else { return false }
        }
        return true
    }

    /// `lon, lat`, a JSON pair, or an object of `lon` and `lat`; nil if it is none within ±180 and ±90 degrees.
    static func geopoint(
        _ field: ArraySlice<UInt8>, _ format: GeopointFormat
    ) -> (lon: ExactDecimal, lat: ExactDecimal)? {
        let lon: ArraySlice<UInt8>
        let lat: ArraySlice<UInt8>
        switch format {
        case .text:
            let parts = field.split(separator: 0x2c, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            lon = trimmed(parts[0])
            lat = trimmed(parts[1])
        case .array:
            guard case .array(let parts)? = StructuredForms.parse(field)?.content, parts.count == 2,
                let first = coordinate(parts[0]), let second = coordinate(parts[1])
            else { return nil }
            (lon, lat) = (first, second)
        case .object:
            guard let value = StructuredForms.parse(field), case .object(let members) = value.content,
                members.count == 2, let first = value["lon"].flatMap(coordinate),
                let second = value["lat"].flatMap(coordinate)
            else { return nil }
            (lon, lat) = (first, second)
        }
        guard let east = ExactDecimal(lon), let north = ExactDecimal(lat), east <= ExactDecimal(180),
            ExactDecimal(-180) <= east, north <= ExactDecimal(90), ExactDecimal(-90) <= north
        else { return nil }
        return (east, north)
    }

    private static func coordinate(_ value: JSONValue) -> ArraySlice<UInt8>? {
        if case .number(let text) = value.content { return Array(text.utf8)[...] }
        return nil
    }

    private static func trimmed(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var field = field
        while field.first == 0x20 { field.removeFirst() }
        while field.last == 0x20 { field.removeLast() }
        return field
    }
}

/// The types whose values are JSON texts.
enum StructuredForms {
    static func parse(_ field: ArraySlice<UInt8>) -> JSONValue? {
        field.withUnsafeBufferPointer { try? JSONParser.parse($0) }
    }

    /// The items of a list.
    static func items(_ field: ArraySlice<UInt8>, _ delimiter: [UInt8]) -> [ArraySlice<UInt8>] {
        if delimiter.count == 1 { return field.split(separator: delimiter[0], omittingEmptySubsequences: false) }
        var items: [ArraySlice<UInt8>] = []
        var (start, index) = (field.startIndex, field.startIndex)
        while index < field.endIndex {
            if field[index...].starts(with: delimiter) {
                items.append(field[start..<index])
                index += delimiter.count
                start = index
            } else {
                index += 1
            }
        }
        items.append(field[start...])
        return items
    }

    /// How many elements or members a value has; nil if it is none.
    static func count(_ kind: ColumnType.Kind, _ field: UnsafeBufferPointer<UInt8>) -> Int? {
        if case .list(let delimiter, _) = kind { return items(Array(field)[...], delimiter).count }
        switch (try? JSONParser.parse(field))?.content {
        case .array(let elements): return elements.count
        case .object(let members): return Set(members.map { ExactText($0.key) }).count
        default: return nil
        }
    }

    static func holds(_ kind: ColumnType.Kind, _ field: ArraySlice<UInt8>) -> Bool {
        guard let value = parse(field) else { return false }
        switch (kind, value.content) {
        case (.object, .object), (.array, .array): return true
        case (.geojson(let isTopology), .object):
            guard case .string(let type)? = value["type"]?.content else { return false }
            if isTopology { return type == "Topology" && value["objects"] != nil && value["arcs"] != nil }
            return GeoJSON.holds(value, type)
        default: return false
        }
    }
}
