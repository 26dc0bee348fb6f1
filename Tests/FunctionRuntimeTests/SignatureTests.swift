import Events
import Testing

@testable import FunctionRuntime

@Suite("Signatures")
struct SignatureTests {
    @Test(
        "SHA-256 agrees with the standard's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ])
    func sha256(text: String, digest: String) { #expect(SHA256.hash(Array(text.utf8)).hexadecimal == digest) }

    @Test("HMAC agrees with RFC 4231's second and sixth case")
    func hmac() {
        #expect(
            SHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)).hexadecimal
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            SHA256.authenticate(
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                key: Array(repeating: 0xAA, count: 131)
            ).hexadecimal == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    private let signature = SignatureV4(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region: "us-east-1")

    @Test("a GET is signed as in S3's own example")
    func example() {
        let headers = signature.headers(
            method: "GET", path: "/test.txt",
            headers: ["host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"],
            payloadHash: SHA256.hash([]).hexadecimal, date: Timestamp(year: 2013, month: 5, day: 24))
        #expect(
            headers["authorization"]
                == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        #expect(headers["x-amz-date"] == "20130524T000000Z")
    }

    @Test("buckets stand in the host on AWS, in the path elsewhere or where they have a dot")
    func addresses() throws {
        func address(_ bucket: String, _ more: [String: String] = [:]) throws -> String {
            let own = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"]
            let all = own.merging(more) { $1 }
            let (base, host, path) = try S3Client { all[$0] }.address(bucket: bucket, key: "a b/ü.csv")
            return "\(base) \(host) \(path)"
        }
        #expect(
            try address("raw")
                == "https://raw.s3.eu-west-1.amazonaws.com raw.s3.eu-west-1.amazonaws.com /a%20b/%C3%BC.csv")
        #expect(
            try address("r.aw")
                == "https://s3.eu-west-1.amazonaws.com s3.eu-west-1.amazonaws.com /r.aw/a%20b/%C3%BC.csv")
        #expect(
            try address("raw", ["AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_S3": "http://localhost:4566/"])
                == "http://localhost:4566 localhost:4566 /raw/a%20b/%C3%BC.csv")
        #expect(throws: S3Error.self) { try S3Client { _ in nil } }
    }
}
