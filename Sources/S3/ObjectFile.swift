import Glibc

/// A file descriptor that closes with its last reference.
final class Descriptor: Sendable {
    let number: Int32
    init(_ number: Int32) { self.number = number }
    deinit { close(number) }

    /// What the descriptor stands for now.
    var status: stat? {
        var status = stat()
        return fstat(number, &status) == 0 ? status : nil
    }
}

/// Opens what lies in a bucket, never through a link, so that no name leads out of it.
enum ObjectFile {
    // From <fcntl.h> under _GNU_SOURCE, which Swift's overlay leaves out; the same on x86-64 and arm64.
    private static let pathOnly: Int32 = 0o10_000_000
    private static let setLease: Int32 = 1024
    private static let setSignal: Int32 = 10

    /// The result of opening, or the `errno`.
    enum Opened {
        case descriptor(Descriptor)
        case failed(Int32)
    }

    /// Calls `body` with the bytes as a C string.
    static func withName<Result>(_ name: some Collection<UInt8>, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: name.count + 1) { buffer in
            var at = 0
            for byte in name {
                buffer[at] = CChar(bitPattern: byte)
                at += 1
            }
            buffer[at] = 0
            return buffer.withMemoryRebound(to: CChar.self) { memory in
                // The allocation has at least one element, so it has an address.
                memory.baseAddress.map { body(UnsafePointer($0)) }!
            }
        }
    }

    /// Opens a folder below `root` as a mere place: usable for the calls below and for watching.
    static func folder(_ path: ArraySlice<UInt8>, in root: Descriptor) -> Opened {
        var current = root
        for part in path.split(separator: UInt8(ascii: "/")) {
            let number = withName(part) {
                openat(current.number, $0, pathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
            guard number >= 0 else { return .failed(errno) }
            current = Descriptor(number)
        }
        return .descriptor(current)
    }

    /// The folder of a path and the last name.
    private static func parent(_ path: [UInt8], _ root: Descriptor) -> (Opened, ArraySlice<UInt8>) {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return (.descriptor(root), path[...]) }
        return (folder(path[..<slash], in: root), path[(slash + 1)...])
    }

    /// Opens a file for reading.
    static func open(_ path: [UInt8], in root: Descriptor) -> Opened {
        let (folder, name) = parent(path, root)
        guard case .descriptor(let folder) = folder else { return folder }
        // Without O_NONBLOCK the opening of a FIFO would wait for its writer.
        let number = withName(name) { openat(folder.number, $0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) }
        return number >= 0 ? .descriptor(Descriptor(number)) : .failed(errno)
    }

    /// What is at a path; a link is itself. Nil where there is nothing.
    static func status(_ path: [UInt8], in root: Descriptor) -> stat? {
        let (folder, name) = parent(path, root)
        guard case .descriptor(let folder) = folder else { return nil }
        var status = stat()
        return withName(name) { fstatat(folder.number, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0 ? status : nil
    }

    /// The identity of the regular file at a path; nil where there is none.
    static func identity(_ path: [UInt8], in root: Descriptor) -> FileIdentity? {
        guard let status = status(path, in: root), isRegular(status) else { return nil }
        return FileIdentity(status)
    }

    static func isRegular(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFREG }
    static func isFolder(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }
    static func isLink(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFLNK }

    /// Whether somebody has a file open for writing.
    enum Writers {
        case none
        case some
        /// The file system or the file's owner does not let us ask.
        case unknown
    }

    /// Asks the kernel by taking a read lease, which it refuses while there is a writer, and giving it back at once.
    static func writers(of file: Descriptor) -> Writers {
        // A writer that opens the file within these microseconds breaks the lease; SIGIO would end the process, SIGURG is
        // ignored by default.
        _ = fcntl(file.number, setSignal, Int32(SIGURG))
        if fcntl(file.number, setLease, Int32(F_RDLCK)) == 0 {
            _ = fcntl(file.number, setLease, Int32(F_UNLCK))
            return .none
        }
        return errno == EAGAIN ? .some : .unknown
    }

    /// The tag of a file's whole content and its identity after the reading, provided that nothing but attributes has changed
    /// since it had the given one.
    static func eTag(
        of file: Descriptor, identity: FileIdentity, buffer: UnsafeMutableRawBufferPointer
    ) -> (eTag: String, identity: FileIdentity)? {
        var tag = ETag(size: identity.size)
        var offset: Int64 = 0
        while offset < identity.size {
            let count = pread(file.number, buffer.baseAddress, buffer.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            tag.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
            // A file that is being rewritten is not read to its end in vain.
            if offset < identity.size, file.status.map({ FileIdentity($0).hasContent(of: identity) }) != true {
                return nil
            }
        }
        guard offset == identity.size, let now = file.status.map(FileIdentity.init), now.hasContent(of: identity)
        else { return nil }
        return (tag.finalize(), now)
    }
}
