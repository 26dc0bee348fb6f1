import FunctionRuntime
import Glibc

/// A file of rows that is being written: it appears whole at its end, or not at all. A name that ends in `.gz` or `.zst` is compressed;
/// `-` is standard output.
final class RowFile {
    let path: String
    private let target: String
    private let temporary: String?
    private let descriptor: Int32
    private let encoder: (any ContentEncoder)?
    private var buffer: [UInt8] = []
    private var isFinished = false
    private static let limit = 1 << 20

    /// Throws ``FileBytes/Failure``, or where the machine can't compress as the name says.
    init(path: String) throws {
        self.path = path
        encoder = try Compression(suffixOf: path)?.encoder()
        if path == "-" {
            (target, temporary, descriptor) = (path, nil, 1)
            return
        }
        // A link stays one: what it points to is replaced.
        let real = realpath(path, nil)
        defer { free(real) }
        let place = real.map { String(cString: $0) } ?? path
        target = place
        var status = stat()
        if stat(place, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            temporary = nil
            descriptor = open(place, O_WRONLY | O_CLOEXEC)
        } else {
            let slash = place.lastIndex(of: "/").map { place.index(after: $0) } ?? place.startIndex
            let name = place[..<slash] + ".\(place[slash...].prefix(64)).\(getpid()).tmp"
            temporary = String(name)
            TemporaryFiles.add(String(name))
            descriptor = open(String(name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        }
        guard descriptor >= 0 else { throw FileBytes.Failure(errno) }
    }

    deinit {
        if let temporary, !isFinished { TemporaryFiles.settle(temporary) { _ = unlink(temporary) } }
        if descriptor > 2 { close(descriptor) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.limit { try flush(isLast: false) }
    }

    /// Puts the file in its place, with everything on the disk.
    func finish() throws {
        try flush(isLast: true)
        isFinished = true
        guard let temporary else { return }
        try TemporaryFiles.settle(temporary) {
            guard fsync(descriptor) == 0, rename(temporary, target) == 0 else {
                let failure = FileBytes.Failure(errno)
                unlink(temporary)
                throw failure
            }
        }
    }

    private func flush(isLast: Bool) throws {
        try buffer.withUnsafeBytes { bytes in
            if let encoder { try encoder.encode(bytes, isLast: isLast, sink: put) } else { try put(bytes) }
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileBytes.Failure(errno) }
            rest = rest.dropFirst(count)
        }
    }
}
