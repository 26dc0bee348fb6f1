import Events

/// The X-Ray trace header, as far as Lambda's loop detection uses it: `Root=…;Parent=…;Sampled=0;Lineage=hash:count`.
///
/// Each invocation adds one to its function's count in the lineage; a function's calls carry the header on.
struct TraceHeader: Sendable, Hashable {
    /// How often a function may come up in one chain.
    static let maximumDepth = 16

    let root: String
    /// Count of each function by the hash of its ARN.
    let lineage: [(hash: String, count: Int)]

    static func == (left: Self, right: Self) -> Bool { left.description == right.description }
    func hash(into hasher: inout Hasher) { hasher.combine(description) }

    /// A new chain.
    init(at time: Timestamp) {
        root = "1-\(String(time.milliseconds / 1000, radix: 16))-\(Identifier.hexadecimal(digits: 24))"
        lineage = []
        isExhausted = false
    }

    /// Reads a header that came with a request; nil where it has no root.
    init?(_ text: String) {
        var root: String?
        var lineage: [(hash: String, count: Int)] = []
        for part in text.split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { continue }
            if pair[0] == "Root" { root = pair[1] }
            if pair[0] == "Lineage" {
                for entry in pair[1].split(separator: "|") {
                    let fields = entry.split(separator: ":")
                    guard fields.count >= 2, let count = Int(fields[fields.count - 1]), count >= 0,
                        fields[fields.count - 2].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), lineage.count < 64
                    else { continue }
                    lineage.append((String(fields[fields.count - 2]), count))
                }
            }
        }
        guard let root, root.utf8.count <= 64, root.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.root = root
        self.lineage = lineage
        isExhausted = false
    }

    private init(root: String, lineage: [(hash: String, count: Int)], isExhausted: Bool) {
        self.root = root
        self.lineage = lineage
        self.isExhausted = isExhausted
    }

    /// The chain at its end: it goes no further.
    var exhausted: TraceHeader { TraceHeader(root: root, lineage: lineage, isExhausted: true) }

    /// Whether some function has come up as often as it may, and then once more.
    let isExhausted: Bool

    /// The chain with this function in it once more; nil where that would be once too often.
    func entering(_ arn: String) -> TraceHeader? {
        let hash = Self.hash(arn)
        let count = (lineage.first { $0.hash == hash }?.count ?? 0) + 1
        guard count <= Self.maximumDepth else { return nil }
        return TraceHeader(
            root: root, lineage: lineage.filter { $0.hash != hash } + [(hash, count)], isExhausted: false)
    }

    var description: String {
        let chain = lineage.map { "\($0.hash):\($0.count)" }.joined(separator: "|")
        let head = "Root=\(root);Parent=\(Self.hash(root, length: 16));Sampled=0"
        return chain.isEmpty ? head : head + ";Lineage=" + chain
    }

    /// FNV-1a in hexadecimal.
    private static func hash(_ text: String, length: Int = 8) -> String {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(value, radix: 16)
        return String((String(repeating: "0", count: 16 - digits.count) + digits).prefix(length))
    }
}
