import Events

/// Rows under a heading, as wide as they need to be and no wider than the terminal.
struct Table {
    struct Column {
        var title: String
        /// Numbers stand on the right.
        var isNumber = false
        /// The column that gives way when the terminal is narrow.
        var gives = false
    }

    struct Cell: ExpressibleByStringLiteral {
        var text: String
        var colour: Terminal.Colour?

        init(_ text: String, _ colour: Terminal.Colour? = nil) {
            self.text = text
            self.colour = colour
        }

        init(stringLiteral value: String) { text = value }
    }

    var columns: [Column]
    var rows: [[Cell]] = []

    init(_ columns: Column...) { self.columns = columns }

    mutating func add(_ cells: Cell...) { rows.append(cells) }

    /// The lines, for a terminal of the given width.
    func lines(on terminal: Terminal) -> [String] {
        var widths = columns.indices.map { index in
            max(columns[index].title.count, rows.map { $0[index].text.printable.count }.max() ?? 0)
        }
        let total = widths.reduce(0, +) + 2 * (columns.count - 1)
        // Only a person's terminal is narrow; a pipe gets everything.
        if terminal.isInteractive, total > terminal.width, let giving = columns.firstIndex(where: \.gives) {
            widths[giving] = max(widths[giving] - (total - terminal.width), 12)
        }
        func line(_ cells: [Cell]) -> String {
            var parts: [String] = []
            for (index, cell) in cells.enumerated() {
                let fitted = cell.text.fitted(widths[index])
                let isLast = index == cells.count - 1
                let padded =
                    isLast && !columns[index].isNumber
                    ? fitted : fitted.padded(widths[index], right: columns[index].isNumber)
                parts.append(terminal.paint(padded, cell.colour))
            }
            return parts.joined(separator: "  ")
        }
        return [line(columns.map { Cell($0.title, .grey) })] + rows.map(line)
    }

    func print(on terminal: Terminal = .output) {
        for line in lines(on: terminal) where !terminal.line(line) { return }
    }
}
