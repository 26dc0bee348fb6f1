import Events

/// A call of the Runtime API: exactly those that exist.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
enum RuntimeCall: Equatable {
    case next
    case response(requestID: String)
    case error(requestID: String)
    case initError

    init?(method: String, path: String) {
        let plain = path.prefix { $0 != "?" }
        let parts: [String] = plain.split(separator: Character("/")).map(String.init)
        guard parts.first == "2018-06-01", parts.count >= 4, parts[1] == "runtime" else { return nil }
        switch (method, parts.count, parts[2], parts[3], parts.count == 5 ? parts[4] : "") {
        case ("GET", 4, "invocation", "next", _): self = .next
        case ("POST", 5, "invocation", let id, "response"): self = .response(requestID: id)
        case ("POST", 5, "invocation", let id, "error"): self = .error(requestID: id)
        case ("POST", 4, "init", "error", _): self = .initError
        default: return nil
        }
    }
}

/// One request as it came off the wire.
struct RuntimeRequest: Equatable {
    /// Nil for a path or method that does not exist.
    var call: RuntimeCall?
    var body: [UInt8] = []
    /// Bytes of the body, also where it was too large to be kept.
    var bodyBytes = 0
    /// `Lambda-Runtime-Function-Error-Type`, from the head or the trailers.
    var errorType: String?
    var closes = false
}

/// HTTP/1.1 requests out of bytes: a push parser without I/O.
///
/// Bodies by `Content-Length` or in chunks; one that is larger than the limit is read to its end and not kept, so that the
/// client is there to hear why. RFC 9112.
struct RuntimeRequestParser {
    enum Event: Equatable {
        /// Nothing whole yet.
        case needMore
        /// The client waits for `100 Continue` before it sends the body.
        case expectsContinue
        case request(RuntimeRequest)
        /// No HTTP: answer 400 and close.
        case malformed(String)
    }

    private enum Stage { case head, body(Int), chunkSize, chunk(Int), chunkEnd, trailers, failed }

    static let maximumHead = 16384
    /// Bytes of the line that says a chunk's size, with its extensions and its end.
    private static let maximumSizeLine = 1024
    /// Bytes of a body that is too large that are still read before the connection is given up.
    static let maximumDrain = 64 << 20

    let maximumBody: Int
    private var buffer: [UInt8] = []
    private var at = 0
    private var scanned = 0
    private var stage = Stage.head
    private var request = RuntimeRequest()
    private var continuePending = false
    private var trailerBytes = 0

    init(maximumBody: Int) { self.maximumBody = maximumBody }

    /// Whether a request has begun and not ended.
    var isInside: Bool { if case .head = stage { at < buffer.count } else { true } }

    /// Bytes that have come and are kept.
    var heldBytes: Int { buffer.count - at + request.body.count }

