import CFunctionProcess
import Glibc

/// What `/proc` says about other processes.
enum ProcessTable {
    /// Private memory of processes and their descendants, and how many they are.
    struct Usage: Equatable {
        /// Bytes, without the pages of files that it maps.
        var memory = 0
        var processes = 0
    }

    /// Descriptors that a function may have, `RLIMIT_NOFILE`.
    static let descriptorLimit = 1024

    /// Adds up an environment's processes, up to `limit` of them: a process and its descendants; with a keeper, which adopts
    /// orphans, also those, and the files in the environment's own `/dev/shm`.
    static func usage(of pid: pid_t, keeper: pid_t?, limit: Int) -> Usage {
        var usage = Usage()
        var shared = 0
        var open = [pid]
        var memoryFiles: Set<UInt64> = []
        var files = 0
        if let keeper { open += children(of: keeper) }
        while let next = open.popLast(), usage.processes < limit {
            usage.processes += 1
            let memory = parts(of: next)
            usage.memory += memory.own
            shared += memory.shared
            files += memoryFilesSize(of: next, &memoryFiles)
            open.append(contentsOf: children(of: next))
        }
        var status = statvfs()
        if keeper != nil, hasOwnSharedMemory(pid), statvfs("/proc/\(pid)/root/dev/shm", &status) == 0 {
            files += Int(status.f_blocks - status.f_bfree) * Int(status.f_frsize)
        }
        // A file that is mapped has been counted already.
        usage.memory += max(shared, files)
        return usage
    }

    /// The file system inside the kernel on which memfd_create(2) makes its files; nil where that can't be found out.
    private static let memoryDevice: UInt64? = {
        let device = sluice_memory_device()
        return device == 0 ? nil : device
    }()

    private static func hasOwnSharedMemory(_ pid: pid_t) -> Bool {
        var (own, machine) = (stat(), stat())
        guard stat("/proc/\(pid)/root/dev/shm", &own) == 0 else { return false }
        return stat("/dev/shm", &machine) != 0 || own.st_dev != machine.st_dev
    }

    /// Bytes of the files without a name in memory that a process holds open, those left out that `seen` has.
    private static func memoryFilesSize(of pid: pid_t, _ seen: inout Set<UInt64>) -> Int {
        guard let memoryDevice else { return 0 }
        var size = 0
        for name in names(in: "/proc/\(pid)/fd") {
            var status = stat()
            guard stat("/proc/\(pid)/fd/\(name)", &status) == 0, UInt64(status.st_dev) == memoryDevice,
                seen.insert(UInt64(status.st_ino)).inserted
            else { continue }
            size += Int(status.st_blocks) * 512
        }
        return size
    }

    /// Bytes of anonymous and shared memory that a process has in RAM.
    static func memory(of pid: pid_t) -> Int {
        let parts = parts(of: pid)
        return parts.own + parts.shared
    }

    private static func parts(of pid: pid_t) -> (own: Int, shared: Int) {
        guard let text = read("/proc/\(pid)/status", limit: 4096) else { return (0, 0) }
        return (kilobytes("RssAnon:", in: text) * 1024, kilobytes("RssShmem:", in: text) * 1024)
    }

    private static func kilobytes(_ name: StaticString, in text: [UInt8]) -> Int {
        name.withUTF8Buffer { name in
            var line = text.startIndex
            while line < text.endIndex {
                let end = text[line...].firstIndex(of: 10) ?? text.endIndex
                if text[line..<end].starts(with: name) {
                    return text[(line + name.count)..<end].reduce(0) {
                        (48...57).contains($1) ? $0 * 10 + Int($1) - 48 : $0
                    }
                }
                line = end + 1
            }
            return 0
        }
    }

    private static func children(of pid: pid_t) -> [pid_t] {
        var found: [pid_t] = []
        for task in names(in: "/proc/\(pid)/task") {
            guard let text = read("/proc/\(pid)/task/\(task)/children", limit: 1 << 16) else { continue }
            found += text.split(separator: 0x20).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
        }
        return found
    }

    /// Every process whose environment holds the line `marker`, without this one.
    static func all(marker: String) -> [pid_t] {
        let wanted = Array(marker.utf8)
        let own = getpid()
        return names(in: "/proc").compactMap { name in
            guard let pid = pid_t(name), pid != own, let text = read("/proc/\(pid)/environ", limit: 1 << 20) else {
                return nil
            }
            return holdsLine(text, wanted) ? pid : nil
        }
    }

