import CloudWatch
import EventBridge
import Events
import Foundation
import Glibc
import S3
import StepFunctions
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
}
