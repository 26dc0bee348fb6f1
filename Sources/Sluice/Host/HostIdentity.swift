import Glibc

/// What the host knows of itself and its machine.
enum HostIdentity {
    /// Names this project's host among others on the machine, the same after a restart: leftovers of a killed host are found
    /// by it. Made of the state folder's device and inode, so that it follows the folder when that is moved.
    static func make(_ project: Project) -> String {
        var status = stat()
        guard stat(project.state, &status) == 0 else { return "sluice-\(getpid())" }
        return "sluice-\(String(status.st_dev, radix: 16))-\(String(status.st_ino, radix: 16))"
    }

    /// Processors that this process may use.
    static var processors: Int { max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1) }

    /// The environment of this process.
    static var environment: [String: String] {
        var all: [String: String] = [:]
        var pointer = environ
        while let entry = pointer.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { all[String(parts[0])] = String(parts[1]) }
            pointer += 1
        }
        return all
    }
}
