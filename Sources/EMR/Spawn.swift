import Glibc

/// Starting processes with nothing of the host's but what is named.
enum Spawn {
    /// `POSIX_SPAWN_SETSID`, which Swift's view of `spawn.h` lacks.
    private static let setSession: Int32 = 0x80

    /// Starts a program in a session of its own; its standard input is empty and `descriptor` becomes its descriptor 3.
    static func process(
        _ command: [String], environment: [String: String], stdout: String, stderr: String,
        descriptor: Int32? = nil
    ) throws(StepProgramError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let append = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, stdout, append, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, stderr, append, 0o644)
        if let descriptor { posix_spawn_file_actions_adddup2(&actions, descriptor, 3) }
        // Ours are all closed by exec; this is for those that a library forgot to mark.
        for name in TextFile.names(in: "/proc/self/fd") {
            guard let other = Int32(name), other > (descriptor == nil ? 2 : 3) else { continue }
            posix_spawn_file_actions_addclose(&actions, other)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        sigdelset(&signals, SIGKILL)
        sigdelset(&signals, SIGSTOP)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | setSession
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for pointer in arguments { free(pointer) }
            for pointer in variables { free(pointer) }
        }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, command[0], &actions, &attributes, arguments, variables)
        guard code == 0 else {
            throw StepProgramError("can't start \(command[0]): \(String(cString: strerror(code)))", errno: code)
        }
        return pid
    }

    /// Waits for a child of ours; 128 and the signal's number where a signal ended it.
    @discardableResult
    static func wait(_ pid: pid_t) -> Int {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            if errno != EINTR { return -1 }
        }
        return status & 0x7F == 0 ? Int(status >> 8 & 0xFF) : 128 + Int(status & 0x7F)
    }
}
