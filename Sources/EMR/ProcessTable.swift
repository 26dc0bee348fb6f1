import Glibc

/// A process as nobody else can ever be it: numbers come again, a number with its start does not.
///
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
struct ProcessIdentity: Sendable, Hashable {
    var pid: pid_t
    /// Clock ticks from the start of the machine to the start of the process.
    var start: UInt64
    /// The kernel's name for the time since the machine has started.
    var boot: String

    /// `PID START BOOT`, with single spaces; nil for anything else, a bare number included.
    init?(_ text: Substring) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, let pid = pid_t(words[0]), pid > 1, let start = UInt64(words[1]), !words[2].isEmpty
        else { return nil }
        self.init(pid: pid, start: start, boot: String(words[2]))
    }

    init(pid: pid_t, start: UInt64, boot: String) {
        self.pid = pid
        self.start = start
        self.boot = boot
    }
}

/// The processes of this machine at one moment.
struct ProcessTable: Sendable {
    struct Entry: Sendable, Hashable {
        var parent: pid_t
        var session: pid_t
        /// Clock ticks from the start of the machine.
        var start: UInt64

        /// Reads the line of `/proc/PID/stat`; nil where it is none, or of a process that has ended (a zombie).
        init?(stat: String) {
            // `pid (name) state parent group session …`; the name may hold spaces and brackets.
            guard let bracket = stat.lastIndex(of: ")") else { return nil }
            let fields = stat[stat.index(after: bracket)...].split(separator: " ")
            guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let parent = pid_t(fields[1]),
                let session = pid_t(fields[3]), let start = UInt64(fields[19])
            else { return nil }
            (self.parent, self.session, self.start) = (parent, session, start)
        }
    }

    /// All but this process and zombies.
    let entries: [pid_t: Entry]

    /// What `/proc` shows now.
    init() {
        var entries: [pid_t: Entry] = [:]
        for pid in TextFile.names(in: "/proc").compactMap({ pid_t($0) }) where pid != getpid() {
            entries[pid] = TextFile.read("/proc/\(pid)/stat").flatMap(Entry.init(stat:))
        }
        self.entries = entries
    }

    /// The kernel's name for the time since this machine has started; empty where it has none.
    static let boot = (TextFile.read("/proc/sys/kernel/random/boot_id") ?? "").filter { $0 != "\n" }

    /// Whether it is this very process that lives, not another one that got its number.
    func holds(_ identity: ProcessIdentity) -> Bool {
        identity.boot == Self.boot && entries[identity.pid]?.start == identity.start
    }

    func members(ofSession session: pid_t) -> [pid_t] { entries.filter { $0.value.session == session }.map(\.key) }

    func children(of pid: pid_t) -> [pid_t] { entries.filter { $0.value.parent == pid }.map(\.key) }

    /// The children of a process, theirs, and so on.
    func descendants(of pid: pid_t) -> Set<pid_t> {
        let children = Dictionary(grouping: entries.keys) { entries[$0]?.parent ?? 0 }
        var (found, next): (Set<pid_t>, [pid_t]) = ([], [pid])
        while let parent = next.popLast() {
            for child in children[parent] ?? [] where found.insert(child).inserted { next.append(child) }
        }
        return found
    }

    /// The processes that were started with this entry in their environment.
    func processes(withEnvironment entry: String) -> [pid_t] {
        entries.keys.filter { pid in
            guard let environment = TextFile.read("/proc/\(pid)/environ") else { return false }
            return environment.split(separator: "\0").contains { $0 == entry }
        }
    }

    /// The arguments that a process was started with, its program's name first.
    static func arguments(of pid: pid_t) -> [Substring] {
        // Read before it is split: a script among them may be empty.
        TextFile.read("/proc/\(pid)/cmdline")?.split(separator: "\0", omittingEmptySubsequences: false) ?? []
    }
}
