import Events
import Testing

@testable import CloudWatch

@Suite struct AlarmEvaluationTests {
    private static let treatments: [AlarmConfiguration.TreatMissingData] = [
        .missing, .ignore, .breaching, .notBreaching,
    ]

    private func configuration(
        _ required: Int, of periods: Int, _ treatment: AlarmConfiguration.TreatMissingData, statistic: String = "Sum"
    ) -> AlarmConfiguration {
        var configuration = AlarmConfiguration(
            name: "a", metric: MetricIdentity("m", namespace: "n"), statistic: statistic,
            comparisonOperator: .greaterThanThreshold, threshold: 5, evaluationPeriods: periods)
        configuration.datapointsToAlarm = required
        configuration.treatMissingData = treatment
        return configuration
    }

    private func verdict(_ row: String, _ configuration: AlarmConfiguration, samples: Double = 1)
        -> AlarmEvaluation.Verdict?
    {
        let slots = row.split(separator: " ").enumerated().map { index, mark in
            AlarmEvaluation.Slot(
                start: Timestamp(year: 2026, month: 1, day: 1, minute: index),
                value: mark == "-" ? nil : mark == "X" ? 9 : 1, sampleCount: mark == "-" ? 0 : samples)
        }
        return AlarmEvaluation(
            configuration: configuration, now: Timestamp(year: 2026, month: 1, day: 1, minute: 5)
        ).verdict(slots)
    }

    @Test(
        "the truth tables of the user guide hold",
        arguments: [
            (3, "0 - X - X", "OK OK OK OK"),
            (3, "0 - - - -", "OK OK OK OK"),
            (3, "- - - - -", "INSUFFICIENT_DATA retain ALARM OK"),
            (3, "0 X X - X", "ALARM ALARM ALARM ALARM"),
            (3, "- - X - -", "ALARM retain ALARM OK"),
            (2, "0 - X - X", "ALARM ALARM ALARM ALARM"),
            (2, "0 0 X 0 X", "ALARM ALARM ALARM ALARM"),
            (2, "0 - X - -", "OK OK ALARM OK"),
            (2, "- - - - 0", "OK OK ALARM OK"),
            (2, "- - - X -", "ALARM retain ALARM OK"),
        ])
    func truthTable(required: Int, row: String, expected: String) {
        for (treatment, wanted) in zip(Self.treatments, expected.split(separator: " ")) {
            let state = verdict(row, configuration(required, of: 3, treatment))?.state.rawValue ?? "retain"
            #expect(state == wanted, "\(row), \(required) of 3, \(treatment)")
        }
    }

    @Test("a single fresh breach does not alarm before its time", arguments: ["- - - - X", "- - - X -"])
    func premature(row: String) { #expect(verdict(row, configuration(3, of: 3, .missing)) == nil) }

    @Test("reasons read as CloudWatch's do")
    func reasons() {
        #expect(
            verdict("0 X X - X", configuration(3, of: 3, .missing))?.reason
                == "Threshold Crossed: 3 out of the last 3 datapoints [9.0 (01/01/26 00:04:00), 9.0 (01/01/26 00:02:00), "
                + "9.0 (01/01/26 00:01:00)] were greater than the threshold (5.0) (minimum 3 datapoints for OK -> ALARM "
                + "transition).")
        #expect(
            verdict("0 X X - 0", configuration(3, of: 3, .missing))?.reason
                == "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (01/01/26 00:04:00)] was not greater than the "
                + "threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition).")
        #expect(
            verdict("- - -", configuration(1, of: 1, .breaching))?.reason
                == "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
                + "[Breaching].")
        #expect(
            verdict("- - - - X", configuration(3, of: 3, .breaching))?.reason
                == "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as "
                + "[Breaching].")
        #expect(
            verdict("- - -", configuration(1, of: 1, .missing))?.reason == "Insufficient Data: 1 datapoint was unknown."
        )
        let data = verdict("0 X X - X", configuration(3, of: 3, .missing))?.reasonData
        #expect(data?["startDate"] == "2026-01-01T00:01:00.000+0000")
        #expect(data?["recentDatapoints"] == [9, 9, 9])
        #expect(data?["evaluatedDatapoints"]?[0]?["timestamp"] == "2026-01-01T00:04:00.000+0000")
    }

    @Test("a percentile of too few values leaves the state as it is where that is asked for")
    func lowSamples() {
        var alarm = configuration(1, of: 1, .missing, statistic: "p90")
        #expect(verdict("X X X", alarm, samples: 99)?.state == .alarm)
        alarm.evaluatesLowSampleCountPercentile = false
        #expect(verdict("X X X", alarm, samples: 99) == nil)
        #expect(verdict("X X X", alarm, samples: 100)?.state == .alarm)
    }
}
