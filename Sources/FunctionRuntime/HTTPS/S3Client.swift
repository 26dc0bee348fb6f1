import Events
import Glibc

/// S3 over HTTPS: GET and PUT, signed with the credentials of the environment.
///
/// Region, credentials and endpoint are the variables that every AWS client reads; with an endpoint of one's own
/// (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`) buckets stand in the path.
struct S3Client {
    private let signature: SignatureV4
    private let endpoint: String?
    /// Waits between two tries, given their number from 1.
    var pause: (Int) -> Void = { attempt in
        // 0.1 s, 0.2 s, 0.4 s, …, each with up to as much again so that many functions don't come back at once.
        let base = 100_000 << min(attempt - 1, 5)
        usleep(UInt32(base + Int.random(in: 0...base)))
    }
    static let attempts = 5

    /// Throws where the environment has no credentials.
    init(environment: (String) -> String? = { FunctionEnvironment[$0] }) throws {
        guard let id = environment("AWS_ACCESS_KEY_ID"), let secret = environment("AWS_SECRET_ACCESS_KEY") else {
            throw S3Error.failed(
                "s3", "neither SLUICE_LAKE nor AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are in the environment")
        }
        signature = SignatureV4(
            accessKeyID: id, secretAccessKey: secret, sessionToken: environment("AWS_SESSION_TOKEN"),
            region: environment("AWS_REGION") ?? environment("AWS_DEFAULT_REGION") ?? "us-east-1")
        endpoint = environment("AWS_ENDPOINT_URL_S3") ?? environment("AWS_ENDPOINT_URL")
    }

    /// Where an object lies: the URL without its path, the host header, the encoded path.
    func address(bucket: String, key: String) -> (base: String, host: String, path: String) {
        let key = SignatureV4.percentEncode(key, keepingSlash: true)
        if let endpoint {
            let base = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
            let host = base.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
            return (base, String(host), "/\(bucket)/\(key)")
        }
        let domain = "s3.\(signature.region).amazonaws.com" + (signature.region.hasPrefix("cn-") ? ".cn" : "")
        // A dot in a bucket's name does not go with the certificate's wildcard.
        if bucket.contains(".") { return ("https://\(domain)", domain, "/\(bucket)/\(key)") }
        return ("https://\(bucket).\(domain)", "\(bucket).\(domain)", "/\(key)")
    }

    /// Begins a GET at its first byte.
    func open(bucket: String, key: String, eTag: String?, versionId: String?) throws -> S3Download {
        try S3Download(self, bucket: bucket, key: key, eTag: eTag, versionId: versionId)
    }

    /// Uploads an object in one part.
    func put(bucket: String, key: String, bytes: UnsafeRawBufferPointer) throws {
        let (base, _, _) = address(bucket: bucket, key: key)
        // Over TLS the connection guards the body; a second pass over it is for plain HTTP only.
        let hash = base.hasPrefix("https:") ? "UNSIGNED-PAYLOAD" : SHA256.hash(bytes).hexadecimal
        let (curl, status) = try send("PUT", bucket: bucket, key: key, payloadHash: hash, upload: bytes)
        guard status == 200 else { throw Self.error("s3://\(bucket)/\(key)", status, curl) }
    }

    /// Deletes an object; one that is not there is no error, as S3 has it.
    func delete(bucket: String, key: String) throws {
        let (curl, status) = try send("DELETE", bucket: bucket, key: key)
        guard status == 204 || status == 200 || status == 404 else {
            throw Self.error("s3://\(bucket)/\(key)", status, curl)
        }
    }

