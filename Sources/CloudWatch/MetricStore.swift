import Events
import Foundation
import GRDB
import Storage

/// The SQL of metrics: one row a metric and dimension set, and one row a period of it.
enum MetricStore {
    static let tables = """
        CREATE TABLE metrics (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            dimensions TEXT NOT NULL,
            last_period INTEGER NOT NULL,
            UNIQUE (namespace, name, dimensions)
        ) STRICT;
        CREATE TABLE metric_periods (
            metric_id INTEGER NOT NULL,
            resolution INTEGER NOT NULL,
            start INTEGER NOT NULL,
            unit TEXT NOT NULL,
            sample_count REAL NOT NULL,
            sum REAL NOT NULL,
            minimum REAL NOT NULL,
            maximum REAL NOT NULL,
            distribution BLOB,
            PRIMARY KEY (metric_id, resolution, start, unit)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX metric_periods_by_age ON metric_periods (resolution, start);
        """

    /// One row of `metric_periods`.
    struct Period: Hashable, Sendable {
        var metric: Int64
        /// Seconds: 1, 60, 300 or 3600.
        var resolution: Int
        /// Seconds since 1970.
        var start: Int64
        var unit: String
    }

    /// Dimensions as text that is the same whatever their order.
    static func text(_ dimensions: [String: String]) -> String {
        if dimensions.isEmpty { return "{}" }
        return JSON.object(JSONObject(dimensions.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) }))
            .description
    }

    private static func dimensions(_ text: String) -> [String: String] {
        guard let object = try? JSON(parsing: text).object else { return [:] }
        return Dictionary(object.compactMap { member in member.value.string.map { (member.key, $0) } }) { $1 }
    }

    static func id(of metric: MetricIdentity, in connection: Connection) throws -> Int64? {
        try connection.value(
            Int64.self, "SELECT id FROM metrics WHERE namespace = ? AND name = ? AND dimensions = ?",
            [metric.namespace, metric.metricName, text(metric.dimensions)])
    }

    static func makeID(of metric: MetricIdentity, in connection: Connection) throws -> Int64 {
        if let id = try id(of: metric, in: connection) { return id }
        try connection.execute(
            "INSERT INTO metrics (namespace, name, dimensions, last_period) VALUES (?, ?, ?, 0)",
            [metric.namespace, metric.metricName, text(metric.dimensions)])
        return connection.lastInsertedID
    }

    static func touch(_ id: Int64, period: Int64, in connection: Connection) throws {
        try connection.execute(
            "UPDATE metrics SET last_period = ? WHERE id = ? AND last_period < ?", [period, id, period])
    }

    /// Adds to a period's row, or makes it. Returns whether the period is new.
    @discardableResult
    static func add(_ aggregate: Aggregate, to period: Period, in connection: Connection) throws -> Bool {
        var total = aggregate
        var isNew = true
        if let row = try connection.row(
            """
            SELECT sample_count, sum, minimum, maximum, distribution FROM metric_periods
            WHERE metric_id = ? AND resolution = ? AND start = ? AND unit = ?
            """, [period.metric, period.resolution, period.start, period.unit])
        {
            // The row's distribution is the larger one: what is new goes into it.
            total = Aggregate(row, at: 0, withValues: true)
            total.merge(aggregate)
            isNew = false
        }
        try connection.execute(
            """
            INSERT INTO metric_periods
                (metric_id, resolution, start, unit, sample_count, sum, minimum, maximum, distribution)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET sample_count = excluded.sample_count, sum = excluded.sum,
                minimum = excluded.minimum, maximum = excluded.maximum, distribution = excluded.distribution
            """,
            [
                period.metric, period.resolution, period.start, period.unit, total.sampleCount, total.sum,
                total.minimum, total.maximum, total.sketch.map { Data($0.encoded()) },
            ])
        return isNew
    }

    /// The rows of a metric from `from` to before `to` whose resolution divides `period`.
    static func forEachPeriod(
        _ metric: Int64, from: Int64, to: Int64, period: Int, unit: String?, withValues: Bool,
        in connection: Connection, _ body: (_ start: Int64, _ unit: String, Aggregate) -> Void
    ) throws {
        for resolution in Metrics.resolutions where period % resolution == 0 {
            try connection.forEachRow(
                """
                SELECT start, unit, sample_count, sum, minimum, maximum, distribution FROM metric_periods
                WHERE metric_id = ? AND resolution = ? AND start >= ? AND start < ? AND (? IS NULL OR unit = ?)
                """, [metric, resolution, from, to, unit, unit]
            ) { row in body(row[0], row[1], Aggregate(row, at: 2, withValues: withValues)) }
        }
    }

    /// Metrics in the order of their ids, behind `after`.
    static func list(
        namespace: String?, name: String?, after: Int64, since: Int64, limit: Int, in connection: Connection
    ) throws -> [(id: Int64, metric: MetricIdentity)] {
        try connection.rows(
            """
            SELECT id, namespace, name, dimensions FROM metrics
            WHERE id > ? AND last_period >= ? AND (? IS NULL OR namespace = ?) AND (? IS NULL OR name = ?)
            ORDER BY id LIMIT ?
            """, [after, since, namespace, namespace, name, name, limit]
        ).map { ($0[0], MetricIdentity($0[2], namespace: $0[1], dimensions: dimensions($0[3]))) }
    }

    // MARK: - Roll-up

    /// Moves up to `limit` periods that end before `before` into the next resolution; without one, deletes them.
    /// Returns how many.
    static func rollUp(
        from resolution: Int, into coarser: Int?, before: Int64, limit: Int, in connection: Connection
    ) throws -> Int {
        let rows = try connection.rows(
            """
            SELECT metric_id, start, unit, sample_count, sum, minimum, maximum, distribution FROM metric_periods
            INDEXED BY metric_periods_by_age WHERE resolution = ? AND start < ? ORDER BY start LIMIT ?
            """, [resolution, before, limit])
        var sums: [Period: Aggregate] = [:]
        for row in rows {
            let metric: Int64 = row[0]
            let start: Int64 = row[1]
            let unit: String = row[2]
            if let coarser {
                let target = Period(
                    metric: metric, resolution: coarser, start: start.aligned(to: Int64(coarser)), unit: unit)
                sums[target, default: Aggregate()].merge(Aggregate(row, at: 3, withValues: true))
            }
            try connection.execute(
                "DELETE FROM metric_periods WHERE metric_id = ? AND resolution = ? AND start = ? AND unit = ?",
                [metric, resolution, start, unit])
        }
        for (period, aggregate) in sums { try add(aggregate, to: period, in: connection) }
        return rows.count
    }

    static func deleteUnused(before: Int64, in connection: Connection) throws -> Int {
        try connection.execute("DELETE FROM metrics WHERE last_period < ?", [before])
        return connection.changes
    }
}

extension Aggregate {
    /// Reads count, sum, extremes and distribution from the columns behind `at`.
    fileprivate init(_ row: Row, at: Int, withValues: Bool) {
        sampleCount = row[at]
        sum = row[at + 1]
        minimum = row[at + 2]
        maximum = row[at + 3]
        if withValues, let data: Data = row[at + 4] { sketch = ValueSketch(bytes: [UInt8](data)) }
    }
}

extension Int64 {
    /// The multiple of `step` at or before it.
    func aligned(to step: Int64) -> Int64 {
        let rest = self % step
        return self - (rest < 0 ? rest + step : rest)
    }
}
