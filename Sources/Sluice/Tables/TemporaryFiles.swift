import Glibc
import Storage
import Synchronization

/// What a command that writes files does when it is stopped: nothing half-written stays behind.
enum TemporaryFiles {
    /// Files that are being written, under names that are not theirs yet.
    private static let temporaries = Mutex<Set<String>>([])

    private static let pipe: (read: Int32, write: Int32) = {
        var ends: [Int32] = [-1, -1]
        _ = Glibc.pipe(&ends)
        return (ends[0], ends[1])
    }()

    /// From now on SIGINT and SIGTERM remove the files and end the process with 128 + the signal's number, also while it is
    /// busy or waits for input.
    static func removeWhenStopped() {
        let ends = pipe
        BlockingThread.start(name: "sluice-signals") {
            var byte: UInt8 = 0
            while read(ends.read, &byte, 1) < 0, errno == EINTR {}
            temporaries.withLock { files in
                for file in files { unlink(file) }
                if Terminal.error.isInteractive { Terminal.error.write("\r\u{1B}[K") }
                _exit(128 + Int32(byte))
            }
        }
        // Who started the command may have blocked them, as the threads of many runtimes do.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&signals, number)
            signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(TemporaryFiles.pipe.write, &byte, 1)
            }
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    static func add(_ path: String) { temporaries.withLock { _ = $0.insert(path) } }

    /// Takes a file off the list while `body` moves it into place or removes it.
    static func settle(_ path: String, _ body: () throws -> Void) rethrows {
        try temporaries.withLock {
            $0.remove(path)
            try body()
        }
    }
}
