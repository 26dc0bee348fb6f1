import Events
import Testing

@testable import Lambda

@Suite("Runtime API requests off the wire")
struct RuntimeRequestParserTests {
    /// All events of a text that comes in pieces of this many bytes.
    private func parse(_ text: String, pieces: Int, limit: Int = 1000) -> [RuntimeRequestParser.Event] {
        var parser = RuntimeRequestParser(maximumBody: limit)
        var events: [RuntimeRequestParser.Event] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            Array(bytes[start..<min(start + pieces, bytes.count)]).withUnsafeBytes { parser.push($0) }
            while true {
                let event = parser.next()
                if event == .needMore { break }
                events.append(event)
            }
        }
        return events
    }

    private func requests(_ events: [RuntimeRequestParser.Event]) -> [RuntimeRequest] {
        events.compactMap { if case .request(let request) = $0 { request } else { nil } }
    }

    @Test(
        "calls are told apart, one after another on a connection, however they are cut",
        arguments: [1, 2, 3, 7, 64, 4096])
    func calls(pieces: Int) {
        let text =
            "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            + "POST /2018-06-01/runtime/invocation/a-b/response HTTP/1.1\r\ncontent-LENGTH:  4 \r\n\r\nabcd"
            + "POST /2018-06-01/runtime/invocation/a-b/error HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n"
            + "lambda-runtime-function-error-type: Oh.No\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
            + "POST /2018-06-01/runtime/init/error HTTP/1.0\r\n\r\n"
        let found = requests(parse(text, pieces: pieces))
        #expect(
            found.map(\.call) == [.next, .response(requestID: "a-b"), .error(requestID: "a-b"), .initError])
        #expect(found.map { String(decoding: $0.body, as: UTF8.self) } == ["", "abcd", "abc0123456789", ""])
        #expect(found[2].errorType == "Oh.No" && found[3].closes && !found[0].closes)
    }

    @Test("a body over the limit is counted to its end, and not kept")
    func large() {
        let text =
            "POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nContent-Length: 11\r\n\r\n01234567890"
            + "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
        let found = requests(parse(text, pieces: 3, limit: 10))
        #expect(found.map(\.bodyBytes) == [11, 0] && found[0].body.isEmpty && found[1].call == .next)
    }

    @Test("a client that waits for 100-continue is told to go on, before its body")
    func expects() {
        let text =
            "POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
        let events = parse(text, pieces: 1)
        #expect(events.first == .expectsContinue && requests(events).map(\.bodyBytes) == [2])
    }

    @Test(
        "what is no HTTP is said to be none",
        arguments: [
            "hello\r\n\r\n", "GET /x HTTP/2.0\r\n\r\n", "GET  /x HTTP/1.1\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
            "GET /x HTTP/1.1\r\nno colon\r\n\r\n", "GET /x HTTP/1.1\r\n: empty\r\n\r\n",
            "POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST /x HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n",
            "POST /x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "POST /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST /x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        ])
    func malformed(text: String) {
        for pieces in [1, 1000] {
            guard case .malformed? = parse(text, pieces: pieces).last else {
                Issue.record("accepted: \(text)")
                continue
            }
        }
    }

    @Test(
        "a head, a chunk's size and trailers have a limit, in whatever pieces they come", arguments: [1, 1000, 1 << 20])
    func limits(pieces: Int) {
        let post = "POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
        func many(_ count: Int) -> String { String(repeating: "a: b\r\n", count: count) }
        #expect(
            parse("GET /x HTTP/1.1\r\n" + many(5000), pieces: pieces) == [.malformed("the head is longer than 16 KB")])
        #expect(
            parse("GET /x HTTP/1.1\r\n" + many(5000) + "\r\n", pieces: pieces)
                == [.malformed("the head is longer than 16 KB")])
        #expect(
            parse(post + "\r\n0;" + String(repeating: "x", count: 2000) + "\r\n\r\n", pieces: pieces)
                == [.malformed("a chunk's size is no number")])
        #expect(
            parse(post + "\r\n0\r\n" + many(5000) + "\r\n", pieces: pieces)
                == [.malformed("the trailers are longer than 16 KB")])
        #expect(parse(post + many(2000) + "\r\n0\r\n" + many(2000) + "\r\n", pieces: pieces).count == 1)
    }

    @Test("random bytes and mutated requests never do worse than being refused")
    func fuzz() {
        var random = SystemRandomNumberGenerator()
        let seeds = [
            "POST /2018-06-01/runtime/invocation/a-b/error HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "POST /2018-06-01/runtime/invocation/a-b/response HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd",
        ].map { Array($0.utf8) }
        for round in 0..<3000 {
            var bytes = seeds[round % 2]
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch round % 3 {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: bytes[place...], at: place)
                }
                if bytes.isEmpty { bytes = [0] }
                if bytes.count > 20000 { bytes.removeLast(bytes.count - 20000) }
            }
            var parser = RuntimeRequestParser(maximumBody: 100)
            bytes.withUnsafeBytes { parser.push($0) }
            var events = 0
            while parser.next() != .needMore { events += 1 }
            #expect(events <= bytes.count)
        }
    }
}
