import CloudWatch
import EventBridge
import Events
import Foundation
import Gateway
import Glibc
import NIOPosix
import S3
import StepFunctions
import Storage
import Template
import Testing

@testable import Lambda

/// Whatever comes from outside is taken or refused with a message; nothing crashes, hangs or gets out of its bucket.
@Suite("Fuzz", .serialized)
struct FuzzTests {
    /// A text no case may take longer for: far beyond what any takes, also under load.
    private static let patience = Duration.seconds(20)

    private func timed<Value>(_ fuzzer: Fuzzer, _ input: [UInt8], _ body: () throws -> Value) rethrows -> Value {
        let start = ContinuousClock.now
        let value = try body()
        #expect(ContinuousClock.now - start < Self.patience, "took too long: \(fuzzer.place(input))")
        return value
    }

    @Test("JSON that is read is written and read as the same value")
    func json() throws {
        let fuzzer = try Fuzzer("json")
        fuzzer.run { input in
            timed(fuzzer, input) {
                do {
                    let value = try JSON(parsing: input)
                    #expect((try? JSON(parsing: value.serialized())) == value, "\(fuzzer.place(input))")
                } catch {
                    #expect(!"\(error)".isEmpty)
                }
            }
        }
    }

    @Test("a template is read, or each fault is named with its line")
    func template() throws {
        let fuzzer = try Fuzzer("template")
        fuzzer.run { input in
            timed(fuzzer, input) {
                do throws(TemplateError) {
                    _ = try SAMTemplate.parse(String(decoding: input, as: UTF8.self), file: "t.yaml", parameters: [:])
                } catch {
                    #expect(!error.diagnostics.isEmpty, "\(fuzzer.place(input))")
                    for diagnostic in error.diagnostics {
                        #expect(diagnostic.description.hasPrefix("t.yaml"), "\(diagnostic) \(fuzzer.place(input))")
                    }
                }
            }
        }
    }

    @Test("a state machine's definition is read, or each fault is named")
    func states() throws {
        let fuzzer = try Fuzzer("states")
        fuzzer.run { input in
            guard let json = try? JSON(parsing: input) else { return }
            timed(fuzzer, input) {
                let (definition, diagnostics) = StateMachineDefinition.read(json, supports: { _ in true })
                #expect(definition != nil || !diagnostics.isEmpty, "\(fuzzer.place(input))")
            }
        }
    }

    @Test("paths and intrinsic functions in a definition are read, or the fault is named")
    func paths() throws {
        let fuzzer = try Fuzzer("path")
        fuzzer.run { input in
            let text = String(decoding: input, as: UTF8.self)
            let json: JSON = [
                "StartAt": "P",
                "States": [
                    "P": [
                        "Type": "Pass", "End": true, "InputPath": .string(text), "Parameters": ["a.$": .string(text)],
                    ]
                ],
            ]
            timed(fuzzer, input) {
                let (definition, diagnostics) = StateMachineDefinition.read(json, supports: { _ in true })
                #expect(definition != nil || !diagnostics.isEmpty, "\(fuzzer.place(input))")
            }
        }
    }

    @Test("an event pattern is read and asked, or refused with a reason")
    func patterns() throws {
        let fuzzer = try Fuzzer("pattern")
        let event: JSON = [
            "source": "lambda",
            "detail": ["a": 3, "b": "x.csv", "ip": "10.0.0.9", "w": "axb*c", "x": [1, 2], "y": [["z": true]]],
        ]
        fuzzer.run { input in
            timed(fuzzer, input) {
                do {
                    let pattern = try EventPattern(parsing: String(decoding: input, as: UTF8.self))
                    let answer = pattern.matches(event)
                    #expect(pattern.matches(event) == answer)
                } catch {
                    #expect(!"\(error)".isEmpty)
                }
            }
        }
    }

    @Test("an S3 event is read, or the member that is wrong is named")
    func events() throws {
        let fuzzer = try Fuzzer("event")
        fuzzer.run { input in
            guard let json = try? JSON(parsing: input) else { return }
            timed(fuzzer, input) {
                guard let event = try? S3Event(json: json) else { return }
                for record in event.records {
                    #expect((try? S3Event(json: ["Records": [record.json]])) != nil, "\(fuzzer.place(input))")
                }
            }
        }
    }

