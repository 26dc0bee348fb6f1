import Crypto
import Events
import Foundation
import GRDB

/// What the host's database and the steps' ledger must say of what was written.
struct TortureModel {
    private let writer: TortureWriter
    private let ledger: [String: Int]
    private let objects: [String: String]
    private let events: [Row]
    private let invocations: [Row]
    private let executions: [Row]
    private let steps: [Row]
    private let integrity: [String]
    private let root: String

    init(_ project: TestProject, _ writer: TortureWriter, _ ledger: String) throws {
        self.writer = writer
        root = project.root
        let lines = (try? String(contentsOfFile: ledger, encoding: .utf8))?.split(separator: "\n") ?? []
        self.ledger = lines.reduce(into: [:]) { $0[String($1), default: 0] += 1 }
        var configuration = Configuration()
        configuration.readonly = true
        let database = try DatabaseQueue(path: project.root + "/.sluice/sluice.db", configuration: configuration)
        (objects, events, invocations, executions, steps, integrity) = try database.read { database in
            let objects = try Row.fetchAll(database, sql: "SELECT key, eTag FROM s3_object WHERE bucket = 'raw'")
            return (
                Dictionary(uniqueKeysWithValues: objects.map { ($0["key"] as String, $0["eTag"] as String) }),
                try Row.fetchAll(
                    database, sql: "SELECT key, sequencer, eventName, eTag FROM s3_event ORDER BY sequencer"),
                try Row.fetchAll(
                    database, sql: "SELECT request_id, state, object_key, sequencer FROM lambda_invocation"),
                try Row.fetchAll(database, sql: "SELECT name, status FROM stepfunctions_execution"),
                try Row.fetchAll(database, sql: "SELECT id, state FROM emr_step"),
                try String.fetchAll(database, sql: "PRAGMA integrity_check")
            )
        }
        try database.close()
    }

    /// What there was to compare, in one line.
    var summary: String {
        let states = Dictionary(grouping: invocations) { $0["state"] as String }.mapValues(\.count)
        return
            "\(writer.contents.count) keys, \(events.count) events, invocations \(states.sorted { $0.key < $1.key }), "
            + "\(executions.count) executions, \(steps.count) steps, \(ledger.count) runs"
    }

    private static func eTag(_ content: String) -> String {
        Insecure.MD5.hash(data: Data(content.utf8)).map { String(format: "%02x", $0) }.joined()
    }

    /// What is not as it must be, in words; empty where all is well.
    func violations() -> [String] {
        var found: [String] = []
        if integrity != ["ok"] { found.append("integrity_check: \(integrity)") }

        // What the folder holds is what S3 says it holds.
        for (key, content) in writer.contents {
            let expected = content.map(Self.eTag)
            if objects[key] != expected {
                found.append("\(key) should be \(expected ?? "gone"), and S3 has \(objects[key] ?? "nothing")")
            }
        }
        for key in objects.keys where writer.contents[key] == nil { found.append("\(key) was never written") }

        // Each version of an object has its one event, one invocation with an outcome, one execution and one step.
        var newest: [String: Row] = [:]
        for event in events { newest[event["key"]] = event }
        var runs: [String: [Row]] = [:]
        for run in invocations {
            runs["\(run["object_key"] as String) \(run["sequencer"] as String)", default: []].append(run)
        }
        var started: [String: [Row]] = [:]
        for execution in executions {
            let request = (execution["name"] as String).prefix { $0 != "_" }
            started[String(request), default: []].append(execution)
        }
        var expectedSteps = 0
        for event in events {
            let key: String = event["key"]
            guard (event["eventName"] as String).hasPrefix("ObjectCreated") else { continue }
            let sequencer = Self.text(event["sequencer"])
            let version = "\(key) \(sequencer)"
            let ofVersion = runs[version] ?? []
            guard ofVersion.count == 1, let run = ofVersion.first else {
                found.append("\(version) has \(ofVersion.count) invocations")
                continue
            }
            let state: String = run["state"]
            let isCurrent =
                (newest[key]?["sequencer"] as Int64?) == event["sequencer"] && writer.contents[key] != .some(nil)
            if state != "SUCCEEDED", state != "SUPERSEDED" || isCurrent { found.append("\(version) is \(state)") }
            let own = started[run["request_id"]] ?? []
            let wanted = state == "SUCCEEDED" && key.hasPrefix("good/") ? 1 : 0
            expectedSteps += wanted
            if own.count != wanted { found.append("\(version), \(state), has \(own.count) executions") }
            if own.contains(where: { $0["status"] as String != "SUCCEEDED" }) {
                found.append("\(version): its execution is \(own.map { $0["status"] as String })")
            }
            let ran = ledger[version] ?? 0
            if ran != wanted { found.append("\(version), \(state): its step ran \(ran) times") }
        }
        if invocations.count != events.count(where: { ($0["eventName"] as String).hasPrefix("ObjectCreated") }) {
            found.append("\(invocations.count) invocations of \(events.count) events")
        }
        // A key that was written once and left alone has one version.
        for (key, count) in writer.versions where count == 1 && writer.contents[key] != .some(nil) {
            let seen = events.count { $0["key"] as String == key }
            if seen != 1 { found.append("\(key) was written once, and has \(seen) versions") }
        }
        if steps.count != expectedSteps { found.append("\(steps.count) steps, not \(expectedSteps)") }
        for step in steps where step["state"] as String != "COMPLETED" {
            found.append("step \(step["id"] as String) is \(step["state"] as String)")
        }
        found += leftProcesses()
        return found
    }

    /// A sequencer as events have it.
    private static func text(_ value: Int64) -> String { Sequencer(UInt64(value)).text }

    /// Processes that name the project's folder, when no host runs.
    private func leftProcesses() -> [String] {
        let own = getpid()
        return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { name in
            guard let pid = Int32(name), pid != own,
                let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
                let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ")
            else { return nil }
            let mark = Data(root.utf8)
            guard line.range(of: mark) != nil || environment.range(of: mark) != nil else { return nil }
            return "process \(pid) is left: \(String(decoding: line, as: UTF8.self).replacing("\0", with: " "))"
        }
    }
}
