import Foundation
import Glibc

/// Mutates a corpus and hands the outcome to a body, for as long as it is asked to.
///
/// The corpus is `Corpus/NAME/`. `SLUICE_FUZZ_SECONDS` says how long a surface is tried (a third of a second otherwise) and
/// `SLUICE_FUZZ_SEED` with what. The input under way stands in a file: of a crash, that file is what caused it.
struct Fuzzer {
    private let name: String
    private let corpus: [[UInt8]]
    private let seed: UInt64
    private let seconds: Double
    /// Where the input under way stands.
    let current: String

    init(_ name: String) throws {
        self.name = name
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Corpus/" + name)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        corpus = try files.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
        let environment = ProcessInfo.processInfo.environment
        seed = environment["SLUICE_FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
        seconds = environment["SLUICE_FUZZ_SECONDS"].flatMap { Double($0) } ?? 0.3
        current = NSTemporaryDirectory() + "sluice-fuzz-\(name)-\(getpid())"
    }

    /// Where an input failed, for the message.
    func place(_ input: [UInt8]) -> String {
        "\(name), SLUICE_FUZZ_SEED=\(seed): \(String(decoding: input.prefix(2000), as: UTF8.self).debugDescription)"
    }

    /// Calls `body` with one input after another; how many there were.
    @discardableResult
    func run(_ body: ([UInt8]) throws -> Void) rethrows -> Int {
        let file = open(current, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer {
            close(file)
            unlink(current)
        }
        var dice = Dice(seed)
        let end = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
        var count = 0
        for input in corpus { try body(input) }
        while ContinuousClock.now < end {
            let input = mutated(&dice)
            ftruncate(file, 0)
            pwrite(file, input, input.count, 0)
            try body(input)
            count += 1
        }
        return count + corpus.count
    }

    private static let tokens: [[UInt8]] =
        [
            "\"", "'", "\\", "{", "}", "[", "]", "(", ")", ",", ":", "*", "$", "$.", "..", "/", "\0", "\r\n", "\n",
            "  ", "-", "1e999", "-1",
            "9223372036854775808", "null", "true", "!Ref ", "!Sub ", "&a ", "*a ", "<<: ", "é", "\u{1f600}", "\u{fffd}",
            "%00", "States.", "?", "#", "L", "W",
        ].map { Array($0.utf8) } + [[0xff], [0xc3], [0xed, 0xa0, 0x80]]

    private func mutated(_ dice: inout Dice) -> [UInt8] {
        var input = corpus[dice.below(corpus.count)]
        for _ in 0..<dice.below(6) + 1 {
            let place = dice.below(input.count + 1)
            switch dice.below(8) {
            case 0: if place < input.count { input[place] = UInt8(truncatingIfNeeded: dice.next()) }
            case 1: if place < input.count { input[place] ^= 1 << UInt8(dice.below(8)) }
            case 2: input.removeSubrange(place..<min(input.count, place + 1 + dice.below(8)))
            case 3: input.insert(contentsOf: Self.tokens[dice.below(Self.tokens.count)], at: place)
            case 4:
                // A stretch of it again, once or very often.
                let stretch = Array(input[place..<min(input.count, place + 1 + dice.below(20))])
                let times = dice.below(20) == 0 ? 300 : 1
                for _ in 0..<times { input.insert(contentsOf: stretch, at: place) }
            case 5: input.removeSubrange(place...)
            case 6:
                // The end of another one.
                let other = corpus[dice.below(corpus.count)]
                input = Array(input[..<place]) + other[dice.below(other.count + 1)...]
            default: input.swapAt(dice.below(max(1, input.count)), dice.below(max(1, input.count)), if: !input.isEmpty)
            }
        }
        return Array(input.prefix(20_000))
    }
}

extension [UInt8] {
    fileprivate mutating func swapAt(_ one: Int, _ other: Int, if can: Bool) { if can { swapAt(one, other) } }
}

/// The same dice at every run of a seed.
struct Dice {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() >> 1) % bound }
}
