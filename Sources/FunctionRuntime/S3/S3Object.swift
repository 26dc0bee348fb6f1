public import Events

/// An object of a bucket, open for reading from its first byte to its last.
///
/// ```swift
/// let object = try S3Object.open(record)
/// while true {
///     let count = try object.read(into: buffer)
///     if count == 0 { break }
///     …
/// }
/// ```
///
/// On AWS it is an S3 GET; under Sluice, which sets `SLUICE_LAKE`, it is the file in the bucket's folder.
public final class S3Object {
    /// The bucket's name.
    public let bucket: String
    /// The key, as its writer named it.
    public let key: String
    /// Bytes, as stored.
    public let size: Int64
    /// Tells this version of the object from others: the ETag on AWS, file number, size and time of change here.
    public let version: String

    private let content: ContentReader

    /// `s3://bucket/key`
    public var uri: String { content.name }

    private init(bucket: String, key: String, stored: any StoredObject, decoding: Decoding) {
        self.bucket = bucket
        self.key = key
        size = stored.size
        version = stored.version
        content = ContentReader(stored, name: "s3://\(bucket)/\(key)", size: stored.size, decoding: decoding)
    }

    /// Opens the object of an event, and makes sure that it still is the one that the event is about.
    ///
    /// Throws ``S3Error``: ``S3Error/changed(_:_:)`` where the object was overwritten since, ``S3Error/noSuchKey(_:)`` where it
    /// was removed.
    public static func open(_ record: S3Event.Record, decoding: Decoding = .automatic) throws -> S3Object {
        let object = record.s3.object
        return try open(
            bucket: record.s3.bucket.name, key: object.urlDecodedKey, size: object.size, eTag: object.eTag,
            versionId: object.versionId, decoding: decoding)
    }

    /// Opens an object by its plain key. `size` (bytes), `eTag` (without quotes; checked on AWS) and `versionId` are what is
    /// expected of it.
    public static func open(
        bucket: String, key: String, size: Int64? = nil, eTag: String? = nil, versionId: String? = nil,
        decoding: Decoding = .automatic
    ) throws -> S3Object {
        let uri = "s3://\(bucket)/\(key)"
        let stored: any StoredObject =
            if let lake = Lake.current {
                try lake.open(bucket: bucket, key: key)
            } else {
                try S3Client().open(bucket: bucket, key: key, eTag: eTag, versionId: versionId)
            }
        if let size, stored.size != size {
            throw S3Error.changed(uri, "the event is about \(size) bytes, the object has \(stored.size)")
        }
        return S3Object(bucket: bucket, key: key, stored: stored, decoding: decoding)
    }

    /// Opens an object by its URI, `s3://bucket/key`, in which the key stands as it is, not encoded.
    public static func open(uri: String, decoding: Decoding = .automatic) throws -> S3Object {
        let (bucket, key) = try parts(of: uri)
        return try open(bucket: bucket, key: key, decoding: decoding)
    }

    /// The bucket and the plain key that `s3://bucket/key` names. Throws ``S3Error`` for anything else.
    public static func parts(of uri: String) throws -> (bucket: String, key: String) {
        let parts = uri.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "s3:", parts[1].isEmpty else {
            throw S3Error.badName(uri, "expected s3://bucket/key")
        }
        return (String(parts[2]), String(parts[3]))
    }

    /// Fills some of `buffer` with the next bytes; 0 at the end of the object.
    ///
    /// Throws ``CorruptObject`` where compressed data are broken or cut off, and ``S3Error``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try content.read(into: buffer) }

    /// The next bytes, up to `count` and fewer only where there are no more. They are still to be read.
    public func peek(_ count: Int) throws -> [UInt8] { try content.peek(count) }

    /// All bytes from here to the end.
    public func readAll() throws -> [UInt8] { try content.readAll() }
}

/// What can go wrong with a bucket or an object.
public enum S3Error: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no such object, by its URI.
    case noSuchKey(String)
    /// The object is not the version that was asked for, or changed while it was read.
    case changed(String, String)
    /// The name can't be a bucket's or a key's here.
    case badName(String, String)
    /// Anything else: what was tried, and why it failed.
    case failed(String, String)

    /// For a person, with the object's URI.
    public var description: String {
        switch self {
        case .noSuchKey(let uri): "\(uri): no such object"
        case .changed(let uri, let how): "\(uri): the object has changed: \(how)"
        case .badName(let uri, let why), .failed(let uri, let why): "\(uri): \(why)"
        }
    }
}

/// An object's bytes as they are stored.
protocol StoredObject: ByteSource {
    var size: Int64 { get }
    var version: String { get }
}
