import Events
import Foundation
import GRDB
import Storage

/// The SQL of alarms, their history and the alerts.
enum AlarmStore {
    static let tables = """
        CREATE TABLE alarms (
            name TEXT PRIMARY KEY,
            configuration TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            reason_data TEXT,
            updated INTEGER NOT NULL,
            changed INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE alarm_history (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            alarm TEXT NOT NULL,
            timestamp INTEGER NOT NULL,
            type TEXT NOT NULL,
            summary TEXT NOT NULL,
            data TEXT NOT NULL
        ) STRICT;
        CREATE INDEX alarm_history_by_alarm ON alarm_history (alarm, id);
        CREATE TABLE alerts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            alarm TEXT NOT NULL,
            timestamp INTEGER NOT NULL,
            old_state TEXT NOT NULL,
            new_state TEXT NOT NULL,
            reason TEXT NOT NULL,
            reason_data TEXT NOT NULL,
            actions TEXT NOT NULL
        ) STRICT;
        """

    static func alarm(_ name: String, in connection: Connection) throws -> Alarm? {
        try connection.row(
            "SELECT configuration, state, reason, reason_data, updated, changed FROM alarms WHERE name = ?", [name]
        ).map(Alarm.init)
    }

    static func alarms(prefix: String, after: String, limit: Int, in connection: Connection) throws -> [Alarm] {
        try connection.rows(
            """
            SELECT configuration, state, reason, reason_data, updated, changed FROM alarms
            WHERE name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?
            """, [after, prefix, prefix, limit]
        ).map(Alarm.init)
    }

    static func names(in connection: Connection) throws -> [String] {
        try connection.rows("SELECT name FROM alarms ORDER BY name").map { $0[0] }
    }

    static func save(_ alarm: Alarm, in connection: Connection) throws {
        let configuration = String(decoding: try JSONEncoder().encode(alarm.configuration), as: UTF8.self)
        try connection.execute(
            """
            INSERT INTO alarms (name, configuration, state, reason, reason_data, updated, changed)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET configuration = excluded.configuration,
                state = excluded.state, reason = excluded.reason, reason_data = excluded.reason_data,
                updated = excluded.updated, changed = excluded.changed
            """,
            [
                alarm.configuration.name, configuration, alarm.state.rawValue, alarm.stateReason, alarm.stateReasonData,
                alarm.stateUpdatedTimestamp.milliseconds, alarm.stateTransitionedTimestamp.milliseconds,
            ])
    }

    static func delete(_ name: String, in connection: Connection) throws {
        try connection.execute("DELETE FROM alarms WHERE name = ?", [name])
    }

    static func record(_ item: AlarmHistoryItem, in connection: Connection) throws {
        try connection.execute(
            "INSERT INTO alarm_history (alarm, timestamp, type, summary, data) VALUES (?, ?, ?, ?, ?)",
            [item.alarmName, item.timestamp.milliseconds, item.type.rawValue, item.summary, item.data])
    }

    static func history(_ alarm: String?, before: Int64, limit: Int, in connection: Connection) throws
        -> [AlarmHistoryItem]
    {
        try connection.rows(
            """
            SELECT id, alarm, timestamp, type, summary, data FROM alarm_history
            WHERE id < ? AND (? IS NULL OR alarm = ?) ORDER BY id DESC LIMIT ?
            """, [before, alarm, alarm, limit]
        ).compactMap { row in
            AlarmHistoryItem.Kind(rawValue: row[3]).map {
                AlarmHistoryItem(
                    id: row[0], alarmName: row[1], timestamp: Timestamp(milliseconds: row[2]), type: $0,
                    summary: row[4], data: row[5])
            }
        }
    }

    static func deleteHistory(before: Int64, in connection: Connection) throws {
        try connection.execute("DELETE FROM alarm_history WHERE timestamp < ?", [before])
    }

    static func insert(_ alert: Alert, in connection: Connection) throws {
        let actions = JSON.array(alert.actions.map(JSON.string)).description
        try connection.execute(
            """
            INSERT INTO alerts (alarm, timestamp, old_state, new_state, reason, reason_data, actions)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                alert.alarmName, alert.timestamp.milliseconds, alert.oldState.rawValue, alert.newState.rawValue,
                alert.reason, alert.reasonData, actions,
            ])
    }

    static func alerts(after id: Int64, limit: Int, newestFirst: Bool, in connection: Connection) throws -> [Alert] {
        try connection.rows(
            """
            SELECT id, alarm, timestamp, old_state, new_state, reason, reason_data, actions FROM alerts
            WHERE id > ? ORDER BY id \(newestFirst ? "DESC" : "") LIMIT ?
            """, [id, limit]
        ).map { row in
            Alert(
                id: row[0], alarmName: row[1], timestamp: Timestamp(milliseconds: row[2]),
                oldState: AlarmState(rawValue: row[3]) ?? .insufficientData,
                newState: AlarmState(rawValue: row[4]) ?? .insufficientData, reason: row[5], reasonData: row[6],
                actions: ((try? JSON(parsing: row[7] as String))?.array ?? []).compactMap(\.string))
        }
    }
}

extension Alarm {
    fileprivate init(_ row: Row) throws {
        let text: String = row[0]
        configuration = try JSONDecoder().decode(AlarmConfiguration.self, from: Data(text.utf8))
        state = AlarmState(rawValue: row[1]) ?? .insufficientData
        stateReason = row[2]
        stateReasonData = row[3]
        stateUpdatedTimestamp = Timestamp(milliseconds: row[4])
        stateTransitionedTimestamp = Timestamp(milliseconds: row[5])
    }
}
