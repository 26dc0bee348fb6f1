/// S3's `sequencer`: a hexadecimal string that orders the events of one key, and of one key only.
///
/// Lengths may differ: the shorter is padded with zeros on the right, then they compare as text.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
public struct Sequencer: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }

    /// Eighteen digits from a counter that only grows.
    public init(_ counter: UInt64) {
        let digits = String(counter, radix: 16, uppercase: true)
        text = String(repeating: "0", count: 18 - digits.count) + digits
    }

    public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var description: String { text }

    public static func < (left: Self, right: Self) -> Bool {
        let length = max(left.text.utf8.count, right.text.utf8.count)
        return left.padded(length) < right.padded(length)
    }

    private func padded(_ length: Int) -> String {
        text.uppercased() + String(repeating: "0", count: length - text.utf8.count)
    }
}

/// One version of one object: what a delivery is about, and what has exactly one outcome.
public struct ObjectVersion: Sendable, Hashable, Codable, CustomStringConvertible {
    public var bucket: String
    /// The plain key, not encoded.
    public var key: String
    public var sequencer: Sequencer

    public init(bucket: String, key: String, sequencer: Sequencer) {
        self.bucket = bucket
        self.key = key
        self.sequencer = sequencer
    }

    public var uri: String { "s3://\(bucket)/\(key)" }
    public var description: String { "\(uri)#\(sequencer)" }
}
