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
    /// Which bytes ``read(into:)`` gives.
    public enum Decoding: Sendable {
        /// gzip and Zstandard are undone, recognised by their first bytes.
        case automatic
        /// The bytes as they are stored.
        case none
    }

    /// The bucket's name.
    public let bucket: String
    /// The key, as its writer named it.
    public let key: String
    /// Bytes, as stored.
    public let size: Int64
    /// Tells this version of the object from others: the ETag on AWS, file number, size and time of change here.
    public let version: String

    private let stored: any StoredObject
    private var source: (any ByteSource)?
    private let decoding: Decoding

    /// `s3://bucket/key`
    public var uri: String { "s3://\(bucket)/\(key)" }

    private init(bucket: String, key: String, stored: any StoredObject, decoding: Decoding) {
        self.bucket = bucket
        self.key = key
        self.stored = stored
        self.decoding = decoding
        size = stored.size
        version = stored.version
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
        let parts = uri.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "s3:", parts[1].isEmpty else {
            throw S3Error.badName(uri, "expected s3://bucket/key")
        }
        return try open(bucket: String(parts[2]), key: String(parts[3]), decoding: decoding)
    }

    /// Fills some of `buffer` with the next bytes; 0 at the end of the object.
    ///
    /// Throws ``CorruptObject`` where compressed data are broken or cut off, and ``S3Error``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if let source { return try source.read(into: buffer) }
        let source = try decoded()
        self.source = source
        return try source.read(into: buffer)
    }

    /// All bytes from here to the end.
    public func readAll() throws -> [UInt8] {
        var all: [UInt8] = []
        var step = Int(clamping: min(size, 1 << 20)) + 1
        while true {
            let block = try [UInt8](unsafeUninitializedCapacity: step) { buffer, count in
                count = try read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if block.isEmpty { return all }
            all.append(contentsOf: block)
            step = 1 << 20
        }
    }

    /// Decides by the first bytes, which it hands on.
    private func decoded() throws -> any ByteSource {
        guard decoding == .automatic else { return stored }
        let head = HeadSource(stored)
        switch try head.peek(4) {
        case let magic where magic.starts(with: [0x1F, 0x8B]): return try Inflater(head, uri: uri)
        // A frame, or a skippable one.
        case [0x28, 0xB5, 0x2F, 0xFD]: return try ZstandardDecoder(head, uri: uri)
        case let magic where magic.count == 4 && magic[0] & 0xF0 == 0x50 && magic[1...] == [0x2A, 0x4D, 0x18]:
            return try ZstandardDecoder(head, uri: uri)
        default: return head
        }
    }
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

/// A source whose first bytes can be looked at before they are read.
final class HeadSource: ByteSource {
    private let source: any ByteSource
    private var head: [UInt8] = []

    init(_ source: any ByteSource) { self.source = source }

    /// The first `count` bytes, fewer only where there are no more.
    func peek(_ count: Int) throws -> [UInt8] {
        while head.count < count {
            let more = try [UInt8](unsafeUninitializedCapacity: count - head.count) { buffer, filled in
                filled = try source.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if more.isEmpty { break }
            head.append(contentsOf: more)
        }
        return head
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard !head.isEmpty else { return try source.read(into: buffer) }
        let count = min(head.count, buffer.count)
        buffer.copyBytes(from: head[..<count])
        head.removeFirst(count)
        return count
    }
}
