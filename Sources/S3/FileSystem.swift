import Glibc

/// What the mount table says of a file system.
enum FileSystem {
    /// Whether other machines or processes may change files behind the kernel's back, so that watching does not tell all.
    static func isShared(_ type: String) -> Bool {
        [
            "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "vboxsf", "hgfs", "virtiofs", "afs", "lustre", "gpfs",
            "beegfs", "orangefs",
        ].contains(type)
            || type == "fuse" || type.hasPrefix("fuse.")
    }

    /// The type of the file system with a device number, as `/proc/self/mountinfo` names it; see proc(5).
    static func type(ofDevice device: Int64) -> String? { mountTable().flatMap { type(ofDevice: device, mounts: $0) } }

    /// The places below a folder where file systems are mounted, sorted.
    static func mountPoints(below folder: String) -> [String] {
        guard let table = mountTable(), let resolved = realpath(folder, nil) else { return [] }
        defer { free(resolved) }
        return mountPoints(below: String(cString: resolved), mounts: table)
    }

    static func mountPoints(below folder: String, mounts: String) -> [String] {
        // What would end a field stands there in octal.
        func unescaped(_ field: Substring) -> String {
            let parts = field.split(separator: "\\", omittingEmptySubsequences: false)
            return parts.dropFirst().reduce(into: String(parts[0])) { text, part in
                let digits = part.prefix(3)
                guard let code = UInt8(digits, radix: 8) else { return text += "\\" + part }
                text += String(UnicodeScalar(code)) + part.dropFirst(3)
            }
        }
        let prefix = folder + "/"
        return mounts.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count > 4 else { return nil }
            let point = unescaped(fields[4])
            return point.hasPrefix(prefix) ? point : nil
        }.sorted()
    }

    private static func mountTable() -> String? {
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            text.append(contentsOf: buffer[..<count])
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func type(ofDevice device: Int64, mounts: String) -> String? {
        let number = UInt64(bitPattern: device)
        let major = (number >> 8 & 0xFFF) | (number >> 32 & ~0xFFF)
        let minor = (number & 0xFF) | (number >> 12 & ~0xFF)
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[2] == "\(major):\(minor)", let dash = fields.firstIndex(of: "-"),
                dash + 1 < fields.count
            else { continue }
            return String(fields[dash + 1])
        }
        return nil
    }
}
