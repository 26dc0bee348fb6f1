import Events

/// AWS Signature Version 4, in headers. A pure function; the date is a parameter.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
struct SignatureV4 {
    var accessKeyID: String
    var secretAccessKey: String
    var sessionToken: String?
    var region: String
    var service = "s3"

    /// All headers that a request has to carry: `headers` (names in lower case, `host` among them), the date, the payload's
    /// hash, the session token and the signature.
    ///
    /// - Parameters:
    ///   - path: as it goes over the wire, percent-encoded.
    ///   - query: names and values, not encoded.
    ///   - payloadHash: in hexadecimal, or `UNSIGNED-PAYLOAD`.
    func headers(
        method: String, path: String, query: [(String, String)] = [], headers: [String: String], payloadHash: String,
        date: Timestamp
    ) -> [String: String] {
        let stamp = date.iso8601(milliseconds: false).filter { $0 != "-" && $0 != ":" }
        var headers = headers
        headers["x-amz-date"] = stamp
        headers["x-amz-content-sha256"] = payloadHash
        headers["x-amz-security-token"] = sessionToken

        let sorted = headers.sorted { $0.key < $1.key }
        let names = sorted.map(\.key).joined(separator: ";")
        let canonicalQuery = query.map { (Self.percentEncode($0.0), Self.percentEncode($0.1)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        let canonical =
            "\(method)\n\(path)\n\(canonicalQuery)\n" + sorted.map { "\($0.key):\($0.value)\n" }.joined()
            + "\n\(names)\n\(payloadHash)"
        let scope = "\(stamp.prefix(8))/\(region)/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(SHA256.hash(Array(canonical.utf8)).hexadecimal)"

        var key = Array("AWS4\(secretAccessKey)".utf8)
        for part in scope.split(separator: "/") { key = SHA256.authenticate(Array(part.utf8), key: key) }
        let signature = SHA256.authenticate(Array(text.utf8), key: key).hexadecimal
        headers["authorization"] =
            "AWS4-HMAC-SHA256 Credential=\(accessKeyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
        return headers
    }

    /// Percent-encoding of RFC 3986's reserved bytes; `/` stays where a path is meant.
    static func percentEncode(_ text: String, keepingSlash: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            case 0x2F where keepingSlash: out.append(byte)
            default: out.append(contentsOf: [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
