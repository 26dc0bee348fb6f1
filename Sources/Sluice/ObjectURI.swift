import ArgumentParser

/// `s3://BUCKET/KEY` as an argument.
struct ObjectURI: ExpressibleByArgument, Sendable, CustomStringConvertible {
    let bucket: String
    /// Plain, not encoded; may be empty or end in `/` where a prefix is meant.
    let key: String

    init?(argument: String) {
        guard argument.hasPrefix("s3://") else { return nil }
        let parts = argument.dropFirst(5).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        guard let bucket = parts.first, !bucket.isEmpty else { return nil }
        self.bucket = bucket
        key = parts.count == 2 ? parts[1] : ""
    }

    var description: String { "s3://\(bucket)/\(key)" }
}
