import Glibc

/// HTTP/1.1 on a blocking socket with as little as it takes: the client that loads the host, and the server of the floors.
final class HTTPSocket {
    let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 65536)
    private var filled = 0

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Connects to a port on the loopback address.
    convenience init(port: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let code = withLoopback(port: port) { connect(descriptor, $0, $1) }
        guard code == 0 else { throw BenchError("can't connect to port \(port): \(String(cString: strerror(errno)))") }
        self.init(descriptor: descriptor)
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw BenchError("the connection was closed") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Reads one message; its first line and its body's length. Nil at the end of the connection.
    func receive() throws -> (line: String, bodyLength: Int)? {
        while true {
            if let end = headEnd() {
                let head = String(decoding: buffer[..<end], as: UTF8.self)
                let lines = head.split(separator: "\r\n")
                var length = 0
                for line in lines.dropFirst() where line.lowercased().hasPrefix("content-length:") {
                    length = Int(line.dropFirst(15).drop(while: { $0 == " " })) ?? 0
                }
                while filled < end + 4 + length { guard try fill() else { return nil } }
                let total = end + 4 + length
                buffer.replaceSubrange(..<(filled - total), with: Array(buffer[total..<filled]))
                filled -= total
                return (String(lines.first ?? ""), length)
            }
            guard try fill() else { return nil }
        }
    }

    private func headEnd() -> Int? {
        guard filled >= 4 else { return nil }
        for index in 0...(filled - 4)
        where buffer[index] == 13 && buffer[index + 1] == 10 && buffer[index + 2] == 13 && buffer[index + 3] == 10 {
            return index
        }
        return nil
    }

    private func fill() throws -> Bool {
        if filled == buffer.count { buffer.append(contentsOf: [UInt8](repeating: 0, count: buffer.count)) }
        let count = buffer.withUnsafeMutableBytes {
            recv(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled, 0)
        }
        filled += max(count, 0)
        return count > 0
    }
}

/// Listens on any free port of the loopback address.
struct HTTPListener {
    let descriptor: Int32
    let port: Int

    init() throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard withLoopback(port: 0, { bind(socket, $0, $1) }) == 0, listen(socket, 64) == 0 else {
            throw BenchError("can't listen: \(String(cString: strerror(errno)))")
        }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        descriptor = socket
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    func accept() -> HTTPSocket { HTTPSocket(descriptor: Glibc.accept(descriptor, nil, nil)) }
}

private func withLoopback<Result>(port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}
