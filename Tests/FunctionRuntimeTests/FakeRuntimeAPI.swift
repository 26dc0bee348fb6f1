import Glibc
import Synchronization

/// A Runtime API to hold a function against: it answers what a test scripts, byte for byte, and records what was asked.
///
/// Blocking, on a thread of its own; each step of the script answers one request.
final class FakeRuntimeAPI: Sendable {
    struct Request: Sendable {
        var line: String
        var headers: [String: String]
        var body: [UInt8]
        /// Which of the connections it came on, from 0.
        var connection: Int
    }

    enum Step: Sendable {
        /// These bytes, in the given pieces.
        case answer([String])
        /// These bytes, then the connection is closed.
        case answerAndClose(String)
        /// The connection is closed without an answer.
        case close
    }

    let address: String
    private let recorded = Mutex<[Request]>([])
    private let listener: Int32

    var requests: [Request] { recorded.withLock { $0 } }

    init(_ script: [Step]) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let port = withUnsafeMutablePointer(to: &place) { place in
            place.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(listener, generic, length) == 0, listen(listener, 8) == 0 else { return UInt16(0) }
                getsockname(listener, generic, &length)
                return UInt16(bigEndian: place.pointee.sin_port)
            }
        }
        struct NoPort: Error {}
        guard port > 0 else { throw NoPort() }
        address = "127.0.0.1:\(port)"
        let script = Mutex(script[...])
        detach { [self] in
            var connection = 0
            while script.withLock({ !$0.isEmpty }) {
                let one = accept(listener, nil, nil)
                guard one >= 0 else { return }
                Self.serve(one, connection, script, recorded)
                close(one)
                connection += 1
            }
            // From here on nobody listens: the function is refused.
            close(listener)
        }
    }

    /// 200 with the headers of an event.
    static func event(_ body: String, id: String, headers: String = "") -> String {
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: \(id)\r\nLambda-Runtime-Deadline-Ms: 1700000000123\r\n"
            + "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n\(headers)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
    static let accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n"
    static let broken = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"

    private static func serve(
        _ one: Int32, _ connection: Int, _ script: borrowing Mutex<ArraySlice<Step>>,
        _ recorded: borrowing Mutex<[Request]>
    ) {
        var buffer: [UInt8] = []
        while true {
            guard script.withLock({ !$0.isEmpty }), let request = read(one, &buffer, connection) else { return }
            recorded.withLock { $0.append(request) }
            switch script.withLock({ $0.removeFirst() }) {
            case .answer(let pieces):
                for piece in pieces { write(one, piece) }
            case .answerAndClose(let bytes):
                write(one, bytes)
                return
            case .close:
                return
            }
        }
    }

    private static func write(_ one: Int32, _ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { send(one, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }

    private static func read(_ one: Int32, _ buffer: inout [UInt8], _ connection: Int) -> Request? {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        func more() -> Bool {
            let count = recv(one, &chunk, chunk.count, 0)
            guard count > 0 else { return false }
            buffer.append(contentsOf: chunk[..<count])
            return true
        }
        var end: Int?
        while end == nil {
            end = buffer.indices.first { buffer[$0...].starts(with: [13, 10, 13, 10]) }
            if end == nil, !more() { return nil }
        }
        let head = String(decoding: buffer[..<(end ?? 0)], as: UTF8.self).split(separator: "\r\n").map(String.init)
        buffer.removeFirst((end ?? 0) + 4)
        var headers: [String: String] = [:]
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while buffer.count < length { if !more() { return nil } }
        let body = Array(buffer[..<length])
        buffer.removeFirst(length)
        return Request(line: head.first ?? "", headers: headers, body: body, connection: connection)
    }
}

/// Runs `body` on a thread of its own.
func detach(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { pointer in
            if let pointer { Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body() }
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    pthread_detach(thread)
}
