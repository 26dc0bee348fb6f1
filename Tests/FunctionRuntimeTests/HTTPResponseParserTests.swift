import Testing

@testable import FunctionRuntime

@Suite("Responses of the Runtime API")
struct HTTPResponseParserTests {
    private func parse(_ text: String, step: Int) throws -> [HTTPResponse] {
        var parser = HTTPResponseParser()
        var responses: [HTTPResponse] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            Array(bytes[start..<min(bytes.count, start + step)]).withUnsafeBytes { parser.append($0) }
            while let response = try parser.next() { responses.append(response) }
        }
        if let last = try parser.end() { responses.append(last) }
        return responses
    }

    @Test("a response is the same in one piece and byte by byte", arguments: [1, 2, 3, 7, 4096])
    func pieces(step: Int) throws {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nLAMBDA-runtime-AWS-request-ID:  abc \r\ncontent-LENGTH: 5\r\n\r\nhello"
            + "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n"
            + "HTTP/1.1 204 No Content\r\n\r\n" + "HTTP/1.1 200 OK\r\n\r\nto the end"
        let responses = try parse(text, step: step)
        #expect(responses.map(\.status) == [200, 202, 204, 200])
        #expect(
            responses.map { String(decoding: $0.body, as: UTF8.self) } == ["hello", "abc0123456789", "", "to the end"])
        #expect(responses[0].headers["lambda-runtime-aws-request-id"] == "abc")
        #expect(responses.map(\.keepsAlive) == [true, true, true, false])
    }

    @Test(
        "what is no response is refused",
        arguments: [
            "HTTQ/1.1 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "HTTP/1.1 200",
        ])
    func malformed(text: String) {
        #expect(throws: HTTPResponseParser.Malformed.self) { try parse(text, step: 4) }
    }
}
