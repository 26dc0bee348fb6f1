import Crypto

/// The hashes that `States.Hash` offers, by the names that it takes.
enum Digest: String {
    case md5 = "MD5"
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"

    /// The hash of the bytes in lower-case hexadecimal digits.
    func hexadecimal(_ bytes: [UInt8]) -> String {
        switch self {
        case .md5: Self.text(Insecure.MD5.hash(data: bytes))
        case .sha1: Self.text(Insecure.SHA1.hash(data: bytes))
        case .sha256: Self.text(SHA256.hash(data: bytes))
        case .sha384: Self.text(SHA384.hash(data: bytes))
        case .sha512: Self.text(SHA512.hash(data: bytes))
        }
    }

    private static func text(_ digest: some Sequence<UInt8>) -> String {
        digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
