extension S3Object {
    /// Stores an object: whole, or not at all. On AWS in one part, so 5 GB at most.
    ///
    /// Throws ``S3Error``.
    public static func put(bucket: String, key: String, bytes: UnsafeRawBufferPointer) throws {
        if let lake = Lake.current {
            try lake.put(bucket: bucket, key: key, bytes: bytes)
        } else {
            try S3Client().put(bucket: bucket, key: key, bytes: bytes)
        }
    }

    /// Stores an object: whole, or not at all.
    public static func put(bucket: String, key: String, bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try put(bucket: bucket, key: key, bytes: $0) }
    }
}
