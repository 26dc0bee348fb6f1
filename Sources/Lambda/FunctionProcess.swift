import CFunctionProcess
import Events
import Glibc
import Storage

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
    /// `SLUICE_ENVIRONMENT_ID=…`, by which descendants that left the process group are found.
    var marker: String
}

/// Starts a process on a thread of its own, waits for it there, and cleans up behind it: group, strays, files.
enum FunctionProcess {
    enum Event: Sendable {
        case spawned(pid_t)
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
        var code = spawn(specification, &pid)
        // A program that is still being written can't run; a child of another thread may hold it open for a moment, too.
        for _ in 0..<40 where code == ETXTBSY {
            usleep(5000)
            code = spawn(specification, &pid)
        }
        close(specification.output)
        guard code == 0 else {
            report(.failed(code))
            return
        }
        report(.spawned(pid))
        report(.exited(wait(pid)))
        // The leader, still a zombie, keeps the group's number from being given away.
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        ProcessTable.killAll(marker: specification.marker)
    }

    private static func wait(_ pid: pid_t) -> ExitStatus {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 {
            guard errno == EINTR else { return .signalled(SIGKILL) }
        }
        let value = information._sifields._sigchld.si_status
        return information.si_code == Int32(CLD_EXITED) ? .exited(value) : .signalled(value)
    }

    private static func spawn(_ specification: ProcessSpecification, _ pid: inout pid_t) -> Int32 {
        let variables = specification.environment.map { "\($0.key)=\($0.value)" }
        return Spawn.run(
            specification.command, variables: variables, folder: specification.workingFolder, input: -1,
            output: specification.output, newSession: false, dataLimit: specification.dataLimit, fileLimit: 1024, &pid)
    }
}

/// Starts processes that end with the thread that started them.
enum Spawn {
    /// Returns 0, or `errno` of what failed. An `input` or `output` of -1 is `/dev/null`.
    static func run(
        _ command: [String], variables: [String], folder: String, input: Int32, output: Int32, newSession: Bool,
        dataLimit: UInt64 = 0, fileLimit: UInt64 = 0, _ pid: inout pid_t
    ) -> Int32 {
        let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        guard let program = arguments.first ?? nil else { return EINVAL }
        return arguments.withUnsafeBufferPointer { arguments in
            variables.withUnsafeBufferPointer { variables in
                folder.withCString { folder in
                    var options = sluice_spawn_options()
                    options.program = UnsafePointer(program)
                    options.arguments = arguments.baseAddress
                    options.variables = variables.baseAddress
                    options.folder = folder
                    options.input = input
                    options.output = output
                    options.new_session = newSession ? 1 : 0
                    // A watcher of the host's end must not end with it.
                    options.death_signal = newSession ? 0 : SIGKILL
                    options.data_limit = dataLimit
                    options.file_limit = fileLimit
                    return sluice_spawn(&options, &pid)
                }
            }
        }
    }
}

/// Removes folders of temporary files.
enum FileTree {
    /// Removes a folder and what is in it, without following links. What can't be removed stays.
    static func remove(_ path: String) {
        if rmdir(path) == 0 || errno == ENOENT { return }
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            let full = path + "/" + name
            if unlink(full) != 0 { remove(full) }
        }
        closedir(folder)
        rmdir(path)
    }
}
