extension S3Object {
    /// Stores an object: whole, or not at all. On AWS in one part, so 5 GB at most.
    ///
    /// Throws ``S3Error``.
    public static func put(bucket: String, key: String, bytes: UnsafeRawBufferPointer) throws {
        if Lake.current == nil { return try S3Client().put(bucket: bucket, key: key, bytes: bytes) }
        let upload = S3Upload(bucket: bucket, key: key)
        try upload.write(bytes)
        try upload.finish()
    }

    /// Stores an object: whole, or not at all.
    public static func put(bucket: String, key: String, bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try put(bucket: bucket, key: key, bytes: $0) }
    }
}
