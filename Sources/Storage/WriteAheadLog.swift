import Glibc

/// Reads SQLite's write-ahead log before SQLite does, to tell a log that was damaged from one that a crash cut short.
///
/// SQLite takes the first frame whose checksum is wrong for the end of the log. After a crash that is right: what follows was
/// never answered. But a commit is only begun when the one before it is on the disk, so whole commits behind a wrong frame prove
/// that the frame was good once. SQLite would drop them without a word.
///
/// <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>
enum WriteAheadLog {
    /// What is wrong with the log at a path; nil where nothing is, or where there is none.
    static func damage(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let header = read(descriptor, 0, 32) else { return nil }
        let magic = number(header, 0)
        guard magic == 0x377F_0682 || magic == 0x377F_0683 else { return "its header is no write-ahead log's" }
        let order = magic & 1 == 1
        var sum: (UInt32, UInt32) = (0, 0)
        add(header[0..<24], to: &sum, bigEndian: order)
        guard sum == (number(header, 24), number(header, 28)) else { return "the checksum of its header is wrong" }
        let pageSize = Int(number(header, 8))
        guard pageSize >= 512, pageSize <= 65536, pageSize & (pageSize - 1) == 0 else {
            return "its page size is wrong"
        }
        let salt = (number(header, 16), number(header, 20))

        var offset = 32
        var broken: Int?
        var commitsBehind = 0
        var index = 0
        while let frame = read(descriptor, offset, 24 + pageSize) {
            let isOfThisLog = (number(frame, 8), number(frame, 12)) == salt
            if broken == nil {
                var next = sum
                add(frame[0..<8], to: &next, bigEndian: order)
                add(frame[24...], to: &next, bigEndian: order)
                if isOfThisLog, next == (number(frame, 16), number(frame, 20)) { sum = next } else { broken = index }
            } else if isOfThisLog, number(frame, 4) != 0 {
                commitsBehind += 1
                if commitsBehind == 2 { break }
            }
            offset += 24 + pageSize
            index += 1
        }
        guard let broken, commitsBehind >= 2 else { return nil }
        return "frame \(broken + 1) is damaged, and committed ones follow it"
    }

    private static func read(_ descriptor: Int32, _ offset: Int, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }

    private static func number(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        bytes[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The running checksum over pairs of 32-bit words, in the byte order that the header names.
    private static func add(_ bytes: ArraySlice<UInt8>, to sum: inout (UInt32, UInt32), bigEndian: Bool) {
        bytes.withUnsafeBytes { bytes in
            for at in stride(from: 0, to: bytes.count - 7, by: 8) {
                let first = bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)
                let second = bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)
                sum.0 &+= (bigEndian ? UInt32(bigEndian: first) : UInt32(littleEndian: first)) &+ sum.1
                sum.1 &+= (bigEndian ? UInt32(bigEndian: second) : UInt32(littleEndian: second)) &+ sum.0
            }
        }
    }
}
