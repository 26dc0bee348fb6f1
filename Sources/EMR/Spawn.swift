internal import CStepProcess
import Glibc

/// Starting processes with nothing of the host's but what is named.
enum Spawn {
    /// Starts a program in a session of its own; its standard input is empty and `descriptor` becomes its descriptor 3.
    ///
    /// One that `adopts` becomes the parent of every descendant whose own parent has ended, as init is otherwise.
    static func process(
        _ command: [String], environment: [String: String], stdout: String, stderr: String,
        descriptor: Int32? = nil, adopts: Bool = false
    ) throws(StepProgramError) -> pid_t {
        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for pointer in arguments { free(pointer) }
            for pointer in variables { free(pointer) }
        }
        var pid: pid_t = 0
        let code = arguments.withUnsafeBufferPointer { arguments in
            variables.withUnsafeBufferPointer { variables in
                stdout.withCString { stdout in
                    stderr.withCString { stderr in
                        var options = sluice_step_options(
                            arguments: arguments.baseAddress, variables: variables.baseAddress, output: stdout,
                            error: stderr, descriptor: descriptor ?? -1, adopts: adopts ? 1 : 0)
                        return sluice_step_spawn(&options, &pid)
                    }
                }
            }
        }
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
