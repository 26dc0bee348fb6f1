import Events

/// A chart of values over time, drawn with block characters: eight levels a line.
struct Plot {
    var title: String
    var points: [(time: Timestamp, value: Double)]
    var from: Timestamp
    var to: Timestamp
    var height = 8

    /// The lines of the chart, `width` columns in all. Where several points share a column, the largest is drawn.
    func lines(width: Int) -> [String] {
        guard !points.isEmpty else { return [title, "(no data)"] }
        let top = max(points.map(\.value).max() ?? 0, 0)
        let bottom = min(points.map(\.value).min() ?? 0, 0)
        let labels = [Self.number(top), Self.number((top + bottom) / 2), Self.number(bottom)]
        let margin = labels.map(\.count).max() ?? 1
        let columns = max(width - margin - 3, 10)
        var values = [Double?](repeating: nil, count: columns)
        let span = max((to - from).milliseconds, 1)
        for point in points {
            let place = Int((point.time - from).milliseconds * Int64(columns) / span)
            guard (0...columns).contains(place) else { continue }
            let column = min(place, columns - 1)
            values[column] = max(values[column] ?? -.infinity, point.value)
        }
        let range = top > bottom ? top - bottom : 1
        let blocks = Array(" ▁▂▃▄▅▆▇█")
        var lines = [title]
        for row in (0..<height).reversed() {
            var line = ""
            for value in values {
                guard let value else {
                    line += " "
                    continue
                }
                // A point at the bottom still shows as the thinnest block: no data and zero are not the same.
                let filled = max((value - bottom) / range * Double(height * 8), 1)
                line.append(blocks[min(max(Int(filled.rounded()) - row * 8, 0), 8)])
            }
            let label = row == height - 1 ? labels[0] : row == height / 2 ? labels[1] : row == 0 ? labels[2] : ""
            lines.append(label.padded(margin, right: true) + " ┤" + line.trimmedRight)
        }
        let left = Self.clock(from)
        let right = Self.clock(to)
        lines.append(
            String(repeating: " ", count: margin) + " └" + String(repeating: "─", count: columns))
        lines.append(
            String(repeating: " ", count: margin + 2) + left
                + String(repeating: " ", count: max(columns - left.count - right.count, 1)) + right)
        return lines
    }

    private static func clock(_ time: Timestamp) -> String { String(time.iso8601.dropFirst(11).prefix(8)) + "Z" }

    /// A number in at most about seven characters.
    static func number(_ value: Double) -> String {
        switch abs(value) {
        case 1_000_000_000...: return decimals(value / 1_000_000_000, 1) + "G"
        case 1_000_000...: return decimals(value / 1_000_000, 1) + "M"
        case 10000...: return decimals(value / 1000, 1) + "k"
        case 100...: return decimals(value, 0)
        case 1...: return decimals(value, 2)
        case 0: return "0"
        default: return decimals(value, 4)
        }
    }

    /// Fixed decimals without trailing zeros.
    static func decimals(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard abs(scaled) < 9e15 else { return "\(value)" }
        let whole = Int64(abs(scaled)) / Int64(scale)
        let fraction = Int64(abs(scaled)) % Int64(scale)
        var text = (scaled < 0 ? "-" : "") + "\(whole)"
        if fraction > 0 {
            var tail = String(repeating: "0", count: digits - "\(fraction)".count) + "\(fraction)"
            while tail.hasSuffix("0") { tail.removeLast() }
            text += "." + tail
        }
        return text
    }
}

extension String {
    fileprivate var trimmedRight: String {
        var text = self
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}