    mutating func push(_ bytes: UnsafeRawBufferPointer) {
        if case .failed = stage { return }
        if at == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 16)
            at = 0
            scanned = 0
        } else if at > 65536 {
            buffer.removeFirst(at)
            scanned -= at
            at = 0
        }
        buffer.append(contentsOf: bytes)
    }

    mutating func next() -> Event {
        while true {
            switch stage {
            case .failed: return .needMore
            case .head:
                let end = headEnd()
                // Also where its end has come already: the limit does not depend on the pieces that it comes in.
                guard (end ?? buffer.count) - at <= Self.maximumHead else {
                    return fail("the head is longer than 16 KB")
                }
                guard let end else { return .needMore }
                if let problem = parseHead(upTo: end) { return fail(problem) }
                if continuePending {
                    continuePending = false
                    return .expectsContinue
                }
            case .body(let remaining):
                let left = take(remaining)
                if left > 0 {
                    stage = .body(left)
                    return request.bodyBytes > Self.maximumDrain ? fail("the body is larger than 64 MB") : .needMore
                }
                return finish()
            case .chunkSize:
                guard let line = line(upTo: Self.maximumSizeLine) else {
                    return isLong(Self.maximumSizeLine) ? fail("a chunk's size is no number") : .needMore
                }
                let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 }
                guard (1...8).contains(digits.count),
                    let size = Int(String(decoding: digits, as: UTF8.self), radix: 16),
                    size >= 0, digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-")
                else { return fail("a chunk's size is no number") }
                stage = size == 0 ? .trailers : .chunk(size)
            case .chunk(let remaining):
                let left = take(remaining)
                if left > 0 {
                    stage = .chunk(left)
                    return request.bodyBytes > Self.maximumDrain ? fail("the body is larger than 64 MB") : .needMore
                }
                stage = .chunkEnd
            case .chunkEnd:
                guard let line = line(upTo: 2) else {
                    return isLong(2) ? fail("a chunk is longer than its size") : .needMore
                }
                guard line.isEmpty else { return fail("a chunk is longer than its size") }
                stage = .chunkSize
            case .trailers:
                let left = Self.maximumHead - trailerBytes
                guard let line = line(upTo: left) else {
                    return isLong(left) ? fail("the trailers are longer than 16 KB") : .needMore
                }
                trailerBytes += line.count
                if line.isEmpty { return finish() }
                if let (name, value) = Self.field(line), name == "lambda-runtime-function-error-type" {
                    request.errorType = value
                }
            }
        }
    }

    private mutating func fail(_ message: String) -> Event {
        stage = .failed
        buffer = []
        at = 0
        return .malformed(message)
    }

    private mutating func finish() -> Event {
        stage = .head
        scanned = at
        trailerBytes = 0
        defer { request = RuntimeRequest() }
        return .request(request)
    }

    /// The place behind the empty line that ends the head.
    private mutating func headEnd() -> Int? {
        // Some clients end the request before with an extra line end.
        while at + 1 < buffer.count, buffer[at] == 13, buffer[at + 1] == 10 { at += 2 }
        var index = max(at, scanned - 3)
        while index + 3 < buffer.count {
            if buffer[index + 3] > 13 {
                index += 4
            } else if buffer[index] == 13, buffer[index + 1] == 10, buffer[index + 2] == 13, buffer[index + 3] == 10 {
                return index + 4
            } else {
                index += 1
            }
        }
        scanned = max(at, buffer.count - 3)
        return nil
    }

    /// Moves up to `count` bytes of the buffer into the body; returns how many are still to come.
    private mutating func take(_ count: Int) -> Int {
        let available = min(count, buffer.count - at)
        request.bodyBytes += available
        if request.bodyBytes <= maximumBody {
            request.body.append(contentsOf: buffer[at..<at + available])
        } else {
            request.body = []
        }
        at += available
        return count - available
    }

    /// The next line without its end, where it has come and has no more bytes than that with it.
    private mutating func line(upTo limit: Int) -> ArraySlice<UInt8>? {
        guard let end = buffer[at..<min(buffer.count, at + limit)].firstIndex(of: 10) else { return nil }
        defer { at = end + 1 }
        return end > at && buffer[end - 1] == 13 ? buffer[at..<end - 1] : buffer[at..<end]
    }

    /// Whether more has come than a line may have.
    private func isLong(_ limit: Int) -> Bool { buffer.count - at >= limit }

    private static func field(_ line: ArraySlice<UInt8>) -> (String, String)? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { return nil }
        let name = line[line.startIndex..<colon]
        guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 9 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 9 { value.removeLast() }
        return (String(decoding: name, as: UTF8.self).lowercased(), String(decoding: value, as: UTF8.self))
    }

    /// Nil, or what is wrong.
    private mutating func parseHead(upTo end: Int) -> String? {
        let limit = end - 2
        guard let first = line(upTo: end - at) else { return "the request line is missing" }
        let words = first.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[1].first == UInt8(ascii: "/"),
            words[2].elementsEqual("HTTP/1.1".utf8) || words[2].elementsEqual("HTTP/1.0".utf8)
        else { return "the request line is no HTTP/1.1" }
        request.closes = words[2].last == UInt8(ascii: "0")
        request.call = RuntimeCall(
            method: String(decoding: words[0], as: UTF8.self), path: String(decoding: words[1], as: UTF8.self))
        var length: Int?
        var chunked = false
        while at < limit, let line = line(upTo: end - at) {
            guard let (name, value) = Self.field(line) else { return "a header has no name" }
            switch name {
            case "content-length":
                guard let number = Int(value), number >= 0, value.utf8.allSatisfy({ (48...57).contains($0) }),
                    length == nil || length == number
                else { return "Content-Length is no number" }
                length = number
            case "transfer-encoding":
                guard value.lowercased() == "chunked" else { return "Transfer-Encoding is not chunked" }
                chunked = true
            case "connection": if value.lowercased().contains("close") { request.closes = true }
            case "expect": if value.lowercased() == "100-continue" { continuePending = true }
            case "lambda-runtime-function-error-type": request.errorType = value
            default: break
            }
        }
        at = end
        if chunked, length != nil { return "both Content-Length and Transfer-Encoding" }
        stage = chunked ? .chunkSize : .body(length ?? 0)
        if !chunked, (length ?? 0) == 0 { continuePending = false }
        if let length, length <= maximumBody { request.body.reserveCapacity(length) }
        return nil
    }
}
