/// How a validation runs.
public struct ValidationOptions: Sendable {
    /// Threads to work on, one or two; the report is the same.
    public var threads: Int
    /// How many places a check keeps.
    public var offenders: Int
    /// How many bytes of a value are shown.
    public var valueLength: Int
    /// Now, in seconds from 1970-01-01T00:00:00Z, for ``Freshness``; nil asks the system's clock.
    public var now: Int?
    /// Bytes in the longest row that is read; a longer one ends the reading with a finding.
    public var longestRow: Int
    /// Bytes taken up at a time.
    public var blockSize: Int

    /// The defaults suit a function.
    public init(
        threads: Int = 1, offenders: Int = 10, valueLength: Int = 80, now: Int? = nil, longestRow: Int = 64 << 20,
        blockSize: Int = 1 << 20
    ) {
        self.threads = threads
        self.offenders = offenders
        self.valueLength = max(8, valueLength)
        self.now = now
        self.longestRow = max(1 << 10, longestRow)
        self.blockSize = max(1 << 8, blockSize)
    }
}
