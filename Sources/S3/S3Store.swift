public import Events
import GRDB
import Glibc
public import Storage

/// An object as it is now.
public struct StoredObject: Sendable, Hashable {
    /// The bucket's name.
    public var bucket: String
    /// The plain key.
    public var key: String
    /// Bytes.
    public var size: Int64
    /// Without quotes.
    public var eTag: String
    /// Which version of the object this is.
    public var sequencer: Sequencer
    /// When the version came to be.
    public var lastModified: Timestamp
    /// The file that holds it.
    var identity: FileIdentity

    /// The version, as deliveries name it.
    public var version: ObjectVersion { ObjectVersion(bucket: bucket, key: key, sequencer: sequencer) }
}

/// Something that happened to an object, as it is kept for `sluice trace`.
public struct StoredEvent: Sendable, Hashable {
    /// The version that came or, with a removal, the point in the key's order at which it went.
    public var version: ObjectVersion
    /// Without the prefix `s3:`.
    public var eventName: String
    /// When it was seen.
    public var eventTime: Timestamp
    /// Bytes; nil for a removal.
    public var size: Int64?
    /// Without quotes; nil for a removal.
    public var eTag: String?
    /// `x-amz-request-id`.
    public var requestID: String
    /// `x-amz-id-2`.
    public var hostID: String
}

/// Whether a version of an object is still its newest.
public enum Currency: Sendable, Hashable {
    /// Nothing has happened to the key since.
    case current
    /// A newer version, or the removal, is recorded.
    case superseded
    /// The file is another one by now, and nothing is recorded of that yet: it is to be looked at.
    case changed
}

/// The objects and their events in the database.
public enum S3Store {
    /// The tables of this room.
    public static let schema = Schema(
        room: "S3",
        steps: [
            """
            CREATE TABLE s3_bucket (
                name TEXT PRIMARY KEY NOT NULL,
                device INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE s3_object (
                bucket TEXT NOT NULL,
                key TEXT NOT NULL,
                size INTEGER NOT NULL,
                eTag TEXT NOT NULL,
                sequencer INTEGER NOT NULL,
                lastModified INTEGER NOT NULL,
                inode INTEGER NOT NULL,
                modified INTEGER NOT NULL,
                changed INTEGER NOT NULL,
                PRIMARY KEY (bucket, key)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE s3_event (
                bucket TEXT NOT NULL,
                key TEXT NOT NULL,
                sequencer INTEGER NOT NULL,
                eventName TEXT NOT NULL,
                eventTime INTEGER NOT NULL,
                size INTEGER,
                eTag TEXT,
                requestID TEXT NOT NULL,
                hostID TEXT NOT NULL,
                PRIMARY KEY (bucket, key, sequencer)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE s3_sequencer (
                only INTEGER PRIMARY KEY CHECK (only = 1),
                last INTEGER NOT NULL
            ) STRICT;
            INSERT INTO s3_sequencer VALUES (1, 0);
            """
        ])

    private static let columns = "bucket, key, size, eTag, sequencer, lastModified, inode, modified, changed"

    // MARK: Reading

    /// The object of a key, or nil where there is none now.
    public static func object(bucket: String, key: String, in connection: Connection) throws -> StoredObject? {
        try connection.row("SELECT \(columns) FROM s3_object WHERE bucket = ? AND key = ?", [bucket, key]).map(object)
    }

    /// The objects of a bucket in the order of their keys' bytes, from behind `after` on.
    public static func objects(
        bucket: String, prefix: String = "", after: String = "", limit: Int, in connection: Connection
    ) throws -> [StoredObject] {
        // One lower bound and not two: the index is entered at the one, and the other would be tested row by row.
        let isBehindPrefix = !after.utf8.lexicographicallyPrecedes(prefix.utf8) && !after.isEmpty
        return try connection.rows(
            """
            SELECT \(columns) FROM s3_object
            WHERE bucket = ? AND key \(isBehindPrefix ? ">" : ">=") ? AND key < ? ORDER BY key LIMIT ?
            """, [bucket, isBehindPrefix ? after : prefix, upperBound(ofPrefix: prefix), limit]
        ).map(object)
    }

    /// How many objects a bucket has, and their bytes.
    public static func totals(bucket: String, in connection: Connection) throws -> (objects: Int, bytes: Int64) {
        let row = try connection.row(
            "SELECT count(*), coalesce(sum(size), 0) FROM s3_object WHERE bucket = ?", [bucket])
        return (row?[0] ?? 0, row?[1] ?? 0)
    }

    /// The buckets that have objects or a folder that was seen.
    public static func buckets(in connection: Connection) throws -> [String] {
        try connection.rows("SELECT name FROM s3_bucket ORDER BY name").map { $0[0] }
    }

    /// What happened to a key, oldest first.
    public static func events(bucket: String, key: String, in connection: Connection) throws -> [StoredEvent] {
        try connection.rows(
            """
            SELECT bucket, key, sequencer, eventName, eventTime, size, eTag, requestID, hostID FROM s3_event
            WHERE bucket = ? AND key = ? ORDER BY sequencer
            """, [bucket, key]
        ).map { row in
            StoredEvent(
                version: ObjectVersion(bucket: row[0], key: row[1], sequencer: sequencer(row[2])), eventName: row[3],
                eventTime: Timestamp(milliseconds: row[4]), size: row[5], eTag: row[6], requestID: row[7],
                hostID: row[8])
        }
    }

