import Glibc

/// A process that this benchmark started.
struct ChildProcess {
    let processID: pid_t

    /// Starts a program in a process group of its own. `descriptors` become 3, 4, … in it.
    init(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], descriptors: [Int32] = [],
        output: String? = nil
    )
        throws
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (index, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + index))
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let output {
            posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var id = pid_t()
        let code = posix_spawn(&id, path, &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw BenchError("can't start \(path): \(String(cString: strerror(code)))") }
        processID = id
    }

    /// Sends a signal and waits for the end.
    func stop(_ signal: Int32 = SIGTERM) {
        kill(processID, signal)
        var status: Int32 = 0
        waitpid(processID, &status, 0)
    }

    /// A line of `/proc/PID/status` in KiB, for example `VmHWM` (peak) or `VmRSS` (now).
    func memory(_ field: String) -> Double {
        for line in (try? String(contentsOfFile: "/proc/\(processID)/status").split(separator: "\n")) ?? []
        where line.hasPrefix(field + ":") {
            return Double(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]) ?? .nan
        }
        return .nan
    }
}

/// Why the benchmark can't go on.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension String {
    /// The text of a small file.
    init(contentsOfFile path: String) throws {
        guard let file = fopen(path, "r") else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        self = String(decoding: bytes, as: UTF8.self)
    }
}

/// Writes a whole file at once, by its plain name.
func write(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard bytes.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
        throw BenchError("\(path): \(String(cString: strerror(errno)))")
    }
}
