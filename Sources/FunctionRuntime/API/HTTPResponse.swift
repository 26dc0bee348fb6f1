/// An HTTP/1.1 response, complete.
struct HTTPResponse: Sendable, Equatable {
    var status = 0
    /// Names in lower case.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// Whether another request may follow on the connection.
    var keepsAlive = true
}

/// Reads responses off a stream of bytes. It does no I/O: bytes go in, a response comes out once it is complete.
///
/// RFC 9112: bodies by `Transfer-Encoding: chunked`, `Content-Length`, or up to the connection's end; interim (1xx)
/// responses are passed over.
struct HTTPResponseParser {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    private enum State {
        case head
        case body(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        case untilEnd
    }

    /// A head, a chunk's size line or the trailers may be this long, in bytes.
    static let maximumHead = 1 << 16

    private var state = State.head
    private var response = HTTPResponse()
    private var buffer: [UInt8] = []
    private var at = 0

    /// Whether a response has begun.
    var isMidway: Bool { if case .head = state { at < buffer.count } else { true } }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if at == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            at = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next complete response, or nil where more bytes are needed.
    mutating func next() throws -> HTTPResponse? {
        while true {
            switch state {
            case .head:
                guard let lines = try linesUpToEmpty() else { return nil }
                if try begin(lines) { return finish() }
            case .body(let remaining):
                let left = take(remaining)
                state = .body(remaining: left)
                if left > 0 { return nil }
                return finish()
            case .chunkSize:
                guard let line = try line() else { return nil }
                let digits = line.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
                guard let size = Int(digits, radix: 16), size >= 0 else {
                    throw Malformed(description: "a chunk's size is '\(line)'")
                }
                state = size == 0 ? .trailers : .chunk(remaining: size)
            case .chunk(let remaining):
                let left = take(remaining)
                state = left > 0 ? .chunk(remaining: left) : .chunkEnd
                if left > 0 { return nil }
            case .chunkEnd:
                guard let line = try line() else { return nil }
                guard line.isEmpty else { throw Malformed(description: "a chunk is longer than its size says") }
                state = .chunkSize
            case .trailers:
                guard let line = try line() else { return nil }
                if line.isEmpty { return finish() }
            case .untilEnd:
                _ = take(.max)
                return nil
            }
        }
    }

    /// The connection has ended: the response that it completes, or nil where none had begun.
    mutating func end() throws -> HTTPResponse? {
        if case .untilEnd = state { return finish() }
        if isMidway { throw Malformed(description: "the connection ended in the middle of a response") }
        return nil
    }

    /// Reads status line and headers; true where the response has no body.
    private mutating func begin(_ lines: [String]) throws -> Bool {
        let status = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]), (100...599).contains(code)
        else { throw Malformed(description: "'\(lines.first ?? "")' is no status line") }
        response = HTTPResponse(status: code)
        for line in lines.dropFirst() {
            guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else {
                throw Malformed(description: "'\(line)' is no header")
            }
            response.headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmed
        }
        if (100..<200).contains(code) { return false }
        let connection = response.headers["connection"]?.lowercased() ?? ""
        response.keepsAlive = status[0] == "HTTP/1.0" ? connection == "keep-alive" : !connection.contains("close")
        if code == 204 || code == 304 { return true }
        if let encoding = response.headers["transfer-encoding"] {
            guard encoding.lowercased().hasSuffix("chunked") else {
                throw Malformed(description: "the transfer encoding '\(encoding)' is unknown")
            }
            state = .chunkSize
        } else if let length = response.headers["content-length"] {
            guard let length = Int(length), length >= 0 else {
                throw Malformed(description: "the content length is '\(length)'")
            }
            if length == 0 { return true }
            response.body.reserveCapacity(min(length, 8 << 20))
            state = .body(remaining: length)
        } else {
            response.keepsAlive = false
            state = .untilEnd
        }
        return false
    }

    private mutating func finish() -> HTTPResponse {
        defer {
            response = HTTPResponse()
            state = .head
        }
        return response
    }

    /// Moves up to `count` bytes into the body; what is still missing of them comes back.
    private mutating func take(_ count: Int) -> Int {
        let available = min(count, buffer.count - at)
        response.body.append(contentsOf: buffer[at..<at + available])
        at += available
        return count - available
    }

    private mutating func line() throws -> String? {
        guard let newline = buffer[at...].firstIndex(of: 0x0A) else {
            if buffer.count - at > Self.maximumHead { throw Malformed(description: "a line has no end") }
            return nil
        }
        let end = newline > at && buffer[newline - 1] == 0x0D ? newline - 1 : newline
        defer { at = newline + 1 }
        return String(decoding: buffer[at..<end], as: UTF8.self)
    }

    /// The lines up to an empty one; nothing is consumed before that has come.
    private mutating func linesUpToEmpty() throws -> [String]? {
        let start = at
        var lines: [String] = []
        while let line = try line() {
            if !line.isEmpty {
                lines.append(line)
            } else if !lines.isEmpty {
                return lines
            }
            if at - start > Self.maximumHead { break }
        }
        guard buffer.count - start <= Self.maximumHead else { throw Malformed(description: "the head is too long") }
        at = start
        return nil
    }
}

extension Substring {
    /// Without white space at both ends.
    fileprivate var trimmed: String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard let start = utf8.firstIndex(where: { !isSpace($0) }), let end = utf8.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(self[start...end])
    }
}
