import Events
import Testing

@testable import FunctionRuntime

@Suite("The Runtime API's client")
struct RuntimeAPITests {
    private typealias Fake = FakeRuntimeAPI

    @Test("events and responses go over one connection, and the headers come out as the invocation")
    func roundTrip() throws {
        let trace = "lambda-runtime-TRACE-id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0\r\n"
        let fake = try Fake([
            .answer([Fake.event("{\"a\":1}", id: "one", headers: trace + "Lambda-Runtime-Client-Context: {}\r\n")]),
            .answer([Fake.accepted]), .answer([Fake.event("2", id: "two")]),
        ])
        let api = try RuntimeAPI(address: fake.address)
        let first = try api.next()
        #expect(first.requestID == "one")
        #expect(first.deadline == Timestamp(milliseconds: 1_700_000_000_123))
        #expect(first.invokedFunctionARN == "arn:aws:lambda:us-east-1:000000000000:function:f")
        #expect(first.traceID == "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
        #expect(first.clientContext == "{}")
        #expect(String(decoding: first.payload, as: UTF8.self) == "{\"a\":1}")
        #expect(try api.respond(to: "one", with: Array("true".utf8)) == .accepted)
        #expect(try api.next().traceID == nil)
        #expect(
            fake.requests.map(\.line) == [
                "GET /2018-06-01/runtime/invocation/next HTTP/1.1",
                "POST /2018-06-01/runtime/invocation/one/response HTTP/1.1",
                "GET /2018-06-01/runtime/invocation/next HTTP/1.1",
            ])
        #expect(fake.requests.map(\.connection) == [0, 0, 0])
        #expect(fake.requests[1].body == Array("true".utf8))
    }

    @Test("a response of 6 MB arrives whole, and so does an event of 6 MB")
    func large() throws {
        let text = String(repeating: "x", count: 6 << 20)
        let fake = try Fake([.answer([Fake.event("\"\(text)\"", id: "one")]), .answer([Fake.accepted])])
        let api = try RuntimeAPI(address: fake.address)
        let event = try api.next()
        #expect(event.payload.count == 6 << 20 + 2)
        _ = try api.respond(to: "one", with: event.payload)
        #expect(fake.requests[1].body == event.payload)
    }

    @Test("a connection that the peer closed is made anew")
    func reconnects() throws {
        let fake = try Fake([
            .answerAndClose(Fake.event("1", id: "one")), .close, .answer([Fake.accepted]),
            .answerAndClose("HTTP/1.1 200 OK\r\nConnection: close\r\nLambda-Runtime-Aws-Request-Id: x\r\n\r\n5"),
        ])
        let api = try RuntimeAPI(address: fake.address)
        _ = try api.next()
        #expect(throws: RuntimeAPI.Failure.self) { try api.respond(to: "one", with: []) }
        _ = try api.respond(to: "one", with: [])
        #expect(try api.next().payload == Array("5".utf8))
    }

    @Test("an event in chunks, and in pieces, is the same event")
    func chunked() throws {
        let fake = try Fake([
            .answer([
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-", "Request-Id: x\r\nTransfer-Encoding: chunked\r\n\r",
                "\n4\r\n[1,2\r\n", "1\r\n]\r\n0\r\n\r\n",
            ])
        ])
        #expect(try RuntimeAPI(address: fake.address).next().payload == Array("[1,2]".utf8))
    }

    @Test("500 and a vanished API end it; 413 and 403 are about one invocation")
    func statuses() throws {
        let fake = try Fake([
            .answer(["HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"]),
            .answer(["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]), .answer([Fake.broken]),
        ])
        let api = try RuntimeAPI(address: fake.address)
        #expect(try api.respond(to: "one", with: []) == .tooLarge)
        #expect(try api.respond(to: "one", with: []) == .accepted)
        #expect(throws: RuntimeAPI.Failure.self) { try api.next() }
        #expect(throws: RuntimeAPI.Failure.self) { try api.next() }
    }

    @Test("an error is reported with its Swift type's name")
    func errors() throws {
        enum Spoilt: Error { case milk }
        let fake = try Fake([.answer([Fake.accepted]), .answer([Fake.accepted])])
        let api = try RuntimeAPI(address: fake.address)
        try api.reportError(FunctionError(Spoilt.milk), of: "one")
        try api.reportInitError(FunctionError(errorType: "Pair<Int, Ü>", errorMessage: "\"\n"))
        #expect(fake.requests[0].headers["lambda-runtime-function-error-type"] == "Spoilt")
        #expect(
            try JSON(parsing: fake.requests[0].body)
                == ["errorMessage": "milk", "errorType": "Spoilt", "stackTrace": []])
        #expect(fake.requests[1].line == "POST /2018-06-01/runtime/init/error HTTP/1.1")
        #expect(fake.requests[1].headers["lambda-runtime-function-error-type"] == "Pair<Int,___>")
    }
}
