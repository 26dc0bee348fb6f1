/// Where an object lies: `lake/<bucket>/<key>`, and which names can be objects at all.
public enum ObjectPath {
    /// S3's limit for a key, in bytes of UTF-8.
    public static let maximumKeyLength = 1024

    /// The path of an object's file. Throws ``S3Error`` for a name that no file in the bucket can have, or that could leave it.
    ///
    /// The path is made of text alone; whoever opens it must not follow links on the way, as ``ObjectFile`` does.
    public static func resolve(lake: String, bucket: String, key: String) throws(S3Error) -> String {
        if let fault = BucketName.fault(in: bucket) {
            throw S3Error(code: "InvalidBucketName", message: "'\(bucket)' is no bucket: \(fault).", argument: bucket)
        }
        _ = try components(ofKey: key)
        return "\(lake)/\(bucket)/\(key)"
    }

    /// The folders of a key and its last name. Throws ``S3Error`` where the key can't be a file of its bucket.
    public static func components(ofKey key: String) throws(S3Error) -> [String] {
        func refuse(_ reason: String) -> S3Error {
            S3Error(code: "InvalidArgument", message: "The key can't be a file in a bucket: \(reason).", argument: key)
        }
        let bytes = Array(key.utf8)
        guard !bytes.isEmpty else { throw refuse("it is empty") }
        guard bytes.count <= maximumKeyLength else {
            throw S3Error(code: "KeyTooLongError", message: "Your key is too long", argument: String(bytes.count))
        }
        guard !bytes.contains(0) else { throw refuse("it holds a NUL") }
        let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if part.isEmpty { throw refuse("a name between two '/' is empty") }
            if part.count > 255 { throw refuse("a name in it is longer than 255 bytes") }
            if isPassedOver(part, isFolder: index < parts.count - 1) {
                throw refuse("names that start with '.' and what lies under _temporary/ are no objects")
            }
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether a file or folder of this name is none of S3's business: it starts with a dot, as writers' temporary names and
    /// Hadoop's checksums do, or is a committer's work folder.
    static func isPassedOver(_ name: some Collection<UInt8>, isFolder: Bool) -> Bool {
        name.first == UInt8(ascii: ".") || (isFolder && name.elementsEqual("_temporary".utf8))
    }
}
