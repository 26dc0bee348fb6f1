import Events

/// Finds loops through files whose writers leave no trace header: a function, or its shell script, that writes into its own
/// trigger with plain system calls.
///
/// An upload that falls into the time of an invocation may be its doing, or a coincidence. So its depth in a chain is only
/// presumed: one more than that of the invocation that ran then, the shallowest where several did. A chain that has become
/// long is put to the test: the function is held still for a moment. Uploads that go on come from somebody else, and the
/// presumption is dropped. Where there is silence as long as the function rests, and new uploads each time it has run, three
/// times over, they are its own, and the chain ends as one with trace headers does.
///
/// All of it is in memory and bounded; after a restart a chain is counted anew. Without I/O and clock.
struct LoopWatch {
    /// How long a function is held still.
    static let silence = Duration.seconds(1)
    /// How long a test may last, as the function's running invocations and those of others have to end first.
    static let patience = Duration.seconds(15)
    /// How many tests have to be passed.
    static let tests = 3
    /// The clock that files are stamped with may lag behind by one tick of the kernel.
    private static let tick = Duration.milliseconds(12)
    private static let kept = 4096

    private struct Window {
        let depth: Int
        let from: Timestamp
        var to: Timestamp?
    }

    private struct Suspect {
        /// Beyond this depth a test begins; it grows with each test that has shown an innocent.
        var limit = TraceHeader.maximumDepth - LoopWatch.tests
        var passed = 0
        var lastSeen: Timestamp
        /// Set while the function is held still.
        var test: (began: Timestamp, quietSince: Timestamp?)?
    }

    /// What runs or ran lately.
    private var windows: [String: Window] = [:]
    private var ended: [Window] = []
    /// Of events that wait: how deep they are in a chain, where that is more than 1.
    private var depths: [String: Int] = [:]
    private var suspects: [String: Suspect] = [:]

    /// An upload became an event for a function. Returns whether it is to be given up as a loop's.
    mutating func arrived(requestID: String, function: String, written: Timestamp, now: Timestamp) -> Bool {
        guard let parent = depthOfWriters(at: written) else {
            // Nobody of ours ran: so somebody else writes, and what seemed a chain is one no more.
            if let suspect = suspects[function], suspect.test != nil || suspect.passed > 0 { clear(function, now) }
            return false
        }
        let depth = parent + 1
        if depths.count < Self.kept { depths[requestID] = depth }
        var suspect = suspects[function] ?? Suspect(lastSeen: now)
        if now - suspect.lastSeen > .seconds(300) { suspect = Suspect(lastSeen: now) }
        guard depth > suspect.limit + suspect.passed else { return false }
        suspect.lastSeen = now
        if suspect.passed >= Self.tests {
            suspects[function] = suspect
            depths[requestID] = nil
            return true
        }
        if suspect.test == nil { suspect.test = (now, nil) }
        suspects[function] = suspect
        return false
    }

    /// Whether a function is to be held still now. To be asked again within a tenth of a second while it is.
    mutating func isHeld(_ function: String, now: Timestamp) -> Bool {
        guard var suspect = suspects[function], let test = suspect.test else { return false }
        if now - test.began >= Self.patience {
            // Others never rest, so nothing can be told.
            clear(function, now)
            return false
        }
        if !windows.isEmpty {
            suspect.test?.quietSince = nil
        } else if let since = test.quietSince {
            if now - since >= Self.silence {
                suspect.passed += 1
                suspect.test = nil
            }
        } else {
            suspect.test?.quietSince = now
        }
        suspects[function] = suspect
        return suspect.test != nil
    }

    /// An invocation begins.
    mutating func began(requestID: String, at time: Timestamp) {
        windows[requestID] = Window(depth: depths.removeValue(forKey: requestID) ?? 1, from: time, to: nil)
    }

    /// An invocation has ended, however.
    mutating func ended(requestID: String, at time: Timestamp) {
        guard var window = windows.removeValue(forKey: requestID) else { return }
        window.to = time
        ended.append(window)
        if ended.count >= 2 * Self.kept { ended.removeFirst(Self.kept) }
    }

    /// Who seemed to write in a chain did not: the chain is forgotten, and the next one has to be longer.
    private mutating func clear(_ function: String, _ now: Timestamp) {
        let limit = suspects[function]?.limit ?? TraceHeader.maximumDepth
        suspects[function] = Suspect(limit: min(1 << 20, limit * 2), lastSeen: now)
        depths = [:]
        ended = []
        windows = windows.mapValues { Window(depth: 1, from: $0.from, to: nil) }
    }

    /// The depth of the shallowest invocation that ran at a time; nil where none did.
    private func depthOfWriters(at time: Timestamp) -> Int? {
        var depth: Int?
        func look(_ window: Window) {
            guard window.from - Self.tick <= time, window.to.map({ time <= $0 }) ?? true else { return }
            depth = min(depth ?? .max, window.depth)
        }
        for window in windows.values { look(window) }
        for window in ended.reversed() {
            look(window)
            // They are in the order of their ends.
            if let to = window.to, to < time { break }
        }
        return depth
    }
}
