public import GRDB

extension DatabaseError {
    /// Whether the machine, not the statement, is the cause, so that trying again later makes sense.
    public var isOutsideCause: Bool {
        switch resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_BUSY, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_NOMEM, .SQLITE_PERM,
            .SQLITE_PROTOCOL:
            true
        default: false
        }
    }

    /// Whether the file itself is broken, so that nothing more must be written to it.
    var isDamage: Bool { resultCode == .SQLITE_CORRUPT || resultCode == .SQLITE_NOTADB }
}
