import Events
import Glibc

/// One process of a function with its Runtime API, its output, and what it works on.
///
/// Belongs to ``FunctionScheduler``, and is touched only inside its lock.
final class ExecutionEnvironment {
    /// Lambda makes INIT again within the invocation where it failed before it.
    enum InitPhase: String { case initial = "init", invoke }

    let number: Int
    let id: String
    let function: String
    let configuration: FunctionConfiguration
    let logStream: String
    let listener: RuntimeListener
    let output: Int32
    let code: CodeFingerprint
    let initPhase: InitPhase
    let temporaryFolder: String
    let startedAt = ContinuousClock.now

    var state = EnvironmentState()
    var pid: pid_t?
    /// The first process of the environment's namespace, whose end is the end of all of it.
    var keeper: pid_t?
    var connections: [RuntimeConnection] = []
    var capture: OutputCapture
    var outputClosed = false
    var outputPaused = false
    var listenerPaused = false
    /// Lines of the running invocation that were written down before its end, up to 4 KB, for the log's tail.
    var flushedTail = ""
    /// When the current phase must be over.
    var deadline: Timestamp
    /// When buffered lines are written down at the latest.
    var flushAt: Timestamp?
    var invocation: Invocation?
    var invocationStarted = ContinuousClock.now
    var invocationStartedAt: Timestamp
    var concurrency = 0
    /// When it answered; it is expected back within ``FunctionPool/returnGrace``.
    var returningSince: Timestamp
    /// Milliseconds of INIT; taken by the first invocation's REPORT.
    var initDuration: Double?
    /// Bytes.
    var peakMemory = 0
    var memorySampled: ContinuousClock.Instant?
    var isOutOfMemory = false
    /// When it was last looked at while it had no work.
    var idleLook: ContinuousClock.Instant?
    /// When its temporary folder is measured again.
    var measureFolderAt: ContinuousClock.Instant?
    var errorTypeOfInit: String?

    init(
        number: Int, id: String, configuration: FunctionConfiguration, listener: RuntimeListener, output: Int32,
        code: CodeFingerprint, initPhase: InitPhase, deadline: Timestamp, now: Timestamp, rate: Int,
        temporaryFolder: String
    ) {
        self.temporaryFolder = temporaryFolder
        self.number = number
        self.id = id
        function = configuration.name
        self.configuration = configuration
        self.listener = listener
        self.output = output
        self.code = code
        self.initPhase = initPhase
        self.deadline = deadline
        invocationStartedAt = now
        returningSince = now
        capture = OutputCapture(rate: rate)
        let date = now.components
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        logStream = "\(date.year)/\(two(date.month))/\(two(date.day))/[$LATEST]\(id)"
    }

    /// The connection on which the client waits for an event.
    var parked: RuntimeConnection? { connections.last { $0.isParked } }

    /// Reads what the function has written, up to `limit` bytes; returns how many.
    func readOutput(limit: Int, at time: Timestamp) -> Int {
        guard !outputClosed else { return 0 }
        var total = 0
        while total < limit {
            let count = withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { buffer in
                let count = read(output, buffer.baseAddress, 65536)
                if count > 0 { capture.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: time) }
                return count
            }
            if count > 0 {
                total += count
                if count < 65536 { break }
            } else if count < 0, errno == EINTR {
                continue
            } else {
                if count == 0 { outputClosed = true }
                break
            }
        }
        return total
    }

    /// Looks at the memory now, unless that was done a moment ago.
    func sampleMemory() {
        guard let pid else { return }
        let now = ContinuousClock.now
        if let memorySampled, now - memorySampled < .milliseconds(100) { return }
        memorySampled = now
        peakMemory = max(peakMemory, ProcessTable.memory(of: pid))
    }

    /// Megabytes, rounded up.
    var maximumMemory: Int { (peakMemory + 1_048_575) >> 20 }

    /// The environment's processes that are known by number; others descend from them.
    var processes: [pid_t] { [pid, keeper].compactMap { $0 } }

    func killProcess() {
        if let keeper { kill(keeper, SIGKILL) }
        guard let pid else { return }
        kill(-pid, SIGKILL)
        kill(pid, SIGKILL)
    }

    func closeDescriptors() {
        for connection in connections { close(connection.descriptor) }
        connections = []
        close(listener.descriptor)
        close(output)
    }
}

/// Which code a process runs: changes when the file is replaced or rewritten.
struct CodeFingerprint: Equatable {
    private var device: UInt64 = 0
    private var inode: UInt64 = 0
    private var size: Int = 0
    private var seconds: Int = 0
    private var nanoseconds: Int = 0

    /// The file as it is now; all zeros where there is none.
    init(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

extension Duration {
    /// Milliseconds with their fraction.
    var fractionalMilliseconds: Double {
        Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
    }
}
