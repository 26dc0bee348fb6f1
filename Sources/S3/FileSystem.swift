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
    static func type(ofDevice device: Int64) -> String? {
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            text.append(contentsOf: buffer[..<count])
        }
        return type(ofDevice: device, mounts: String(decoding: text, as: UTF8.self))
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
