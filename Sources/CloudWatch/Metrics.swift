public import Events
public import Storage
import Synchronization

/// CloudWatch's metrics: what was measured, kept by period, and the statistics of it.
///
/// A datum goes into the row of its metric, period and unit: of a minute, or of a second for high resolution. Periods of
/// a second are kept 3 hours, of a minute 15 days, of 5 minutes 63 days, of an hour 455 days; older ones move up into the
/// next row. Percentiles survive that, since each row holds the distribution of its values.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>
public final class Metrics: Sendable {
    /// Seconds of the periods that are kept.
    static let resolutions = [1, 60, 300, 3600]
    /// From, into, and after how many seconds.
    private static let rollUps: [(resolution: Int, coarser: Int?, age: Int64)] = [
        (1, 60, 3 * 3600), (60, 300, 15 * 86400), (300, 3600, 63 * 86400), (3600, nil, 455 * 86400),
    ]
    private static let cacheLimit = 20_000

    private struct State {
        var ids: [MetricIdentity: Int64] = [:]
        var generation = 0
        var observer: (@Sendable (Set<MetricIdentity>) -> Void)?
    }

    let store: Store
    let time: any TimeSource
    private let state = Mutex(State())

    /// Metrics in `store`.
    public init(store: Store, time: any TimeSource = SystemTime()) {
        self.store = store
        self.time = time
    }

    /// `observer` is told, after each commit, which metrics have new data; it should only wake somebody.
    func observe(_ observer: @escaping @Sendable (Set<MetricIdentity>) -> Void) {
        state.withLock { $0.observer = observer }
    }

    // MARK: - Writing

    /// Adds the data to their periods. Values that are no numbers, or beyond 2^360, are refused with
    /// ``CloudWatchError/invalidParameterValue(_:)`` and nothing is written.
    public func put(_ data: [MetricDatum], in connection: Connection) throws {
        var sums: [MetricStore.Period: Aggregate] = [:]
        var touched: [MetricIdentity: Int64] = [:]
        for datum in data {
            let metric = MetricIdentity(datum.metricName, namespace: datum.namespace, dimensions: datum.dimensions)
            let id = try touched[metric] ?? identifier(of: metric, in: connection)
            let resolution = datum.storageResolution == 1 ? 1 : 60
            let seconds = datum.timestamp.milliseconds.aligned(to: 1000) / 1000
            let period = MetricStore.Period(
                metric: id, resolution: resolution, start: seconds.aligned(to: Int64(resolution)), unit: datum.unit)
            touched[metric] = id
            for value in datum.values {
                guard MetricUnits.isAllowed(value.value), value.count > 0, value.count.isFinite else {
                    throw CloudWatchError.invalidParameterValue(
                        "The value \(value.value) (\(value.count) times) for \(datum.metricName) is invalid.")
                }
                sums[period, default: Aggregate()].add(value.value, count: value.count)
            }
        }
        for (period, aggregate) in sums {
            guard try MetricStore.add(aggregate, to: period, in: connection) else { continue }
            try MetricStore.touch(period.metric, period: period.start, in: connection)
        }
        let names = Set(touched.keys)
        connection.afterCommit { [self] in state.withLock { $0.observer }?(names) }
    }

    /// The same in a transaction of its own.
    public func put(_ data: [MetricDatum]) async throws {
        try await store.write { try self.put(data, in: $0) }
    }

    private func identifier(of metric: MetricIdentity, in connection: Connection) throws -> Int64 {
        let (known, generation) = state.withLock { ($0.ids[metric], $0.generation) }
        if let known { return known }
        let id = try MetricStore.makeID(of: metric, in: connection)
        // Remembered once it is durable: a transaction that fails takes the row with it.
        connection.afterCommit { [self] in
            state.withLock { state in
                guard state.generation == generation else { return }
                if state.ids.count >= Self.cacheLimit { state.ids = [:] }
                state.ids[metric] = id
            }
        }
        return id
    }

    /// Moves periods that are old enough into coarser ones, and deletes those past 455 days; at most `limit` rows a
    /// transaction. Returns how many rows moved or went.
    @discardableResult
    public func enforceRetention(limit: Int = 2000) async throws -> Int {
        let now = time.now.milliseconds / 1000
        var total = 0
        for step in Self.rollUps {
            let before = (now - step.age).aligned(to: Int64(step.coarser ?? step.resolution))
            while true {
                let count = try await store.write {
                    try MetricStore.rollUp(
                        from: step.resolution, into: step.coarser, before: before, limit: limit, in: $0)
                }
                total += count
                if count < limit { break }
                try Task.checkCancellation()
            }
        }
        return try await total
            + store.write { connection in
                let count = try MetricStore.deleteUnused(before: now - 455 * 86400 - 3600, in: connection)
                if count > 0 {
                    self.state.withLock {
                        $0.ids = [:]
                        $0.generation += 1
                    }
                }
                return count
            }
    }

    // MARK: - Reading

    /// A page of the metrics that have had data in the last two weeks, in the order in which they first came; the token
    /// goes on behind it, nil at the end. A dimension without a value asks for any value. Throws ``CloudWatchError``.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html>
    public func list(
        namespace: String? = nil, metricName: String? = nil, dimensions: [(name: String, value: String?)] = [],
        nextToken: String? = nil, in connection: Connection
    ) throws -> (metrics: [MetricIdentity], nextToken: String?) {
        var after: Int64 = 0
        if let nextToken {
            guard let id = Int64(nextToken) else { throw CloudWatchError.invalidNextToken }
            after = id
        }
        let since = time.now.milliseconds / 1000 - 14 * 86400
        var found: [MetricIdentity] = []
        while true {
            let rows = try MetricStore.list(
                namespace: namespace, name: metricName, after: after, since: since, limit: 500, in: connection)
            for (id, metric) in rows {
                after = id
                guard
                    dimensions.allSatisfy({ wanted in
                        guard let value = metric.dimensions[wanted.name] else { return false }
                        return wanted.value == nil || wanted.value == value
                    })
                else { continue }
                found.append(metric)
                if found.count == 500 { return (found, String(after)) }
            }
            if rows.count < 500 { return (found, nil) }
        }
    }

