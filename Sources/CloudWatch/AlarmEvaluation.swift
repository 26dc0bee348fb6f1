import Events

/// The judgement of one alarm at one moment: datapoints in, state and reason out. No I/O.
///
/// More periods than N are fetched, since data come late: N + 2. Where N real datapoints are among them, the newest N decide
/// and gaps are passed over; else the gaps count as `treatMissingData` says, real datapoints first.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>
struct AlarmEvaluation {
    /// A period of the evaluation range.
    struct Slot: Hashable, Sendable {
        var start: Timestamp
        /// Nil: no data.
        var value: Double?
        var sampleCount = 0.0
    }

    /// What comes of it.
    struct Verdict: Hashable {
        var state: AlarmState
        var reason: String
        var reasonData: JSON
    }

    /// Periods that are fetched.
    static func range(_ evaluationPeriods: Int) -> Int { evaluationPeriods + 2 }

    let configuration: AlarmConfiguration
    let now: Timestamp

    private func isBreaching(_ value: Double) -> Bool {
        configuration.comparisonOperator.holds(value, configuration.threshold)
    }

    /// The new state; nil where it stays as it is. `slots` are oldest first.
    func verdict(_ slots: [Slot]) -> Verdict? {
        let periods = configuration.evaluationPeriods
        let required = configuration.required
        let real = slots.filter { $0.value != nil }
        let used = Array(real.suffix(periods))
        let breaching = used.filter { $0.value.map(isBreaching) ?? false }
        let filled = periods - used.count
        if used.contains(where: { isTooFew($0) }) { return nil }
        if filled == 0 {
            return breaching.count >= required
                ? crossed(.alarm, breaching, of: used) : crossed(.ok, used.filter { !breaching.contains($0) }, of: used)
        }
        switch configuration.treatMissingData {
        case .breaching:
            return breaching.count + filled >= required
                ? treated(.alarm, used, filled, "Breaching")
                : crossed(.ok, used.filter { !breaching.contains($0) }, of: used)
        case .notBreaching:
            return breaching.count >= required
                ? crossed(.alarm, breaching, of: used) : treated(.ok, used, filled, "NonBreaching")
        case .ignore, .missing:
            if used.isEmpty {
                return configuration.treatMissingData == .ignore ? nil : insufficient()
            }
            if breaching.count >= required { return crossed(.alarm, breaching, of: used) }
            if breaching.count < used.count {
                return crossed(.ok, used.filter { !breaching.contains($0) }, of: used)
            }
            // Only breaching data, fewer than required: too early to say, unless the oldest is as old as that.
            let age = slots.count - (slots.firstIndex { $0.value != nil } ?? slots.count)
            guard configuration.treatMissingData == .missing, age >= required else { return nil }
            return crossed(.alarm, breaching, of: used)
        }
    }

    /// Whether a percentile of the slot says little: fewer than 10 / (1 - p) values, below the median 10 / p.
    private func isTooFew(_ slot: Slot) -> Bool {
        guard !configuration.evaluatesLowSampleCountPercentile,
            case .extended(let extended)? = Statistic(configuration.statistic), let p = extended.percentile
        else { return false }
        let share = p >= 0.5 ? 1 - p : p
        return share <= 0 || slot.sampleCount < 10 / share - 1e-9
    }

    // MARK: - Words

    private func crossed(_ state: AlarmState, _ points: [Slot], of used: [Slot]) -> Verdict {
        let list = points.reversed().map { "\(Self.number($0.value ?? 0)) (\(Self.short($0.start)))" }
        let minimum =
            state == .alarm
            ? configuration.required : configuration.evaluationPeriods - configuration.required + 1
        let change = state == .alarm ? "OK -> ALARM" : "ALARM -> OK"
        let reason =
            "Threshold Crossed: \(points.count) out of the last \(used.count) datapoints "
            + "[\(list.joined(separator: ", "))] \(points.count == 1 ? "was" : "were") \(state == .alarm ? "" : "not ")"
            + "\(configuration.comparisonOperator.words) the threshold (\(Self.number(configuration.threshold))) "
            + "(minimum \(Self.count(minimum, "datapoint")) for \(change) transition)."
        return Verdict(state: state, reason: reason, reasonData: data(used))
    }

    private func treated(_ state: AlarmState, _ used: [Slot], _ filled: Int, _ as: String) -> Verdict {
        let received =
            used.isEmpty ? "no datapoints were" : used.count == 1 ? "1 datapoint was" : "\(used.count) datapoints were"
        let reason =
            "Threshold Crossed: \(received) received for \(Self.count(configuration.evaluationPeriods, "period")) and "
            + "\(filled) missing \(filled == 1 ? "datapoint was" : "datapoints were") treated as [\(`as`)]."
        return Verdict(state: state, reason: reason, reasonData: data(used))
    }

    private func insufficient() -> Verdict {
        let count = configuration.evaluationPeriods
        return Verdict(
            state: .insufficientData,
            reason: "Insufficient Data: \(Self.count(count, "datapoint")) \(count == 1 ? "was" : "were") unknown.",
            reasonData: data([]))
    }

    private func data(_ used: [Slot]) -> JSON {
        .compact([
            "version": "1.0", "queryDate": .string(Self.long(now)),
            "startDate": used.first.map { .string(Self.long($0.start)) },
            "unit": configuration.unit.map(JSON.string), "statistic": .string(configuration.statistic),
            "period": JSON(configuration.period),
            "recentDatapoints": .array(used.compactMap { $0.value.map { JSON($0) } }),
            "threshold": JSON(configuration.threshold),
            "evaluatedDatapoints": .array(
                used.reversed().map { slot in
                    .compact([
                        "timestamp": .string(Self.long(slot.start)), "sampleCount": JSON(slot.sampleCount),
                        "value": slot.value.map { JSON($0) },
                    ])
                }),
        ])
    }

    private static func count(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }

    /// A number as CloudWatch writes it in a reason: with a fraction always.
    private static func number(_ value: Double) -> String { "\(value)" }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// `15/08/18 21:15:00`
    private static func short(_ time: Timestamp) -> String {
        let c = time.components
        return "\(two(c.day))/\(two(c.month))/\(two(c.year % 100)) \(two(c.hour)):\(two(c.minute)):\(two(c.second))"
    }

    /// `2018-08-15T21:20:02.381+0000`
    static func long(_ time: Timestamp) -> String { String(time.iso8601.dropLast()) + "+0000" }
}
