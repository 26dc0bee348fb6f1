import Events
import Testing

@testable import Lambda

@Suite("State machines and rules of Lambda")
struct StateTests {
    private func state(_ calls: [RuntimeCall], begin: String? = nil) -> EnvironmentState {
        var state = EnvironmentState()
        for call in calls {
            _ = state.receive(call, bodyBytes: 0, maximumBody: 10)
            if let begin { state.begin(begin) }
        }
        return state
    }

    @Test("an environment goes from INIT to idle, busy, returning and idle again")
    func circle() {
        var state = EnvironmentState()
        #expect(state.receive(.next, bodyBytes: 0, maximumBody: 10) == .park(first: true))
        #expect(state.receive(.next, bodyBytes: 0, maximumBody: 10) == .parkAgain)
        state.begin("a")
        #expect(state.phase == .busy(requestID: "a"))
        #expect(state.receive(.response(requestID: "b"), bodyBytes: 0, maximumBody: 10) == .refuseRequestID)
        #expect(state.receive(.response(requestID: "a"), bodyBytes: 10, maximumBody: 10) == .complete(requestID: "a"))
        #expect(state.receive(.next, bodyBytes: 0, maximumBody: 10) == .park(first: false))
        state.begin("c")
        #expect(
            state.receive(.response(requestID: "c"), bodyBytes: 11, maximumBody: 10)
                == .completeTooLarge(requestID: "c"))
        #expect(state.receive(.next, bodyBytes: 0, maximumBody: 10) == .park(first: false))
        state.begin("d")
        #expect(state.receive(.error(requestID: "d"), bodyBytes: 0, maximumBody: 10) == .fail(requestID: "d"))
    }

    @Test("calls that do not fit the state are refused and change nothing")
    func refused() {
        let calls: [RuntimeCall] = [.response(requestID: "a"), .error(requestID: "a")]
        for before in [state([]), state([.next]), state([.next, .response(requestID: "a")], begin: "a")] {
            for call in calls {
                var after = before
                guard case .refuse = after.receive(call, bodyBytes: 0, maximumBody: 10) else {
                    Issue.record("\(before.phase) took \(call)")
                    continue
                }
                #expect(after == before)
            }
        }
        var busy = state([.next], begin: "a")
        #expect(busy.receive(.next, bodyBytes: 0, maximumBody: 10) == .refuse(from: "Running", to: "Ready"))
        #expect(busy.receive(.initError, bodyBytes: 0, maximumBody: 10) == .refuse(from: "Running", to: "InitError"))
        #expect(busy.receive(nil, bodyBytes: 0, maximumBody: 10) == .unknownCall)
    }

    @Test("retries come after one and two minutes, unless the event is too old by then")
    func retries() {
        let received = Timestamp(year: 2026, month: 1, day: 1)
        var config = EventInvokeConfig()
        func verdict(_ tries: Int, _ now: Timestamp) -> RetryPolicy.Verdict {
            RetryPolicy.verdict(failed: true, tries: tries, since: received, now: now, config: config)
        }
        #expect(verdict(1, received) == .retry(at: received + .seconds(60)))
        #expect(verdict(2, received) == .retry(at: received + .seconds(120)))
        #expect(verdict(3, received) == .exhausted)
        config.maximumEventAge = 100
        #expect(verdict(2, received) == .aged)
        config.maximumRetryAttempts = 0
        #expect(verdict(1, received) == .exhausted)
        #expect(
            RetryPolicy.verdict(failed: false, tries: 9, since: received, now: received, config: config)
                == .succeeded)
    }

    @Test("a trace header carries the chain on, and ends it after 16 times")
    func lineage() throws {
        let start = try #require(
            TraceHeader("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1;Lineage=1234abcd:3|x:bad"))
        #expect(start.lineage.map(\.count) == [3])
        var chain = start
        for _ in 0..<16 { chain = try #require(chain.entering("arn:a").flatMap { TraceHeader($0.description) }) }
        #expect(chain.entering("arn:a") == nil && chain.entering("arn:b") != nil)
        #expect(
            TraceHeader("Parent=1") == nil && TraceHeader("Root=a b") == nil && TraceHeader("Root=a\r\nX: y") == nil)
    }

    @Test("output is split into lines, cut over the rate, and what was left out is said")
    func output() {
        var capture = OutputCapture(rate: 1000)
        let time = Timestamp(year: 2026, month: 1, day: 1)
        func write(_ text: String, _ time: Timestamp) {
            Array(text.utf8).withUnsafeBytes { capture.write($0, at: time) }
        }
        write("one\ntw", time)
        write("o\r\n\nrest", time)
        capture.finish(at: time)
        #expect(capture.take().map(\.message) == ["one", "two", "", "rest"])
        for _ in 0..<50 { write("0123456789\n", time) }
        write("next\n", time + .seconds(1))
        let lines = capture.take().map(\.message)
        // A line costs 48 bytes besides its own, so that a flood of empty lines is cut too.
        #expect(lines.count == 16 && lines.last == "next")
        #expect(lines.contains("[sluice] left out 396 bytes in 36 lines: more than 1000 bytes of output a second"))
    }

    @Test("figures are written as Lambda writes them")
    func report() {
        let figures = ReportLine.Figures(
            duration: 4.415, billed: 338, maximumMemory: 36, initDuration: 333.05, status: .success)
        #expect(
            ReportLine.report(figures, requestID: "id", memorySize: 128)
                == "REPORT RequestId: id\tDuration: 4.42 ms\tBilled Duration: 338 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 333.05 ms\t"
        )
        #expect(ReportLine.milliseconds(0.004) == "0.00" && ReportLine.milliseconds(3000) == "3000.00")
    }

    @Test("base64 goes there and back", arguments: 0..<40)
    func base64(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + 200) }
        #expect([UInt8](base64: bytes.base64) == bytes)
        #expect([UInt8](base64: bytes.base64 + "?") == nil)
    }
}
