import Foundation
import Testing

@testable import Validation

/// How long the random tests run, and from which seed: `SLUICE_FUZZ_SECONDS` a test, a new seed each time unless
/// `SLUICE_FUZZ_SEED` names one. Without the first a run is short and the same each time.
enum Fuzz {
    static let seconds = ProcessInfo.processInfo.environment["SLUICE_FUZZ_SECONDS"].flatMap(Double.init)
    static let seed =
        ProcessInfo.processInfo.environment["SLUICE_FUZZ_SEED"].flatMap(UInt64.init)
        ?? (seconds == nil ? 13 : UInt64.random(in: 1...999_999_999))

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "Conformance")

    static func corpus() throws -> [(name: String, bytes: [UInt8])] {
        let folder = folder.appendingPathComponent("corpus")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
            ($0, Array(try Data(contentsOf: folder.appendingPathComponent($0))))
        }
    }
}

/// SplitMix64: the same numbers from the same seed, on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}

@Suite("Random files")
struct FuzzTests {
    private static func validator(_ name: String) throws -> Validator {
        let format: Format =
            name.hasSuffix(".jsonl")
            ? .jsonLines
            : name.hasSuffix(".json")
                ? .json
                : name.hasPrefix("commented")
                    ? .delimited(
                        Dialect(
                            delimiter: ";", quote: "'", doubleQuote: false, escape: "\\", comment: "#",
                            skipInitialSpace: true))
                    : .csv
        return try Validator(
            RuleSet("t", format: format, missing: ["", "NA"]) {
                Column("a", .integer).max(3).unique()
                Column("b").maxLength(6).pattern("[^q]*").optional()
                Column("c", .any).oneOf("3", "z", "x,y")
                UniqueKey("a", "c")
                Compare("b", .notEqual, "c", severity: .warning)
                RowCount(1...)
                DistinctCount(of: "c", ...3)
                Aggregate(.quantile(0.5), of: "a", min: 0, max: 3)
            })
    }

    /// The report without its time, and what was quarantined.
    private static func answer(
        _ validator: Validator, _ bytes: [UInt8], chunk: Int?, threads: Int, block: Int
    ) throws -> (String, [UInt8]) {
        var kept: [UInt8] = []
        let options = ValidationOptions(threads: threads, offenders: 5, blockSize: block)
        var report: ValidationReport
        if let chunk {
            var position = 0
            report = try validator.validate(
                pull: { buffer in
                    let count = min(chunk, buffer.count, bytes.count - position)
                    buffer.copyBytes(from: bytes[position..<position + count])
                    position += count
                    return count
                }, options: options, quarantine: { kept.append(contentsOf: $0) })
        } else {
            report = try bytes.withUnsafeBytes {
                try validator.validate(bytes: $0, options: options, quarantine: { kept.append(contentsOf: $0) })
            }
        }
        #expect(report.rejected <= report.rows)
        report.seconds = 0
        // Where reading stops early, how much was read until then goes by the blocks.
        #expect(report.bytes <= bytes.count)
        report.bytes = 0
        return (report.jsonString(), kept)
    }

    private static func mutate(
        _ bytes: [UInt8], _ others: [(name: String, bytes: [UInt8])], _ random: inout SeededGenerator
    ) -> [UInt8] {
        var bytes = bytes
        let special: [[UInt8]] = [
            [0x22], [0x22, 0x22], [0x2c], [0x0a], [0x0d], [0x0d, 0x0a], [0], [0xff], [0xef, 0xbb, 0xbf], [0xe2, 0x80],
            [0x5c], [0x7b], [0x5d], [0x23], [0x27], [0x3b], Array("NA".utf8), Array("\\ud83d".utf8),
        ]
        for _ in 0...Int.random(in: 0...6, using: &random) {
            let at = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 0...80, using: &random))
            switch Int.random(in: 0...5, using: &random) {
            case 0, 1: bytes.insert(contentsOf: special.randomElement(using: &random) ?? [], at: at)
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 4: if at < bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &random) }
            default:
                let other = others.randomElement(using: &random)?.bytes ?? []
                let from = Int.random(in: 0...other.count, using: &random)
                bytes.insert(contentsOf: other[from..<min(other.count, from + 90)], at: at)
            }
        }
        return bytes
    }

    @Test("the answer is the same in one piece or a byte at a time, on one thread or two, with blocks of any size")
    func sameAnswer() throws {
        let corpus = try Fuzz.corpus()
        #expect(corpus.count > 5)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(Fuzz.seconds ?? 3600)
        let rounds = Fuzz.seconds == nil ? 25 : Int.max
        var round = 0
        while round < rounds, clock.now < end {
            for (name, original) in corpus {
                let seed = Fuzz.seed &+ UInt64(round)
                var random = SeededGenerator(state: seed)
                let bytes = round == 0 ? original : Self.mutate(original, corpus, &random)
                let validator = try Self.validator(name)
                let whole = try Self.answer(validator, bytes, chunk: nil, threads: 1, block: 1 << 20)
                let size = Int.random(in: 256...900, using: &random)
                let ways: [(chunk: Int?, threads: Int, block: Int)] = [
                    (1, 1, 1 << 20), (nil, 1, 256), (Int.random(in: 2...99, using: &random), 2, size), (nil, 2, size),
                ]
                for way in ways {
                    let other = try Self.answer(
                        validator, bytes, chunk: way.chunk, threads: way.threads, block: way.block)
                    guard other != whole else { continue }
                    let kept = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-\(seed)-\(name)")
                    try Data(bytes).write(to: kept)
                    Issue.record(
                        "SLUICE_FUZZ_SEED=\(seed), \(name), \(way), kept as \(kept.path):\n\(whole.0)\n\(other.0)")
                    return
                }
            }
            round += 1
        }
    }

    private static let probe: URL? = {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let places = [folder, Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent()]
        return places.map { $0.appendingPathComponent("validation-probe") }.first {
            FileManager.default.isExecutableFile(atPath: $0.path)
        }
    }()
    private static let clients = ProcessInfo.processInfo.environment["SLUICE_CLIENTS"]

    @Test(
        "random files get the verdict and the counts that independent engines give",
        .enabled(if: clients != nil, "SLUICE_CLIENTS says where the independent engines are"))
    func conformance() throws {
        let probe = try #require(Self.probe, "validation-probe stands beside the tests")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: (Self.clients ?? "") + "/bin/python3")
        process.arguments = [
            Fuzz.folder.appendingPathComponent("conformance.py").path, probe.path, String(Fuzz.seconds ?? 6),
            String(Fuzz.seed),
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
    }
}
