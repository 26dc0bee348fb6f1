import Testing

@testable import CloudWatch

/// A small generator with a seed, so that a failure can be seen again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite struct ValueSketchTests {
    private func exact(_ sorted: [Double], _ percent: Double) -> Double {
        sorted[max(0, Int((percent / 100 * Double(sorted.count)).rounded(.up)) - 1)]
    }

    @Test("percentiles of any data are within one percent of the exact ones, merged in any grouping", arguments: 0..<20)
    func accuracy(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...5000, using: &random)
        let spread = Double.random(in: 0.1...12, using: &random)
        let values = (0..<count).map { _ in
            let size = Double.random(in: -spread...spread, using: &random)
            return (Bool.random(using: &random) ? 1 : -0.5) * (size > 0 ? size * size * size : -1 / (size - 0.01))
        }
        var parts = (0..<4).map { _ in Aggregate() }
        for value in values { parts[Int.random(in: 0..<4, using: &random)].add(value, count: 1) }
        var total = Aggregate()
        for part in parts {
            var copy = part
            if let sketch = part.sketch {
                let decoded: ValueSketch = try #require(ValueSketch(bytes: sketch.encoded()))
                copy.sketch = decoded
            }
            #expect(copy == part)
            total.merge(copy)
        }
        let sorted = values.sorted()
        for percent in [1, 10, 25, 50, 75, 90, 95, 99, 99.9] {
            let statistic = try #require(Statistic("p\(percent)"))
            let found = try #require(total.value(of: statistic))
            let wanted = exact(sorted, percent)
            #expect(abs(found - wanted) <= abs(wanted) * 0.0101 + 1e-12, "p\(percent) of \(count)")
        }
        #expect(total.sampleCount == Double(count))
        #expect(total.minimum == sorted.first)
        #expect(total.maximum == sorted.last)
    }

    @Test("few distinct values give exact percentiles, however many there are")
    func fewValues() throws {
        var aggregate = Aggregate()
        for value in 1...100 { aggregate.add(Double(value), count: 1000) }
        #expect(aggregate.sketch?.isExact == true)
        #expect(aggregate.value(of: try #require(Statistic("p99"))) == 99)
        #expect(aggregate.value(of: try #require(Statistic("p50"))) == 50)
        #expect(aggregate.value(of: try #require(Statistic("p100"))) == 100)
    }

    @Test("trimmed statistics follow their definitions")
    func trimmed() throws {
        var aggregate = Aggregate()
        for value in 1...10 { aggregate.add(Double(value), count: 1) }
        func value(_ text: String) throws -> Double? { aggregate.value(of: try #require(Statistic(text))) }
        #expect(try value("tm90") == 5)
        #expect(try value("TM(10%:90%)") == 5.5)
        #expect(try value("TC(2:5)") == 3)
        #expect(try value("TS(2:5)") == 12)
        #expect(try value("PR(:5)") == 50)
        #expect(try value("WM(10%:90%)") == 5.5)
        #expect(try value("IQM") == 5.5)
    }

    @Test(
        "a text that is no statistic is refused", arguments: ["p101", "p", "p1.", "Mean", "TM(5:1)", "PR(1%:2%)", "tm"])
    func faults(text: String) { #expect(Statistic(text) == nil) }

    @Test("bytes that are no distribution are refused and do not crash", arguments: 0..<50)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        _ = ValueSketch(bytes: [UInt8(seed % 3)] + bytes)
    }
}