    /// Whether `wanted` is one of the strings that zeros separate.
    private static func holdsLine(_ text: [UInt8], _ wanted: [UInt8]) -> Bool {
        text.withUnsafeBytes { text in
            guard var at = text.baseAddress else { return false }
            let end = at + text.count
            while at < end {
                let zero = memchr(at, 0, end - at).map { UnsafeRawPointer($0) } ?? end
                if zero - at == wanted.count, memcmp(at, wanted, wanted.count) == 0 { return true }
                at = zero + 1
            }
            return false
        }
    }

    /// Kills every process whose environment holds the line `marker`, with its group, until none is left.
    static func killAll(marker: String) {
        // A pass can miss what is being forked meanwhile, and a process in exec has no environment for an instant; two that find
        // nothing end it.
        var foundNothing = false
        for _ in 0..<50 {
            let found = all(marker: marker)
            if found.isEmpty {
                if foundNothing { return }
                foundNothing = true
                usleep(1000)
                continue
            }
            foundNothing = false
            // All stop first: a process that runs on could fork faster than they are killed one by one.
            for pid in found { kill(pid, SIGSTOP) }
            for pid in found {
                if getpgid(pid) == pid { kill(-pid, SIGKILL) }
                kill(pid, SIGKILL)
            }
            usleep(1000)
        }
    }

    /// Whether the client's end of a connection on the loopback interface is held by one of the processes or their descendants.
    static func isOwner(ofClient port: UInt16, server: UInt16, among pids: [pid_t]) -> Bool {
        // The kernel's tables may pass over a line while others come and go, so one look that finds nothing is no answer.
        for _ in 0..<4 where isOwnerNow(ofClient: port, server: server, among: pids) { return true }
        return false
    }

    private static func isOwnerNow(ofClient port: UInt16, server: UInt16, among pids: [pid_t]) -> Bool {
        guard let inode = inode(client: port, server: server) else { return false }
        let link = "socket:[\(inode)]"
        for pid in pids where holds(pid, link) { return true }
        // From here on with descriptors of our own, of which there may be none left.
        var open = pids.flatMap { children(of: $0) }
        var seen = 0
        while let next = open.popLast(), seen < 256 {
            seen += 1
            if holds(next, link) { return true }
            open += children(of: next)
        }
        return false
    }

    /// Asked number by number, which takes no descriptor: a host that has none left must still know its functions.
    private static func holds(_ pid: pid_t, _ link: String) -> Bool {
        let wanted = Array(link.utf8)
        var buffer = [CChar](repeating: 0, count: 64)
        for number in 0..<descriptorLimit {
            let count = readlink("/proc/\(pid)/fd/\(number)", &buffer, 64)
            if count == wanted.count, zip(buffer, wanted).allSatisfy({ UInt8(bitPattern: $0) == $1 }) { return true }
        }
        return false
    }

    /// The inode of the client's socket. A kernel that is asked for one connection answers at once; its tables, which list
    /// all, take milliseconds to read. A client that uses IPv6 sockets stands in the other table.
    private static func inode(client: UInt16, server: UInt16) -> UInt64? {
        let answer = sluice_client_inode(client, server)
        if answer != 0 { return answer }
        func digits(_ port: UInt16) -> String {
            let text = String(port, radix: 16, uppercase: true)
            return String(repeating: "0", count: 4 - text.count) + text
        }
        let (from, to) = (Array((":" + digits(client)).utf8), Array((":" + digits(server)).utf8))
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            guard let text = read(table, limit: 8 << 20) else { continue }
            for line in text.split(separator: 10).dropFirst() {
                let fields = line.split(separator: 0x20, maxSplits: 10)
                guard fields.count > 9, fields[1].suffix(5).elementsEqual(from), fields[2].suffix(5).elementsEqual(to)
                else { continue }
                return UInt64(String(decoding: fields[9], as: UTF8.self))
            }
        }
        return nil
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let first = entry.pointee.d_name.0
            guard first >= 48, first <= 57 else { continue }
            found.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return found
    }

    private static func read(_ path: String, limit: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 16) { buffer in
            while bytes.count < limit {
                let count = Glibc.read(file, buffer.baseAddress, min(limit - bytes.count, 16384))
                if count <= 0 { break }
                bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        return bytes
    }
}