    /// Sends a request until it is answered by something other than an overload; the answer's body is still to be read.
    func send(
        _ method: String, bucket: String, key: String, query: [(String, String)] = [], headers: [String: String] = [:],
        payloadHash: String = SHA256.hash([]).hexadecimal, upload: UnsafeRawBufferPointer? = nil
    ) throws -> (Curl, Int) {
        let uri = "s3://\(bucket)/\(key)"
        let (base, host, path) = address(bucket: bucket, key: key)
        var url = base + path
        if !query.isEmpty {
            url += "?" + query.map { "\($0.0)=\(SignatureV4.percentEncode($0.1))" }.joined(separator: "&")
        }
        var attempt = 1
        while true {
            let signed = signature.headers(
                method: method, path: path, query: query,
                headers: headers.merging(["host": host]) { own, _ in own }, payloadHash: payloadHash, date: .now)
            do {
                let curl = try Curl(url: url, headers: signed, upload: upload)
                let status = try curl.start()
                if status != 429, status < 500 { return (curl, status) }
                if attempt == Self.attempts { throw Self.error(uri, status, curl) }
            } catch let failure as Curl.Failure {
                if !failure.isTransient || attempt == Self.attempts { throw S3Error.failed(uri, failure.description) }
            } catch let missing as DynamicLibrary.Missing {
                throw S3Error.failed(uri, missing.description)
            }
            pause(attempt)
            attempt += 1
        }
    }

    /// The error that S3's answer means, with the code in its XML.
    static func error(_ uri: String, _ status: Int, _ curl: Curl) -> S3Error {
        var body = [UInt8](repeating: 0, count: 4096)
        let count = (try? body.withUnsafeMutableBytes { try curl.read(into: $0) }) ?? 0
        let text = String(decoding: body[..<count], as: UTF8.self)
        let code = text.between("<Code>", "</Code>")
        switch (status, code) {
        case (404, "NoSuchBucket"): return .failed(uri, "no such bucket")
        case (404, _): return .noSuchKey(uri)
        case (412, _): return .changed(uri, "its ETag is not the one of the event")
        default:
            let reason = [code, text.between("<Message>", "</Message>")].compactMap(\.self).joined(separator: ": ")
            return .failed(uri, "S3 answered \(status)" + (reason.isEmpty ? "" : " (\(reason))"))
        }
    }
}

/// An object that is being downloaded. A connection that breaks is taken up again where it broke, if the object still is
/// the same.
final class S3Download: StoredObject {
    private let client: S3Client
    private let bucket: String
    private let key: String
    private let query: [(String, String)]
    private var curl: Curl
    private var position: Int64 = 0
    let size: Int64
    let version: String

    init(_ client: S3Client, bucket: String, key: String, eTag: String?, versionId: String?) throws {
        self.client = client
        self.bucket = bucket
        self.key = key
        query = versionId.map { [("versionId", $0)] } ?? []
        let headers = eTag.map { ["if-match": "\"\($0)\""] } ?? [:]
        let (curl, status) = try client.send("GET", bucket: bucket, key: key, query: query, headers: headers)
        guard status == 200 else { throw S3Client.error("s3://\(bucket)/\(key)", status, curl) }
        self.curl = curl
        size = curl.headers["content-length"].flatMap { Int64($0) } ?? 0
        version = (curl.headers["etag"] ?? "").filter { $0 != "\"" }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard buffer.count > 0 else { return 0 }
        var resumed = 0
        while true {
            do {
                let count = try curl.read(into: buffer)
                position += Int64(count)
                if count > 0 || position >= size { return count }
            } catch let failure as Curl.Failure {
                guard failure.isTransient, resumed < S3Client.attempts else {
                    throw S3Error.failed("s3://\(bucket)/\(key)", "at byte \(position): \(failure)")
                }
            }
            resumed += 1
            if resumed > S3Client.attempts {
                throw S3Error.failed("s3://\(bucket)/\(key)", "S3 sent \(position) of \(size) bytes")
            }
            client.pause(resumed)
            try resume()
        }
    }

    private func resume() throws {
        let headers = ["range": "bytes=\(position)-", "if-match": "\"\(version)\""]
        let (curl, status) = try client.send("GET", bucket: bucket, key: key, query: query, headers: headers)
        guard status == 206 else { throw S3Client.error("s3://\(bucket)/\(key)", status, curl) }
        self.curl = curl
    }
}

extension String {
    fileprivate func between(_ start: String, _ end: String) -> String? {
        var rest = self[...]
        while !rest.isEmpty, !rest.hasPrefix(start) { rest = rest.dropFirst() }
        rest = rest.dropFirst(start.count)
        var text = ""
        while let character = rest.first, !rest.hasPrefix(end) {
            text.append(character)
            rest = rest.dropFirst()
        }
        return rest.isEmpty ? nil : text
    }
}
