import Glibc

/// What the kernel allows this process.
public enum ProcessLimits {
    public struct Limit: Sendable, Hashable {
        public var current: UInt64
        public var maximum: UInt64
    }

    public static var descriptors: Limit { limit(Int32(RLIMIT_NOFILE.rawValue)) }
    public static var processes: Limit { limit(6) }

    private static func limit(_ resource: Int32) -> Limit {
        var bounds = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(resource)), &bounds)
        return Limit(current: UInt64(bounds.rlim_cur), maximum: UInt64(bounds.rlim_max))
    }

    /// How many descriptors this process may still open, about: the lowest free number says how many are in use below it.
    public static func freeDescriptors() -> Int {
        let lowest = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard lowest >= 0 else { return 0 }
        close(lowest)
        return Int(clamping: descriptors.current) - Int(lowest)
    }

    /// Raises the number of descriptors towards `wanted`, as far as this user may; returns what it is then.
    @discardableResult
    public static func raiseDescriptors(to wanted: UInt64) -> UInt64 {
        let now = descriptors
        let goal = min(wanted, now.maximum)
        guard now.current < goal else { return now.current }
        var bounds = rlimit(rlim_cur: rlim_t(goal), rlim_max: rlim_t(now.maximum))
        setrlimit(Int32(RLIMIT_NOFILE.rawValue), &bounds)
        return descriptors.current
    }
}

/// The small text files of `/proc`.
enum ProcFile {
    /// The lines of a file; none where it can't be read.
    static func lines(_ path: String) -> [String] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
