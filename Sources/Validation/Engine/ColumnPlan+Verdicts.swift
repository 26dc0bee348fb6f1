extension ColumnPlan {
    /// A position of the lane in the type's canonical form.
    func text(_ position: Int64) -> String {
        switch type.kind {
        case .boolean: return position == 1 ? "true" : "false"
        case .date: return Civil.text(days: Int(position))
        case .time, .datetime, .duration: return lane.exact(position).map(text(seconds:)) ?? ""
        case .year: return Civil.padded(Int(position), 4)
        case .yearMonth:
            let year = position >= 0 ? position / 12 : (position - 11) / 12
            return "\(Civil.padded(Int(year), 4))-\(Civil.padded(Int(position - year * 12) + 1, 2))"
        case .number:
            let value = Lane.double(position)
            return value.isNaN
                ? "NaN" : value.isInfinite ? (value < 0 ? "-INF" : "INF") : Literal(floatLiteral: value).text
        default: return lane.exact(position)?.text ?? ""
        }
    }

    /// A time, a datetime or a duration, all of them seconds, in the type's canonical form.
    func text(seconds value: ExactDecimal) -> String {
        let isNegative = value < .zero
        let magnitude = isNegative ? value.times(-1) : value
        switch type.kind {
        case .duration: return (isNegative ? "-" : "") + Civil.text(duration: magnitude)
        case .time:
            let (seconds, fraction) = Civil.parts(value)
            // A time in a zone may lie in the day before or after in UTC: it is told in a zone where it does not.
            let hours = seconds < 0 ? (-seconds + 3599) / 3600 : seconds < 86_400 ? 0 : (86_399 - seconds) / 3600 - 1
            let zone = hours == 0 ? "" : "\(hours < 0 ? "-" : "+")\(Civil.padded(Int(hours.magnitude), 2)):00"
            return Civil.text(secondsOfDay: seconds + hours * 3600) + fraction + zone
        default:
            let (seconds, fraction) = Civil.parts(value)
            let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
            return "\(Civil.text(days: days))T\(Civil.text(secondsOfDay: seconds - days * 86_400))\(fraction)Z"
        }
    }

    func smallest(_ tally: ColumnTally) -> ExactDecimal? {
        let onLane = tally.low <= tally.high ? lane.exact(tally.low) : nil
        return [onLane, tally.exactLow].compactMap(\.self).min()
    }

    func largest(_ tally: ColumnTally) -> ExactDecimal? {
        let onLane = tally.low <= tally.high ? lane.exact(tally.high) : nil
        return [onLane, tally.exactHigh].compactMap(\.self).max()
    }

    /// Whether a mean means anything: of numbers and lengths of time.
    var hasMean: Bool {
        switch type.kind {
        case .integer, .decimal, .number, .duration, .year: true
        default: false
        }
    }

    /// The sum; nil if it is no number, or its parts lie too far apart.
    private func sum(_ tally: ColumnTally) -> ExactDecimal? {
        switch lane {
        case .double: tally.doubles.value.flatMap { ExactDecimal(Array($0.description.utf8)) }
        case .scaled(let scale):
            tally.exactCount == 0
                ? ExactDecimal(tally.sum, scale: scale) : tally.exactSum?.adding(ExactDecimal(tally.sum, scale: scale))
        case .none: nil
        }
    }

    /// The mean, cut to nine places; nil if there is none.
    func mean(_ tally: ColumnTally) -> ExactDecimal? {
        guard tally.values > 0 else { return nil }
        if case .double = lane {
            guard let sum = tally.doubles.value else { return nil }
            return ExactDecimal(Array((sum / Double(tally.values)).description.utf8))
        }
        return sum(tally)?.divided(by: tally.values, places: 9)
    }

    func statistics(_ tally: ColumnTally) -> ColumnStatistics {
        var all = ColumnStatistics(
            name: name, type: type.name, values: tally.values, missing: tally.missing, invalid: tally.invalid)
        if tally.low <= tally.high || tally.exactLow != nil {
            let isExact = tally.exactCount > 0
            all.min = isExact ? smallest(tally).map(canonical) : text(tally.low)
            all.max = isExact ? largest(tally).map(canonical) : text(tally.high)
        }
        switch type.kind {
        case .integer, .decimal, .number: all.mean = mean(tally)?.text
        default: break
        }
        if lane == .none, tally.shortest <= tally.longest {
            all.minLength = tally.shortest
            all.maxLength = tally.longest
        }
        return all
    }

    func judge(
        _ function: TableRule.Aggregate, _ rule: FileRulePlan, _ index: Int, _ tally: ColumnTally
    ) -> (Bool, String) {
        func within(_ value: ExactDecimal?) -> (Bool, String) {
            guard let value else { return (false, "no values") }
            let holds = (rule.low.map { $0 <= value } ?? true) && (rule.high.map { value <= $0 } ?? true)
            return (holds, canonical(value))
        }
        switch function {
        case .mean:
            guard tally.values > 0 else { return (false, "no values") }
            guard let mean = mean(tally) else { return (false, "no finite mean") }
            if case .double = lane {
                let (holds, _) = within(mean)
                return (holds, mean.text)
            }
            // The mean itself may have no end: the sum is held against the bounds times the count, exactly.
            guard let sum = sum(tally) else { return (false, "no mean that can be told") }
            let holds =
                (rule.low.map { $0.times(tally.values) <= sum } ?? true)
                && (rule.high.map { sum <= $0.times(tally.values) } ?? true)
            if case .duration = type.kind { return (holds, canonical(mean)) }
            return (holds, mean.text)
        case .minimum: return extreme(tally, tally.low, within, smallest(tally))
        case .maximum: return extreme(tally, tally.high, within, largest(tally))
        case .quantile(let share):
            guard tally.values > 0 else { return (false, "no values") }
            let under = tally.under.isEmpty ? 0 : tally.under[index]
            let over = tally.over.isEmpty ? 0 : tally.over[index]
            // The quantile is the value of this rank, from 1: it is under the bound if so many values are.
            let rank = max(1, Share(share)?.rank(of: tally.values) ?? 1)
            let holds = under < rank && tally.values - over >= rank
            return (holds, "\(under) of \(tally.values) values under, \(over) over")
        }
    }

    /// NaN and the infinities have no decimal form: they compare by their place on the lane.
    private func extreme(
        _ tally: ColumnTally, _ position: Int64, _ within: (ExactDecimal?) -> (Bool, String), _ value: ExactDecimal?
    ) -> (Bool, String) {
        if case .double = lane, tally.values > 0, value == nil { return (false, text(position)) }
        return within(value)
    }

    /// Whether the newest value is at most `limit` seconds before `now`.
    func judgeAge(_ tally: ColumnTally, limit: Int, now: Int) -> (Bool, String) {
        guard let newest = largest(tally) else { return (false, "no values") }
        let seconds =
            if case .date = type.kind { Int(newest.lane(scale: 0, roundedUp: false)) * 86_400 } else {
                Int(newest.lane(scale: 0, roundedUp: false))
            }
        return (now - seconds <= limit, "the newest is \(now - seconds) s old")
    }
}