    /// Checks a period as CloudWatch does: 1, 5, 10, 20, 30 or a multiple of 60, at most a day.
    static func check(period: Int) throws(CloudWatchError) {
        guard [1, 5, 10, 20, 30].contains(period) || (period > 0 && period % 60 == 0), period <= 86400 else {
            throw .invalidParameterValue(
                "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, and at most 86400; found \(period)."
            )
        }
    }

    /// The values of a metric by period, each `period` seconds long and counted from `origin` (seconds since 1970).
    func aggregates(
        _ metric: MetricIdentity, from: Int64, to: Int64, period: Int, origin: Int64 = 0, unit: String?,
        withValues: Bool, in connection: Connection
    ) throws -> [Int64: [String: Aggregate]] {
        guard let id = try MetricStore.id(of: metric, in: connection) else { return [:] }
        var result: [Int64: [String: Aggregate]] = [:]
        try MetricStore.forEachPeriod(
            id, from: from, to: to, period: period, unit: unit, withValues: withValues, in: connection
        ) { start, unit, aggregate in
            let bucket = origin + (start - origin).aligned(to: Int64(period))
            result[bucket, default: [:]][unit, default: Aggregate()].merge(aggregate, keepingValues: withValues)
        }
        return result
    }

    /// `GetMetricStatistics`: at most 1,440 datapoints, periods aligned to the start, which is rounded down to the
    /// minute (5 minutes beyond 15 days, an hour beyond 63). Throws ``CloudWatchError``.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>
    public func statistics(
        of metric: MetricIdentity, from start: Timestamp, to end: Timestamp, period: Int, statistics: [Statistic],
        unit: String? = nil, in connection: Connection
    ) throws -> [Datapoint] {
        try Self.check(period: period)
        guard !statistics.isEmpty else {
            throw CloudWatchError.missingParameter(
                "The request must contain the parameter Statistics or ExtendedStatistics.")
        }
        guard start < end else {
            throw CloudWatchError.invalidParameterValue(
                "The parameter StartTime must be less than the parameter EndTime.")
        }
        let count = ((end - start).milliseconds / 1000) / Int64(period)
        guard count <= 1440 else {
            throw CloudWatchError.invalidParameterCombination(
                "You have requested up to \(count) datapoints, which exceeds the limit of 1,440. You may reduce the "
                    + "datapoints requested by increasing Period, or decreasing the time range.")
        }
        let age = (time.now - start).milliseconds / 1000
        let rounding: Int64 = period < 60 ? Int64(period) : age > 63 * 86400 ? 3600 : age > 15 * 86400 ? 300 : 60
        let from = (start.milliseconds / 1000).aligned(to: rounding)
        let found = try aggregates(
            metric, from: from, to: (end.milliseconds + 999) / 1000, period: period, origin: from, unit: unit,
            withValues: statistics.contains(where: \.needsValues), in: connection)
        return found.sorted { $0.key < $1.key }.flatMap { start, units in
            units.sorted { $0.key < $1.key }.map { unit, aggregate in
                Datapoint(
                    timestamp: Timestamp(milliseconds: start * 1000), unit: unit,
                    values: Dictionary(
                        statistics.compactMap { statistic in
                            aggregate.value(of: statistic).map { (statistic.description, $0) }
                        }, uniquingKeysWith: { $1 }))
            }
        }
    }

    /// One statistic of a metric over time, all units together unless one is named; periods aligned to `origin`.
    /// Throws ``CloudWatchError``.
    public func series(
        of metric: MetricIdentity, statistic: Statistic, from start: Timestamp, to end: Timestamp, period: Int,
        unit: String? = nil, origin: Timestamp = Timestamp(milliseconds: 0), label: String? = nil,
        in connection: Connection
    ) throws -> MetricSeries {
        try Self.check(period: period)
        let originSeconds = origin.milliseconds / 1000
        let from = originSeconds + (start.milliseconds / 1000 - originSeconds).aligned(to: Int64(period))
        let found = try aggregates(
            metric, from: from, to: (end.milliseconds + 999) / 1000, period: period, origin: originSeconds, unit: unit,
            withValues: statistic.needsValues, in: connection)
        let points = found.sorted { $0.key < $1.key }.compactMap { start, units -> MetricSeries.Point? in
            var total = Aggregate()
            for aggregate in units.values { total.merge(aggregate, keepingValues: statistic.needsValues) }
            return total.value(of: statistic).map {
                MetricSeries.Point(
                    timestamp: Timestamp(milliseconds: start * 1000), value: $0, sampleCount: total.sampleCount)
            }
        }
        return MetricSeries(label: label ?? metric.metricName, period: period, points: points)
    }

    /// The same in a snapshot of its own.
    public func series(
        of metric: MetricIdentity, statistic: Statistic, from start: Timestamp, to end: Timestamp, period: Int,
        unit: String? = nil
    ) async throws -> MetricSeries {
        try await store.read {
            try self.series(
                of: metric, statistic: statistic, from: start, to: end, period: period, unit: unit, in: $0)
        }
    }
}
