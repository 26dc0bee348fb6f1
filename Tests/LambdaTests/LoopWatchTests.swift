import Events
import Testing

@testable import Lambda

/// Loops whose uploads carry no trace header: presumed from times, and shown by holding the function still.
@Suite("Loops through files")
struct LoopWatchTests {
    private var watch = LoopWatch()
    private var now = Timestamp(year: 2026, month: 1, day: 1)
    private var count = 0

    /// An event from an upload that is written now.
    private mutating func upload(_ function: String = "f") -> (id: String, isLoop: Bool) {
        count += 1
        let id = "r\(count)"
        return (id, watch.arrived(requestID: id, function: function, written: now, now: now))
    }

    /// Waits until the function may run; how long that took.
    private mutating func release(_ function: String = "f") -> Duration {
        let since = now
        while watch.isHeld(function, now: now) { now = now + .milliseconds(100) }
        return now - since
    }

    /// Runs an invocation of 50 ms; in its middle `during` happens.
    private mutating func run(_ id: String, during: (inout Self) -> Void = { _ in }) {
        watch.began(requestID: id, at: now)
        now = now + .milliseconds(25)
        during(&self)
        now = now + .milliseconds(25)
        watch.ended(requestID: id, at: now)
    }

    /// A chain in which each invocation uploads the next one's object; how many ran until it was cut, at most `limit`.
    private mutating func chain(_ limit: Int, between: (inout Self, Int) -> Void = { _, _ in }) -> Int {
        var event = upload()
        for round in 1...limit {
            _ = release()
            var next = event
            run(event.id) { next = $0.upload() }
            if next.isLoop { return round }
            event = next
            now = now + .milliseconds(20)
            between(&self, round)
        }
        return limit
    }

    @Test("a chain of uploads that stops whenever its function is held still is cut after 16 rounds")
    mutating func loop() { #expect(chain(100) == 16) }

    @Test("by way of another function too")
    mutating func twoFunctions() {
        var names = ["a", "b"]
        var event = upload(names[0])
        var rounds = 0
        while !event.isLoop, rounds < 100 {
            _ = release(names[0])
            var next = event
            let other = names[1]
            run(event.id) { next = $0.upload(other) }
            event = next
            names.swapAt(0, 1)
            now = now + .milliseconds(20)
            rounds += 1
        }
        #expect(rounds < 24)
    }

    @Test("uploads at a steady pace, each within the time of an invocation, are not the function's")
    mutating func steady() {
        var waited = Duration.zero
        var queue = [upload()]
        for _ in 0..<5000 {
            // Files come every 10 ms, whatever the function does.
            while watch.isHeld("f", now: now) {
                now = now + .milliseconds(10)
                waited += .milliseconds(10)
                queue.append(upload())
            }
            guard !queue.isEmpty else { break }
            let event = queue.removeFirst()
            #expect(!event.isLoop)
            run(event.id) { $0.now = $0.now - .milliseconds(20) }
            for _ in 0..<5 where queue.count < 50 {
                now = now + .milliseconds(10)
                watch.began(requestID: "other", at: now)
                queue.append(upload())
                watch.ended(requestID: "other", at: now)
            }
            #expect(queue.allSatisfy { !$0.isLoop })
        }
        #expect(waited < .seconds(3), "what is innocent is held still less and less often")
    }

    @Test("one upload from outside while the function is held still ends the presumption")
    mutating func outsider() {
        let rounds = chain(40) {
            $0.now = $0.now + .milliseconds($1 == 13 ? 300 : 0); if $1 == 14 { _ = $0.upload() }
        }
        #expect(rounds > 16)
    }

    @Test("a function that splits an object into many under its own prefix is no loop")
    mutating func splitter() {
        for _ in 0..<6 {
            let whole = upload()
            _ = release()
            var parts: [String] = []
            watch.began(requestID: whole.id, at: now)
            // Parts that came early run while later ones are being written.
            for _ in 0..<60 {
                now = now + .milliseconds(5)
                let part = upload()
                #expect(!part.isLoop)
                parts.append(part.id)
                if let first = parts.first, parts.count > 4 {
                    watch.began(requestID: first, at: now)
                    now = now + .milliseconds(1)
                    watch.ended(requestID: first, at: now)
                    parts.removeFirst()
                }
            }
            watch.ended(requestID: whole.id, at: now)
            for part in parts { run(part) }
            now = now + .milliseconds(100)
        }
    }

    @Test("where others never rest nothing is presumed, and the function is not held for long")
    mutating func restless() {
        watch.began(requestID: "long", at: now)
        var event = upload()
        for _ in 0..<40 {
            #expect(release() <= LoopWatch.patience)
            var next = event
            run(event.id) { next = $0.upload() }
            #expect(!next.isLoop)
            event = next
        }
    }
}
