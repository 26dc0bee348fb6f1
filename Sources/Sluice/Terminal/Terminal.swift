import Events
import Glibc
import Synchronization

/// Where a command's output goes, and what that can show.
struct Terminal: Sendable {
    /// A file descriptor: 1 or 2.
    let descriptor: Int32
    /// Whether a person is looking at it.
    let isInteractive: Bool
    /// Whether colour is welcome: on a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    let hasColour: Bool

    /// Why the command's output could not be written; 0 where it could.
    static let fault = Atomic<Int32>(0)

    static let output = Terminal(descriptor: 1)
    static let error = Terminal(descriptor: 2)

    init(descriptor: Int32) {
        self.descriptor = descriptor
        isInteractive = isatty(descriptor) == 1
        let isPlain = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        hasColour = isInteractive && !isPlain && !isDumb
    }

    /// Columns; 100 where nobody looks.
    var width: Int {
        var size = winsize()
        return isInteractive && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
            ? Int(size.ws_col) : 100
    }

    /// Writes all of it, unbuffered, so that a line is there when it is printed. False where the reader has gone.
    @discardableResult
    func write(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                // A reader who has gone has what he wanted; anything else is said at the command's end.
                if errno != EPIPE, descriptor == 1 { Self.fault.store(errno, ordering: .relaxed) }
                return false
            }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    @discardableResult
    func line(_ text: String = "") -> Bool { write(text + "\n") }

    /// The text in a colour, or as it is where colour is not welcome.
    func paint(_ text: String, _ colour: Colour?) -> String {
        guard hasColour, let colour, !text.isEmpty else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    enum Colour: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case grey = "90"
        case bold = "1"
    }
}

extension String {
    /// The text cut to a width, with an ellipsis where something was cut; control characters are made visible, so that a value
    /// from a file can't steer the terminal.
    func fitted(_ width: Int) -> String {
        let clean = printable.replacing("\t", with: " ")
        return clean.count <= width ? clean : String(clean.prefix(max(width - 1, 0))) + "…"
    }

    /// The text with control characters but tabs replaced by their pictures.
    var printable: String {
        guard unicodeScalars.contains(where: { ($0.value < 0x20 && $0 != "\t") || (0x7F...0x9F).contains($0.value) })
        else { return self }
        var out = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.value {
            case 9: out.append(scalar)
            case 0..<0x20: out.append(Unicode.Scalar(0x2400 + scalar.value) ?? " ")
            case 0x7F...0x9F: out.append("\u{2421}")
            default: out.append(scalar)
            }
        }
        return String(out)
    }

    func padded(_ width: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: Swift.max(width - count, 0))
        return right ? space + self : self + space
    }
}
