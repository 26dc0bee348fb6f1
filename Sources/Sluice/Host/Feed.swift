import Events
import Glibc
import Storage
import Synchronization

/// What the host says while it runs: a line for each thing that happened, and on a terminal one status line below them.
///
/// Whoever has something to say only leaves it here; a thread of its own prints. A burst of thousands of files is summed up
/// instead of scrolled past, so that a slow terminal never slows the host.
final class Feed: Sendable {
    /// One thing that happened.
    struct Item: Sendable {
        /// What it is about: an object's URI, a function, a step.
        var subject: String
        /// What happened, for a person.
        var text: String
        var colour: Terminal.Colour?
        /// The same for programs, printed with `--json`.
        var json: JSON
    }

    private struct State {
        var items: [Item] = []
        var skipped = 0
        var status = ""
        var isOpen = true
        var isDone = false
    }

    /// Lines printed a tick at most; the rest is counted.
    private static let linesPerTick = 40
    /// Lines that are kept for a program which does not read them; the rest is counted.
    private static let linesUnread = 100_000
    /// How long the end waits for a reader who has stopped to read.
    private static let patience = Duration.seconds(2)
    private static let tickMilliseconds: Int32 = 100

    private let state = Mutex(State())
    /// The end of a pipe that wakes the thread when it is closed.
    private let closing: Int32
    private let terminal: Terminal
    private let isJSON: Bool
    private let isQuiet: Bool
    private let time: any TimeSource
    private let status: @Sendable () -> String

    /// `status` gives the status line's text; it is asked several times a second, and only on a terminal.
    init(
        json: Bool, quiet: Bool, time: any TimeSource, terminal: Terminal = .output,
        status: @escaping @Sendable () -> String
    ) {
        isJSON = json
        isQuiet = quiet
        self.time = time
        self.terminal = terminal
        self.status = status
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        closing = ends[1]
        BlockingThread.start(name: "sluice-feed") { [weak self, ends] in
            while self?.tick() == true {
                // Ends early at the close, which has nothing to write: the other end is closed then.
                var descriptor = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
                _ = poll(&descriptor, 1, Feed.tickMilliseconds)
            }
            self?.state.withLock { $0.isDone = true }
            Glibc.close(ends[0])
        }
    }

    /// Leaves something to be printed.
    func say(_ subject: String, _ text: String, _ colour: Terminal.Colour? = nil, json: JSON = [:]) {
        guard !isQuiet else { return }
        state.withLock { state in
            // A person gets the sum; a program gets everything, unless it does not read.
            if state.items.count >= (isJSON ? Self.linesUnread : Self.linesPerTick) {
                state.skipped += 1
            } else {
                state.items.append(Item(subject: subject, text: text, colour: colour, json: json))
            }
        }
    }

    /// A notice of the host itself, also printed when quiet.
    func notice(_ text: String, _ colour: Terminal.Colour? = .yellow) {
        state.withLock {
            $0.items.append(Item(subject: "host", text: text, colour: colour, json: ["notice": .string(text)]))
        }
    }

    /// Prints what is left and ends the thread.
    func close() {
        state.withLock { $0.isOpen = false }
        Glibc.close(closing)
        let end = ContinuousClock.now + Self.patience
        while !state.withLock({ $0.isDone }), ContinuousClock.now < end { usleep(2000) }
    }

    private func tick() -> Bool {
        let (items, skipped, isOpen) = state.withLock { state in
            let taken = (state.items, state.skipped, state.isOpen)
            state.items = []
            state.skipped = 0
            return taken
        }
        let hasStatus = terminal.isInteractive && !isJSON
        var out = ""
        if hasStatus, !items.isEmpty || skipped > 0 || isOpen { out += "\r\u{1B}[K" }
        let clock = String(time.now.iso8601.dropFirst(11).prefix(8))
        for item in items {
            if isJSON {
                var json = item.json
                json["time"] = .string(time.now.iso8601)
                json["subject"] = .string(item.subject)
                json["text"] = .string(item.text)
                out += json.description + "\n"
            } else {
                out +=
                    terminal.paint(clock, .grey) + "  " + item.subject.printable + "  "
                    + terminal.paint(item.text.printable, item.colour) + "\n"
            }
        }
        if skipped > 0 {
            out +=
                isJSON
                ? JSON.object(["time": .string(time.now.iso8601), "skipped": JSON(skipped)]).description + "\n"
                : terminal.paint("\(clock)  … and \(skipped) more", .grey) + "\n"
        }
        if hasStatus, isOpen { out += terminal.paint(status().fitted(terminal.width - 1), .grey) }
        if !out.isEmpty { terminal.write(out) }
        return isOpen
    }
}
