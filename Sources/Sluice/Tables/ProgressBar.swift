import Glibc

/// How far a long reading is, on one line of a terminal that is drawn over; nothing where nobody looks.
struct ProgressBar {
    private let name: String
    private let total: Int64?
    private let begin = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    private let terminal = Terminal.error
    /// A reading that is over sooner needs no bar.
    private static let patience = Duration.milliseconds(300)
    private static let interval = Duration.milliseconds(100)

    /// `total` in bytes as stored, where it is known.
    init(_ name: String, total: Int64?) {
        self.name = name
        self.total = total
    }

    /// Draws the line anew, at most ten times a second.
    mutating func show(_ done: Int64) {
        let now = ContinuousClock.now
        guard terminal.isInteractive, now - begin > Self.patience, drawn.map({ now - $0 > Self.interval }) ?? true
        else {
            return
        }
        drawn = now
        terminal.write(
            "\r\u{1B}[K" + Self.line(name, done, total, seconds: (now - begin).inSeconds).fitted(terminal.width - 1))
    }

    /// Takes the line away.
    func close() { if drawn != nil { terminal.write("\r\u{1B}[K") } }

    /// `flights.csv  ████████░░░░  61 %  412.0 MB/s  3 s left`
    static func line(_ name: String, _ done: Int64, _ total: Int64?, seconds: Double) -> String {
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let speed = "\(Plot.decimals(rate / 1e6, 1)) MB/s"
        guard let total, total > 0 else { return "\(name)  \(Plot.decimals(Double(done) / 1e6, 1)) MB  \(speed)" }
        let share = min(1, Double(done) / Double(total))
        let full = Int(share * 24)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: 24 - full)
        let left = rate > 0 ? "  \(Int((Double(total - done) / rate).rounded(.up))) s left" : ""
        return "\(name)  \(bar)  \(Int(share * 100)) %  \(speed)\(left)"
    }
}

extension Duration {
    /// As a number, for rates.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
