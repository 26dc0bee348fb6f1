import Glibc

/// A TCP connection with blocking reads and writes.
struct Socket: ~Copyable {
    /// A failed system call.
    struct Failure: Error, CustomStringConvertible {
        let call: String
        let code: Int32
        var description: String { "\(call): \(String(cString: strerror(code)))" }
        /// Whether the peer went away, rather than something being wrong here.
        var isDisconnect: Bool { code == EPIPE || code == ECONNRESET }
    }

    private let descriptor: Int32

    /// Connects to `host:port`; the host is a name or an address, an IPv6 one in brackets.
    init(connectingTo address: String) throws {
        guard let colon = address.lastIndex(of: ":"), UInt16(address[address.index(after: colon)...]) != nil else {
            throw Failure(call: "'\(address)' is no host:port", code: EINVAL)
        }
        let port = String(address[address.index(after: colon)...])
        var host = String(address[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }

        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // Without this an address in digits, which Lambda's is, would still load the resolver's libraries.
        hints.ai_flags =
            AI_NUMERICSERV | (host.utf8.allSatisfy { "0123456789.:".utf8.contains($0) } ? AI_NUMERICHOST : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &list) == 0, let first = list else {
            throw Failure(call: "look up \(host)", code: ENXIO)
        }
        defer { freeaddrinfo(first) }

        var failure = Failure(call: "connect", code: ECONNREFUSED)
        for place in sequence(first: first, next: { $0.pointee.ai_next }) {
            let one = socket(place.pointee.ai_family, place.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard one >= 0 else {
                failure = Failure(call: "socket", code: errno)
                continue
            }
            if connect(one, place.pointee.ai_addr, place.pointee.ai_addrlen) == 0 {
                var on: Int32 = 1
                setsockopt(one, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                descriptor = one
                return
            }
            failure = Failure(call: "connect", code: errno)
            close(one)
        }
        throw failure
    }

    deinit { close(descriptor) }

    /// Sends everything.
    func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = Glibc.send(
                descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if sent < 0, errno == EINTR { continue }
            guard sent >= 0 else { throw Failure(call: "send", code: errno) }
            rest = rest.dropFirst(sent)
        }
    }

    /// Waits for bytes, however long; 0 at the end of the connection.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(call: "receive", code: errno) }
            return count
        }
    }
}
