import CFunctionProcess
import Glibc

/// One client's connection to the Runtime API of an environment.
final class RuntimeConnection {
    let descriptor: Int32
    var parser: RuntimeRequestParser
    /// What the socket did not take yet.
    var pending: [UInt8] = []
    /// Closed once ``pending`` is sent.
    var closesAfterSending = false
    /// Set where it has sent more requests at once than were answered in one turn.
    var isResting = false
    /// Set while the client waits for an event.
    var isParked = false

    init(descriptor: Int32, maximumBody: Int) {
        self.descriptor = descriptor
        parser = RuntimeRequestParser(maximumBody: maximumBody)
    }

    /// Sends, or keeps what the socket does not take; false where the connection is gone.
    func send(_ bytes: [UInt8]) -> Bool {
        if !pending.isEmpty {
            pending.append(contentsOf: bytes)
            return true
        }
        guard let sent = push(bytes[...]) else { return false }
        if sent < bytes.count { pending = Array(bytes[sent...]) }
        return true
    }

    /// Sends what was kept; false where the connection is gone.
    func flush() -> Bool {
        guard let sent = push(pending[...]) else { return false }
        pending.removeFirst(sent)
        return true
    }

    private func push(_ bytes: ArraySlice<UInt8>) -> Int? {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EINTR {
                continue
            } else if errno == EAGAIN {
                break
            } else {
                return nil
            }
        }
        return sent
    }
}

/// Listening on a loopback port that the system picks.
struct RuntimeListener {
    let descriptor: Int32
    let port: UInt16

    /// Nil where the host has no descriptor or port left.
    init?() {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Descriptor.flags, 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
    }

    enum Accepted {
        case client(descriptor: Int32, port: UInt16)
        /// Nobody waits.
        case none
        /// Somebody waits, and the host has no descriptor or memory for it.
        case later
    }

    /// The next client and its port.
    func accept() -> Accepted {
        var client: UInt16 = 0
        let accepted = sluice_accept(descriptor, &client)
        if accepted >= 0 { return .client(descriptor: accepted, port: client) }
        switch errno {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .later
        default: return .none
        }
    }
}

/// Descriptors that never block and that no child inherits.
enum Descriptor {
    static let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)

    /// A pipe whose reading end does not block; its writing end does, as a function expects of its output.
    static func pipe() -> (read: Int32, write: Int32)? {
        var ends: [Int32] = [0, 0]
        let code = sluice_pipe(&ends, 1)
        errno = code
        return code == 0 ? (ends[0], ends[1]) : nil
    }
}
