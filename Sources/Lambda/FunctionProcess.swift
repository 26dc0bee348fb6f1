import CFunctionProcess
import Events
import Glibc
import Storage
import Synchronization

/// How a process ended.
enum ExitStatus: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)

    /// In Lambda's words.
    var message: String {
        switch self {
        case .exited(0): "Runtime exited without providing a reason"
        case .exited(let code): "Runtime exited with error: exit status \(code)"
        case .signalled(let signal): "Runtime exited with error: signal: \(Self.name(signal))"
        }
    }

    /// A signal as Go's runtime, and so Lambda, names it.
    private static func name(_ signal: Int32) -> String {
        switch signal {
        case SIGHUP: "hangup"
        case SIGINT: "interrupt"
        case SIGQUIT: "quit"
        case SIGILL: "illegal instruction"
        case SIGTRAP: "trace/breakpoint trap"
        case SIGABRT: "aborted"
        case SIGBUS: "bus error"
        case SIGFPE: "floating point exception"
        case SIGKILL: "killed"
        case SIGUSR1: "user defined signal 1"
        case SIGSEGV: "segmentation fault"
        case SIGUSR2: "user defined signal 2"
        case SIGPIPE: "broken pipe"
        case SIGALRM: "alarm clock"
        case SIGTERM: "terminated"
        default: "signal \(signal)"
        }
    }
}

/// What a function's process is started with.
struct ProcessSpecification: Sendable {
    var command: [String]
    var environment: [String: String]
    var workingFolder: String
    var temporaryFolder: String
    /// The write end of the pipe for stdout and stderr; closed here once the process has it.
    var output: Int32
    /// Bytes; the hard stop behind the watch on the memory that is really used.
    var dataLimit: UInt64
    /// Processes and threads that the kernel lets it have at once, where it can count them.
    var processLimit: UInt64
    /// A folder that it can't change, where it has mounts of its own.
    var readOnlyFolder: String?
    /// Bytes of its own `/dev/shm`; 0 where it has the machine's.
    var sharedMemory: UInt64
    /// `SLUICE_ENVIRONMENT_ID=…`, by which descendants that left the process group are found.
    var marker: String
}

/// Starts a process on a thread of its own, waits for it there, and cleans up behind it: group, strays, files.
enum FunctionProcess {
    enum Event: Sendable {
        /// The process, and the first one of its namespace where it has one: see ``Isolation``.
        case spawned(pid_t, keeper: pid_t?)
        /// `errno` of the spawn.
        case failed(Int32)
        /// The host has no thread or no room for it: `errno`.
        case unable(Int32)
        /// The leader has ended and is still a zombie: its id means nobody else until this call returns.
        case exited(ExitStatus)
        /// Nothing of it is left.
        case cleaned
    }

    static func start(_ specification: ProcessSpecification, report: @escaping @Sendable (Event) -> Void) {
        let code = BlockingThread.tryStart(name: "sluice-function") { run(specification, report) }
        guard code != 0 else { return }
        close(specification.output)
        report(.unable(code))
        report(.cleaned)
    }

    private static func run(_ specification: ProcessSpecification, _ report: @escaping @Sendable (Event) -> Void) {
        defer { report(.cleaned) }
        guard mkdir(specification.temporaryFolder, 0o700) == 0 || errno == EEXIST else {
            let code = errno
            close(specification.output)
            return report(.unable(code))
        }
        defer { FileTree.remove(specification.temporaryFolder) }
        var pid: pid_t = 0
        var keeper: pid_t?
        var code = spawn(specification, &pid, &keeper)
        // A program that is still being written can't run; a child of another thread may hold it open for a moment, too.
        for _ in 0..<40 where code == ETXTBSY {
            usleep(5000)
            code = spawn(specification, &pid, &keeper)
        }
        close(specification.output)
        guard code == 0 else {
            report(.failed(code))
            return
        }
        report(.spawned(pid, keeper: keeper))
        report(.exited(wait(pid)))
        // The end of a namespace's first process is the end of all of them, however fast they fork.
        if let keeper { kill(keeper, SIGKILL) }
        // The leader, still a zombie, keeps the group's number from being given away.
        kill(-pid, SIGKILL)
        reap(pid)
        if let keeper {
            reap(keeper)
        } else {
            ProcessTable.killAll(marker: specification.marker)
        }
    }

