/// The rules for names of general purpose buckets.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
public enum BucketName {
    private static let reservedPrefixes = ["xn--", "sthree-", "amzn-s3-demo-"]
    private static let reservedSuffixes = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]

    /// Whether S3 would take the name.
    public static func isValid(_ name: String) -> Bool { fault(in: name) == nil }

    /// Why S3 would refuse the name; nil where it would not.
    public static func fault(in name: String) -> String? {
        let bytes = Array(name.utf8)
        guard (3...63).contains(bytes.count) else { return "a bucket's name has 3 to 63 characters" }
        guard bytes.allSatisfy({ isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }) else {
            return "a bucket's name holds only a-z, 0-9, '.' and '-'"
        }
        guard let first = bytes.first, let last = bytes.last, isLetterOrDigit(first), isLetterOrDigit(last) else {
            return "a bucket's name starts and ends with a letter or a digit"
        }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        if labels.contains(where: \.isEmpty) { return "a bucket's name has no two dots in a row" }
        if labels.count == 4, labels.allSatisfy({ UInt8($0) != nil }) {
            return "a bucket's name does not look like an IP address"
        }
        if let prefix = reservedPrefixes.first(where: name.hasPrefix) { return "names with '\(prefix)…' are reserved" }
        if let suffix = reservedSuffixes.first(where: name.hasSuffix) { return "names with '…\(suffix)' are reserved" }
        return nil
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
