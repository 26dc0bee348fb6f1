import Events

/// What says that a file is another version of its object, where its bytes are the same.
enum Evidence: Sendable, Hashable {
    /// A writer has closed it, or it was moved into its place: a put of the same bytes is one, too.
    case arrival
    /// Nothing but a change of its attributes, times included: none.
    case attributes
    /// It lay there when its folder was read. The same bytes with the same time are the same object, though they may have been
    /// copied, with the whole lake, to another place.
    case lying
    /// The same, after a restore: the lake was copied as well, perhaps without its times.
    case restored
}

/// What was found at a key's path.
enum Observation: Sendable, Hashable {
    /// A whole file that nobody has open for writing.
    /// `traceHeader` is that of the invocation which wrote it, where the file tells.
    case present(
        bucket: String, key: String, identity: FileIdentity, eTag: String, traceHeader: String?, evidence: Evidence)
    /// The file was removed or moved away. `current` is what stands in its place by now, if anything does: it has an observation
    /// of its own, before or after this one.
    case absent(bucket: String, key: String, current: FileIdentity?)

    var bucket: String {
        switch self {
        case .present(let bucket, _, _, _, _, _), .absent(let bucket, _, _): bucket
        }
    }

    var key: String {
        switch self {
        case .present(_, let key, _, _, _, _), .absent(_, let key, _): key
        }
    }
}

/// What an observation means, given the object that is known.
enum ObjectChange: Sendable, Hashable {
    /// It is known already.
    case nothing
    /// The same bytes in the same file with other attributes: no event, but a new identity to remember.
    case sameContent(FileIdentity)
    /// A new version.
    case created(FileIdentity, eTag: String)
    /// The object is gone.
    case removed

    init(known: StoredObject?, observation: Observation) {
        switch (known, observation) {
        case (nil, .absent): self = .nothing
        case (nil, .present(_, _, let identity, let eTag, _, _)): self = .created(identity, eTag: eTag)
        case (let known?, .absent(_, _, let current)):
            // A removal that is told after its successor has been taken in.
            self = known.identity == current ? .nothing : .removed
        case (let known?, .present(_, _, let identity, let eTag, _, let evidence)):
            if known.eTag == eTag, known.size == identity.size, Self.isSame(known.identity, identity, evidence) {
                self = known.identity == identity ? .nothing : .sameContent(identity)
            } else {
                self = .created(identity, eTag: eTag)
            }
        }
    }

    /// Whether two files of the same bytes are the same version.
    private static func isSame(_ known: FileIdentity, _ found: FileIdentity, _ evidence: Evidence) -> Bool {
        if known.hasContent(of: found) { return true }
        return switch evidence {
        case .arrival: false
        case .attributes: known.inode == found.inode
        case .lying: known.modified == found.modified
        case .restored: true
        }
    }
}

extension Sequencer {
    /// The next number of an order that survives restarts and clocks that are set back: the time where that is larger, else the
    /// last number's successor. Seconds in the upper half, as in S3's own.
    static func next(after last: Int64, now: Timestamp) -> Int64 {
        let seconds = max(0, now.milliseconds / 1000)
        let fraction = (now.milliseconds % 1000) * 4_294_967
        return max(last + 1, seconds << 32 | max(0, fraction))
    }
}