    /// Whether a version is the newest one, or its removal the last that happened to the key, by the records and by the file
    /// that lies in the lake now: one that was written over or removed a moment ago is current no more, though the watcher
    /// has not heard of it yet.
    public static func currency(
        of version: ObjectVersion, lake: String, in connection: Connection
    ) throws -> Currency {
        guard let object = try object(bucket: version.bucket, key: version.key, in: connection) else {
            let last = try connection.value(
                Int64.self, "SELECT max(sequencer) FROM s3_event WHERE bucket = ? AND key = ?",
                [version.bucket, version.key])
            return last.map(sequencer) == version.sequencer ? .current : .superseded
        }
        guard object.sequencer == version.sequencer else { return .superseded }
        let bucket = lake + "/" + version.bucket
        var status = stat()
        if lstat(bucket + "/" + version.key, &status) == 0 {
            let there = FileIdentity(status)
            if there.hasContent(of: object.identity) { return .current }
            guard there.inode == object.identity.inode, there.size == object.identity.size else { return .changed }
            // Another time alone is no other content: whoever copies a file sets its time last.
            return isSame(bucket + "/" + version.key, as: object) ? .current : .changed
        }
        let isGone = errno == ENOENT || errno == ENOTDIR
        return isGone && lstat(bucket, &status) == 0 ? .changed : .current
    }

    /// Whether a file that has an object's size has its content too, as far as can be told at once: a large one that nobody
    /// writes to is taken for the same.
    private static func isSame(_ path: String, as object: StoredObject) -> Bool {
        let number = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { return true }
        let file = Descriptor(number)
        guard let status = file.status, ObjectFile.writers(of: file) != .some else { return false }
        guard status.st_size <= WatchLoop.inlineSize else { return true }
        return withUnsafeTemporaryAllocation(byteCount: WatchLoop.inlineSize, alignment: 64) { buffer in
            ObjectFile.eTag(of: file, identity: FileIdentity(status), buffer: buffer)?.eTag == object.eTag
        }
    }

    // MARK: Writing

    /// The last number that any event got.
    static func lastSequence(in connection: Connection) throws -> Int64 {
        try connection.value(Int64.self, "SELECT last FROM s3_sequencer") ?? 0
    }

    static func setLastSequence(_ last: Int64, in connection: Connection) throws {
        try connection.execute("UPDATE s3_sequencer SET last = ?", [last])
    }

    static func put(_ object: StoredObject, sequence: Int64, in connection: Connection) throws {
        try connection.execute(
            "INSERT OR REPLACE INTO s3_object (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                object.bucket, object.key, object.size, object.eTag, sequence, object.lastModified.milliseconds,
                object.identity.inode, object.identity.modified, object.identity.changed,
            ])
    }

    static func setIdentity(
        _ identity: FileIdentity, bucket: String, key: String, in connection: Connection
    ) throws {
        try connection.execute(
            "UPDATE s3_object SET inode = ?, modified = ?, changed = ? WHERE bucket = ? AND key = ?",
            [identity.inode, identity.modified, identity.changed, bucket, key])
    }

    static func remove(bucket: String, key: String, in connection: Connection) throws {
        try connection.execute("DELETE FROM s3_object WHERE bucket = ? AND key = ?", [bucket, key])
    }

    static func append(_ event: StoredEvent, sequence: Int64, in connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO s3_event (bucket, key, sequencer, eventName, eventTime, size, eTag, requestID, hostID)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                event.version.bucket, event.version.key, sequence, event.eventName, event.eventTime.milliseconds,
                event.size, event.eTag, event.requestID, event.hostID,
            ])
    }

    /// The device that a bucket's folder was last seen on, and whether the database was restored since.
    static func place(of bucket: String, in connection: Connection) throws -> (device: Int64, isRestored: Bool)? {
        let device = try connection.value(Int64.self, "SELECT device FROM s3_bucket WHERE name = ?", [bucket])
        return device.map { ($0 < 0 ? ~$0 : $0, $0 < 0) }
    }

    /// Marks a database as restored: what the next host finds in a bucket with the bytes that are known is the object that is known,
    /// whatever its file and its times. The mark is a bucket's, until it was looked through: its device's complement.
    public static func markRestored(in connection: Connection) throws {
        try connection.execute("UPDATE s3_bucket SET device = ~device WHERE device >= 0")
    }

    static func setDevice(_ device: Int64, of bucket: String, in connection: Connection) throws {
        try connection.execute("INSERT OR REPLACE INTO s3_bucket (name, device) VALUES (?, ?)", [bucket, device])
    }

    // MARK: Rows

    private static func object(_ row: Row) -> StoredObject {
        StoredObject(
            bucket: row[0], key: row[1], size: row[2], eTag: row[3], sequencer: sequencer(row[4]),
            lastModified: Timestamp(milliseconds: row[5]),
            identity: FileIdentity(inode: row[6], size: row[2], modified: row[7], changed: row[8]))
    }

    private static func sequencer(_ sequence: Int64) -> Sequencer { Sequencer(UInt64(bitPattern: sequence)) }

    /// The first text behind all that start with `prefix`. No UTF-8 holds U+10FFFF's successor, so the highest scalar twice
    /// stands behind every key.
    private static func upperBound(ofPrefix prefix: String) -> String { prefix + "\u{10FFFF}\u{10FFFF}" }
}
