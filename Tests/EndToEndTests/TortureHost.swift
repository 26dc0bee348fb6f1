import Foundation
import Glibc

/// A `sluice` process that is to be killed: started, counted by the lines that it prints, ended by a signal.
final class TortureHost {
    let process: pid_t
    private let output: Int32
    private(set) var lines = 0
    /// Whether it has said that it is ready: from then on a signal is a request, and not the end.
    private(set) var isReady = false
    private var unread: [UInt8] = []

    /// Starts `sluice` with these arguments. Nil where the machine can't.
    init?(_ arguments: [String], environment: [String: String]) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let all = [TestProject.programs + "/sluice"] + arguments
        var argv = all.map { strdup($0) } + [nil]
        var envp =
            ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [
                nil
            ]
        defer {
            for text in argv + envp { free(text) }
        }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, all[0], &actions, nil, &argv, &envp)
        close(ends[1])
        guard status == 0 else {
            close(ends[0])
            return nil
        }
        process = pid
        output = ends[0]
    }

    deinit { close(output) }

    /// Reads until the host has said so many lines, or so many milliseconds are over, or it has ended; true in the first case.
    @discardableResult
    func wait(lines wanted: Int, milliseconds: Int) -> Bool {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        var buffer = [UInt8](repeating: 0, count: 65536)
        while lines < wanted {
            let left = end - ContinuousClock.now
            let rest = Int32(left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000)
            var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard rest > 0, poll(&descriptor, 1, rest) > 0 else { return false }
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { return false }
            lines += buffer[..<count].count { $0 == 0x0a }
            guard !isReady else { continue }
            unread += buffer[..<count]
            isReady = String(decoding: unread, as: UTF8.self).contains("\"ready\":true")
            unread.removeFirst(unread.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0)
        }
        return true
    }

    /// Sends a signal and waits for the end; the wait status. What it still says is read, so that it never waits for that.
    func end(_ signal: Int32?) -> Int32 {
        if let signal { kill(process, signal) }
        wait(lines: .max, milliseconds: 120_000)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