    @Test("a schedule is read and has its next time, or is refused")
    func schedules() throws {
        let fuzzer = try Fuzzer("schedule")
        fuzzer.run { input in
            timed(fuzzer, input) {
                let now = Timestamp(year: 2026, month: 2, day: 28)
                guard let schedule = try? ScheduleExpression(String(decoding: input, as: UTF8.self)) else { return }
                if let next = schedule.next(after: now) { #expect(next > now, "\(fuzzer.place(input))") }
            }
        }
    }

    @Test("a filter pattern is read and asked, or refused with a reason")
    func filters() throws {
        let fuzzer = try Fuzzer("filter")
        let lines = [
            #"{"level":"ERROR","code":500,"ip":"10.1","a":[null]}"#, "1.2.3.4 me x 404 2000", "ERROR exit 1", "",
        ]
        fuzzer.run { input in
            timed(fuzzer, input) {
                guard let pattern = try? FilterPattern(String(decoding: input, as: UTF8.self)) else { return }
                for line in lines { _ = pattern.matches(line) }
            }
        }
    }

    @Test("no key leads out of its bucket, not even by a link")
    func keys() throws {
        let fuzzer = try Fuzzer("key")
        let root = NSTemporaryDirectory() + "sluice-keys-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let manager = FileManager.default
        try manager.createDirectory(atPath: root + "/lake/raw/real", withIntermediateDirectories: true)
        try manager.createDirectory(atPath: root + "/outside", withIntermediateDirectories: true)
        try manager.createSymbolicLink(atPath: root + "/lake/raw/link", withDestinationPath: root + "/outside")
        let writer = ObjectWriter(lake: root + "/lake")
        let base = root + "/lake/raw/"
        fuzzer.run { input in
            let key = String(decoding: input, as: UTF8.self)
            timed(fuzzer, input) {
                if let path = try? ObjectPath.resolve(lake: root + "/lake", bucket: "raw", key: key) {
                    #expect(path.hasPrefix(base), "\(path) \(fuzzer.place(input))")
                    #expect(!path.split(separator: "/").contains { $0 == ".." || $0 == "." }, "\(path)")
                    #expect(!path.utf8.contains(0))
                }
                guard (try? writer.put([0x78], bucket: "raw", key: key)) != nil else { return }
                // It was taken: then it is a file under the bucket, under its own name.
                var real = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
                #expect(realpath(base + key, &real) != nil, "\(fuzzer.place(input))")
                let found = String(decoding: real.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                let realBase = (try? manager.destinationOfSymbolicLink(atPath: root)) ?? root
                #expect(found.hasPrefix(realBase + "/lake/raw/"), "\(found) \(fuzzer.place(input))")
            }
            #expect((try? manager.contentsOfDirectory(atPath: root + "/outside")) == [], "\(fuzzer.place(input))")
            try? manager.removeItem(atPath: base + "real")
        }
    }

    @Test("bytes on the Runtime API's socket, in any pieces, are requests or refused, and always the same")
    func runtime() throws {
        let fuzzer = try Fuzzer("runtime")
        var dice = Dice(3)
        fuzzer.run { input in
            timed(fuzzer, input) {
                func parse(_ pieces: [ArraySlice<UInt8>]) -> [String] {
                    var parser = RuntimeRequestParser(maximumBody: 1000)
                    var events: [String] = []
                    for piece in pieces {
                        piece.withUnsafeBytes { parser.push($0) }
                        while true {
                            let event = parser.next()
                            if event == .needMore { break }
                            events.append("\(event)")
                            if case .malformed = event { return events.dropLast() + ["malformed"] }
                            if events.count > 25_000 { return events }
                        }
                    }
                    return events
                }
                let whole = parse([input[...]])
                #expect(whole.count <= input.count + 1, "\(fuzzer.place(input))")
                let cut = dice.below(input.count + 1)
                #expect(parse([input[..<cut], input[cut...]]) == whole, "cut at \(cut): \(fuzzer.place(input))")
            }
        }
    }

    @Test("an expression of metric math has finite values, or is refused with a reason")
    func math() async throws {
        let fuzzer = try Fuzzer("math")
        let folder = NSTemporaryDirectory() + "sluice-math-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try Store(path: folder + "/db", schemas: [CloudWatchStore.schema])
        defer { store.close() }
        let start = Timestamp(year: 2026, month: 2, day: 28)
        let metrics = Metrics(store: store, time: ManualTime(start: start))
        let names = ["m1", "m2"]
        try await store.write { connection in
            try metrics.put(
                names.flatMap { name in
                    [0, 60, 180].map { second in
                        MetricDatum(
                            name, namespace: "n", value: Double(second) - 60, timestamp: start + .seconds(second))
                    }
                }, in: connection)
        }
        let sources = names.map {
            MetricDataQuery(
                id: $0, source: .metric(MetricIdentity($0, namespace: "n"), statistic: "Sum", period: 60),
                returnData: false)
        }
        _ = try await store.read { connection in
            fuzzer.run { input in
                timed(fuzzer, input) {
                    let expression = MetricDataQuery(
                        id: "e", source: .expression(String(decoding: input, as: UTF8.self)))
                    do {
                        let found = try metrics.data(
                            sources + [expression], from: start, to: start + .seconds(600), in: connection)
                        for (_, series) in found {
                            #expect(!series.points.contains { !$0.value.isFinite }, "\(fuzzer.place(input))")
                        }
                    } catch {
                        #expect(error is CloudWatchError, "\(error) \(fuzzer.place(input))")
                    }
                }
            }
        }
    }

    @Test("a line of output with embedded metrics gives metrics, or one fault")
    func embeddedMetrics() throws {
        let fuzzer = try Fuzzer("emf")
        fuzzer.run { input in
            timed(fuzzer, input) {
                let event = LogEvent(timestamp: .now, message: String(decoding: input, as: UTF8.self))
                switch EmbeddedMetricFormat.read(event) {
                case .none: break
                case .metrics(let data):
                    #expect(data.allSatisfy { !$0.metricName.isEmpty }, "\(fuzzer.place(input))")
                case .invalid(.parsing(let reason)), .invalid(.validation(let reason)):
                    #expect(!reason.isEmpty, "\(fuzzer.place(input))")
                }
            }
        }
    }

    @Test("bytes on the gateway's port get an answer of HTTP or the connection's end, and the next client its own")
    func gateway() async throws {
        let fuzzer = try Fuzzer("gateway")
        let lambda = LambdaInvocations { (request) async throws(LambdaError) in
            guard request.functionName == "echo" else { throw .resourceNotFound(arn: request.functionName) }
            return InvokeResult(statusCode: 200, payload: request.payload, requestID: "r")
        }
        let gateway = try await Gateway(port: 0, lambda: lambda, on: MultiThreadedEventLoopGroup.singleton)
        let port = gateway.port
        let clean = Array(
            "POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]".utf8)
        await withCheckedContinuation { continuation in
            // Sockets that block need a thread of their own.
            Thread.detachNewThread {
                var count = 0
                fuzzer.run { input in
                    let answer = Self.exchange(input, port: port, patience: 20)
                    #expect(answer.isEmpty || answer.starts(with: "HTTP/1.1 ".utf8), "\(fuzzer.place(input))")
                    count += 1
                    if count.isMultiple(of: 16) {
                        let next = Self.exchange(clean, port: port, patience: 20_000, until: "[]")
                        #expect(next.starts(with: "HTTP/1.1 200 ".utf8), "\(fuzzer.place(input))")
                    }
                }
                continuation.resume()
            }
        }
        await gateway.close()
    }

    /// Sends bytes and returns what comes until the other side ends, the answer ends with a text, or nothing has come for so many
    /// milliseconds.
    private static func exchange(_ bytes: [UInt8], port: Int, patience: Int32, until end: String? = nil) -> [UInt8] {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0, send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) >= 0 else { return [] }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            if let end, answer.suffix(end.utf8.count).elementsEqual(end.utf8) { return answer }
            var waited = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&waited, 1, patience) > 0 else { return answer }
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { return answer }
            answer += buffer[..<count]
        }
    }
}
