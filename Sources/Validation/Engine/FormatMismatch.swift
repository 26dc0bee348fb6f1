/// Tells a file that is not of its format from one that merely departs from it, so that it gives one finding and not one
/// a row.
enum FormatMismatch {
    /// By its first bytes, what a file is instead of text in UTF-8; nil if it may be that.
    static func encoding(_ block: Block) -> String? {
        let head = Array(UnsafeBufferPointer(start: block.base, count: min(block.count, 64)))
        func starts(_ bytes: [UInt8]) -> Bool { head.starts(with: bytes) }
        if starts([0xff, 0xfe, 0, 0]) || starts([0, 0, 0xfe, 0xff]) { return "UTF-32 text; expected UTF-8" }
        if starts([0xff, 0xfe]) || starts([0xfe, 0xff]) { return "UTF-16 text; expected UTF-8" }
        // Text in UTF-16 without a mark: Latin letters, every other byte 0.
        if head.count >= 8 {
            let pairs = head.prefix(head.count & ~1)
            let even = stride(from: 0, to: pairs.count, by: 2).count { pairs[$0] == 0 }
            let odd = stride(from: 1, to: pairs.count, by: 2).count { pairs[$0] == 0 }
            let half = pairs.count / 2
            if (odd * 8 >= half * 7 && even == 0) || (even * 8 >= half * 7 && odd == 0) {
                return "UTF-16 text; expected UTF-8"
            }
        }
        let magics: [([UInt8], String)] = [
            (Array("PAR1".utf8), "a Parquet file"), (Array("ORC".utf8) + [0], "an ORC file"),
            (Array("Obj".utf8) + [1], "an Avro file"), ([0x50, 0x4b, 0x03, 0x04], "a zip archive, or a spreadsheet"),
            ([0xd0, 0xcf, 0x11, 0xe0], "an old Office document"), ([0x1f, 0x8b], "gzip data"),
            ([0x28, 0xb5, 0x2f, 0xfd], "zstd data"), (Array("BZh".utf8), "bzip2 data"),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz data"), (Array("SQLite format 3".utf8), "a SQLite database"),
            (Array("%PDF-".utf8), "a PDF document"), (Array("ARROW1".utf8), "an Arrow file"),
        ]
        return magics.first { starts($0.0) }?.1
    }

    /// What delimited text seems to be when its header has none of the declared columns.
    static func delimited(_ header: [String], _ dialect: CompiledDialect, _ block: Block) -> String? {
        guard let first = firstCharacter(block) else { return nil }
        let isJSON = first.byte == UInt8(ascii: "{") || first.byte == UInt8(ascii: "[")
        if isJSON { return first.byte == UInt8(ascii: "[") ? "a JSON array" : "JSON" }
        if first.byte == UInt8(ascii: "<") { return "HTML or XML" }
        guard header.count == 1, let line = header.first else { return nil }
        for (byte, name) in [(0x2c, "commas"), (0x09, "tabs"), (0x3b, "semicolons"), (0x7c, "bars")]
            as [(UInt8, String)]
        where byte != dialect.delimiter && line.utf8.contains(byte) {
            return "values separated by \(name)"
        }
        return nil
    }

    /// What JSON seems to be by its first character.
    static func json(isArray: Bool, _ block: Block) -> String? {
        guard let first = firstCharacter(block) else { return nil }
        if isArray {
            // Two objects on two lines are JSON Lines; one alone is left to the reader of arrays.
            return nil
        }
        if first.byte == UInt8(ascii: "[") { return "a JSON array; expected one object a line" }
        return nil
    }

    private static func firstCharacter(_ block: Block) -> (byte: UInt8, index: Int)? {
        var index = block.count >= 3 && block.base[0] == 0xef && block.base[1] == 0xbb && block.base[2] == 0xbf ? 3 : 0
        while index < block.count {
            let byte = block.base[index]
            if byte != 0x20, byte != 0x09, byte != 0x0a, byte != 0x0d { return (byte, index) }
            index += 1
        }
        return nil
    }
}
