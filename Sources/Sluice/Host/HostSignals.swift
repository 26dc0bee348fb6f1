import Glibc
import Storage

/// SIGINT, SIGTERM and SIGHUP (the terminal was closed) as requests to stop, SIGUSR1 as a request to look at the database again.
///
/// A handler writes to a pipe and a thread reads it: the signals are neither blocked nor ignored, so nothing about them is
/// inherited by the processes that the host starts.
enum HostSignals {
    private static let pipe: (read: Int32, write: Int32) = {
        var ends: [Int32] = [-1, -1]
        _ = Glibc.pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }()

    /// The signals that arrive from now on, one element each.
    static func stream() -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        let ends = pipe
        BlockingThread.start(name: "sluice-signals") {
            var byte: UInt8 = 0
            while true {
                let count = read(ends.read, &byte, 1)
                if count == 1 { continuation.yield(Int32(byte)) } else if errno != EINTR { break }
            }
            continuation.finish()
        }
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] {
            sigaddset(&signals, number)
            let previous = signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(HostSignals.pipe.write, &byte, 1)
            }
            // Whoever started the host with nohup wants it to outlive the terminal.
            if number == SIGHUP, unsafeBitCast(previous, to: Int.self) == 1 { signal(number, SIG_IGN) }
        }
        // Whoever started the host may have blocked them.
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        return stream
    }
}
