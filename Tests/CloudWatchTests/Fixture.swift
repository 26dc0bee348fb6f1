import CloudWatch
import Events
import Foundation
import Storage

/// A store in a folder of its own that goes with it.
final class Fixture: Sendable {
    let folder: String
    let store: Store
    let time: ManualTime
    let metrics: Metrics
    let logs: Logs

    init(start: Timestamp = Timestamp(year: 2026, month: 1, day: 1)) throws {
        folder = NSTemporaryDirectory() + "cloudwatch-" + Identifier.uuid()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        store = try Store(path: folder + "/test.db", schemas: [CloudWatchStore.schema])
        time = ManualTime(start: start)
        let metrics = Metrics(store: store, time: time)
        self.metrics = metrics
        logs = Logs(store: store, time: time) { try metrics.put($0, in: $1) }
    }

    deinit {
        store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func batch(_ messages: [String], group: String = "g", stream: String = "s") -> LogBatch {
        LogBatch(
            logGroup: group, logStream: stream, events: messages.map { LogEvent(timestamp: time.now, message: $0) })
    }

    func datum(_ value: Double, _ name: String = "m", unit: String = "Count", resolution: Int = 60) -> MetricDatum {
        MetricDatum(
            name, namespace: "n", dimensions: ["d": "1"], value: value, unit: unit, timestamp: time.now,
            storageResolution: resolution)
    }

    var metric: MetricIdentity { MetricIdentity("m", namespace: "n", dimensions: ["d": "1"]) }
}

struct Interruption: Error {}
