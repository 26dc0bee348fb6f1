import Events

/// A function's output as log lines: split at line ends, bounded in length and in rate, and always UTF-8.
///
/// A flood is cut, not kept: of each second the first bytes up to the rate are kept, and one line says how much was
/// left out.
struct OutputCapture {
    /// Bytes of one log event at most: CloudWatch's 256 KB without its 26 bytes an event.
    static let maximumLine = 262_118

    /// Bytes that a line costs besides its own: without it, empty lines would come in by the million.
    private static let lineCost = 48

    private let rate: Int
    private var partial: [UInt8] = []
    private var second: Int64 = 0
    private var spent = 0
    private var droppedBytes = 0
    private var droppedLines = 0
    private(set) var lines: [LogEvent] = []
    private(set) var bytes = 0

    init(rate: Int) { self.rate = rate }

    var isEmpty: Bool { lines.isEmpty }

    /// Takes output as it was read.
    mutating func write(_ chunk: UnsafeRawBufferPointer, at time: Timestamp) {
        turn(to: time)
        var start = 0
        while start < chunk.count {
            let rest = UnsafeRawBufferPointer(rebasing: chunk[start...])
            let end = rest.firstIndex(of: 10)
            let piece = UnsafeRawBufferPointer(rebasing: rest[..<(end ?? rest.count)])
            spent += piece.count + (end == nil ? 0 : Self.lineCost)
            if spent > rate {
                droppedBytes += piece.count + (end == nil ? 0 : 1)
                if end != nil { droppedLines += 1 }
                // The beginning of a line that is cut here is kept as a line of its own.
                if !partial.isEmpty { endLine(at: time) }
            } else {
                var piece = piece
                while partial.count + piece.count > Self.maximumLine {
                    let room = Self.maximumLine - partial.count
                    partial.append(contentsOf: piece[..<room])
                    piece = UnsafeRawBufferPointer(rebasing: piece[room...])
                    endLine(at: time)
                }
                partial.append(contentsOf: piece)
                if end != nil { endLine(at: time) }
            }
            start += (end ?? rest.count - 1) + 1
        }
    }

    /// A line of the host's own, in its place among the others.
    mutating func note(_ message: String, at time: Timestamp) {
        finish(at: time)
        append(message, at: time)
    }

    /// Ends a line that has no line end yet, and says what was left out.
    mutating func finish(at time: Timestamp) {
        if !partial.isEmpty { endLine(at: time) }
        tellDropped(at: time)
    }

    mutating func take() -> [LogEvent] {
        bytes = 0
        defer { lines = [] }
        return lines
    }

    private mutating func turn(to time: Timestamp) {
        let now = time.milliseconds / 1000
        guard now != second else { return }
        second = now
        spent = 0
        tellDropped(at: time)
    }

    private mutating func tellDropped(at time: Timestamp) {
        guard droppedBytes > 0 else { return }
        append(
            "[sluice] left out \(droppedBytes) bytes in \(droppedLines) lines: more than \(rate) bytes of output a second",
            at: time)
        droppedBytes = 0
        droppedLines = 0
    }

    private mutating func endLine(at time: Timestamp) {
        if partial.last == 13 { partial.removeLast() }
        append(String(decoding: partial, as: UTF8.self), at: time)
        partial.removeAll(keepingCapacity: partial.capacity <= 4096)
    }

    private mutating func append(_ message: String, at time: Timestamp) {
        bytes += message.utf8.count + Self.lineCost
        lines.append(LogEvent(timestamp: time, message: message))
    }
}
