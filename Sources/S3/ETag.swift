import Crypto
import Glibc

/// The `eTag` that an object has after `aws s3 cp`: the MD5 of the bytes, or from 8 MiB on the form of a multipart upload, the
/// MD5 of the parts' MD5s with the number of parts.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>,
/// <https://docs.aws.amazon.com/cli/latest/topic/s3-config.html>
struct ETag {
    /// Bytes from which on the command line client uploads in parts; also the size of a part.
    static let multipartThreshold: Int64 = 8 * 1024 * 1024

    /// The size of the parts of an object: doubled until 10,000 parts suffice.
    static func partSize(of size: Int64) -> Int64 {
        var part = multipartThreshold
        while (size + part - 1) / part > 10000 { part *= 2 }
        return part
    }

    private let partSize: Int64?
    private var part = Insecure.MD5()
    private var partFilled: Int64 = 0
    private var parts = Insecure.MD5()
    private var count = 0

    /// For an object of `size` bytes.
    init(size: Int64) { partSize = size >= Self.multipartThreshold ? Self.partSize(of: size) : nil }

    /// Takes the next bytes.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let partSize else { return part.update(bufferPointer: bytes) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let take = min(Int(partSize - partFilled), rest.count)
            part.update(bufferPointer: UnsafeRawBufferPointer(rebasing: rest.prefix(take)))
            rest = rest.dropFirst(take)
            partFilled += Int64(take)
            if partFilled == partSize { closePart() }
        }
    }

    private mutating func closePart() {
        part.finalize().withUnsafeBytes { parts.update(bufferPointer: $0) }
        part = Insecure.MD5()
        partFilled = 0
        count += 1
    }

    /// The tag, without quotes.
    mutating func finalize() -> String {
        guard partSize != nil else { return Self.hexadecimal(part.finalize()) }
        if partFilled > 0 { closePart() }
        return "\(Self.hexadecimal(parts.finalize()))-\(count)"
    }

    /// The event that an upload of this tag ends with.
    static func eventName(of eTag: String) -> String {
        eTag.utf8.count > 32 ? "ObjectCreated:CompleteMultipartUpload" : "ObjectCreated:Put"
    }

    private static func hexadecimal(_ digest: Insecure.MD5Digest) -> String {
        let digits: StaticString = "0123456789abcdef"
        return String(unsafeUninitializedCapacity: 32) { out in
            var at = 0
            for byte in digest {
                out[at] = digits.utf8Start[Int(byte >> 4)]
                out[at + 1] = digits.utf8Start[Int(byte & 15)]
                at += 2
            }
            return at
        }
    }
}