    private static func reap(_ pid: pid_t) {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    private static func wait(_ pid: pid_t) -> ExitStatus {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 {
            guard errno == EINTR else { return .signalled(SIGKILL) }
        }
        let value = information._sifields._sigchld.si_status
        return information.si_code == Int32(CLD_EXITED) ? .exited(value) : .signalled(value)
    }

    private static func spawn(
        _ specification: ProcessSpecification, _ pid: inout pid_t, _ keeper: inout pid_t?
    ) -> Int32 {
        let variables = specification.environment.map { "\($0.key)=\($0.value)" }
        var options = sluice_spawn_options()
        options.input = -1
        options.output = specification.output
        options.death_signal = SIGKILL
        options.data_limit = specification.dataLimit
        options.file_limit = UInt64(ProcessTable.descriptorLimit)
        options.process_limit = specification.processLimit
        options.shared_memory = specification.sharedMemory
        options.drops_capabilities = 1
        return Spawn.run(
            specification.command, variables: variables, folder: specification.workingFolder,
            readOnly: specification.readOnlyFolder, options
        ) {
            Isolation.spawn(&$0, &pid, &keeper)
        }
    }
}

/// Namespaces of its own for each environment: processes, mounts, System V objects; users where the host is not root's.
///
/// A machine may refuse them: a container without the right to them, a kernel that keeps them from users. The first start
/// finds out; functions then run without them, and descendants are found by their environment instead.
enum Isolation {
    private enum State { case unknown, available, unavailable }
    private static let state = Mutex(State.unknown)

    /// Whether functions get namespaces, as far as that is known: nil before the first start.
    static var isAvailable: Bool? {
        state.withLock {
            switch $0 {
            case .unknown: nil
            case .available: true
            case .unavailable: false
            }
        }
    }

    /// Starts a program that does nothing, to find out whether this machine grants namespaces.
    static func probe() -> Bool {
        var options = sluice_spawn_options()
        (options.input, options.output, options.drops_capabilities) = (-1, -1, 1)
        var pid: pid_t = 0
        var keeper: pid_t?
        let code = Spawn.run(["/bin/true"], variables: [], folder: "/", readOnly: nil, options) {
            spawn(&$0, &pid, &keeper)
        }
        for process in [code == 0 ? pid : nil, keeper].compactMap(\.self) where process > 0 {
            if process == keeper { kill(process, SIGKILL) }
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
        return isAvailable == true
    }

    /// Returns 0, or `errno` of what failed.
    static func spawn(_ options: inout sluice_spawn_options, _ pid: inout pid_t, _ keeper: inout pid_t?) -> Int32 {
        if isAvailable != false {
            var first: pid_t = 0
            let code = sluice_spawn_isolated(&options, &pid, &first)
            if code >= 0 {
                // A program that can't be run says nothing against the namespaces that it was to run in.
                state.withLock { $0 = .available }
                keeper = code == 0 ? first : nil
                return code
            }
            // What is short for a moment, or for this user, is the host's trouble; it comes back.
            if isAvailable == true || [EAGAIN, ENOMEM, EMFILE, ENFILE].contains(-code) { return -code }
            state.withLock { $0 = .unavailable }
        }
        keeper = nil
        return sluice_spawn(&options, &pid)
    }
}

/// Starts processes.
enum Spawn {
    /// Starts one that outlives the host: no signal reaches it when its starter ends. Returns 0, or `errno` of what failed.
    /// An `input` of -1 is `/dev/null`; what it prints goes there.
    static func outliving(
        _ command: [String], variables: [String], folder: String, input: Int32, _ pid: inout pid_t
    ) -> Int32 {
        var options = sluice_spawn_options()
        options.input = input
        options.output = -1
        return run(command, variables: variables, folder: folder, readOnly: nil, options) { sluice_spawn(&$0, &pid) }
    }

    /// Completes `options` with C strings that live while `body` runs.
    fileprivate static func run(
        _ command: [String], variables: [String], folder: String, readOnly: String?, _ options: sluice_spawn_options,
        _ body: (inout sluice_spawn_options) -> Int32
    ) -> Int32 {
        let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        let readOnly = readOnly.flatMap { strdup($0) }
        defer { for pointer in arguments + variables + [readOnly] { free(pointer) } }
        guard let program = arguments.first ?? nil else { return EINVAL }
        return arguments.withUnsafeBufferPointer { arguments in
            variables.withUnsafeBufferPointer { variables in
                folder.withCString { folder in
                    var options = options
                    options.program = UnsafePointer(program)
                    options.arguments = arguments.baseAddress
                    options.variables = variables.baseAddress
                    options.folder = folder
                    options.read_only = readOnly.map { UnsafePointer($0) }
                    return body(&options)
                }
            }
        }
    }
}
