/// Why the database can't be used, and what to do about it.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no database at the path.
    case missing(path: String)
    /// The file is no database, or damaged.
    case corrupt(path: String, detail: String)
    /// A newer version of the program wrote it; `steps` are those that this version does not know.
    case newer(path: String, steps: [String])
    /// The file is empty, missing, or another one than the last host wrote to.
    case lost(path: String)
    /// `sluice restore` did not come to its end.
    case restoreInterrupted(path: String)
    /// Somebody else is copying into the same file.
    case copyUnderWay(path: String)
    /// The file was removed or replaced while it was open.
    case replaced(path: String)
    /// The machine does not let it be opened or written now; that may go by itself.
    case machine(MachineFault)
    /// The folder or file can't be opened or written.
    case unusable(path: String, detail: String)
    /// The store was closed before the write was committed: it has not happened.
    case closed

    /// Whether to try again later makes sense without anybody mending the database.
    public var mayPass: Bool { if case .machine = self { true } else { false } }

    public var description: String {
        switch self {
        case .missing(let path):
            "\(path): no database here yet. Start the host once with 'sluice up', or name the project's folder with --project."
        case .corrupt(let path, let detail):
            "\(path): the database is damaged (\(detail)). Nothing was changed. Keep a copy of the folder, then restore a backup: "
                + "'sluice restore FILE'. Without a backup, save what can be read: sqlite3 \(path) .recover | sqlite3 saved.db, "
                + "then 'sluice restore saved.db'."
        case .newer(let path, let steps):
            "\(path): a newer version of sluice wrote this database (it has \(steps.joined(separator: ", "))). Nothing was changed. "
                + "Use that version, go back to the copy that it made before its upgrade with 'sluice restore "
                + "\(path).before-upgrade', or use another state folder with --state."
        case .lost(let path):
            "\(path): the database does not hold what the last host wrote: it was emptied, removed or replaced, or its "
                + "write-ahead log (\(path)-wal) is gone. Going on would deliver every object again. Put the files back, or restore "
                + "a backup with 'sluice restore FILE'. To begin from nothing on purpose, remove \(path).run too."
        case .copyUnderWay(let path): "\(path): another copy into this file is being made."
        case .restoreInterrupted(let path):
            "\(path): 'sluice restore' was interrupted. Run it again. The database as it was before is \(path).before-restore."
        case .replaced(let path):
            "\(path): the database was removed or replaced while the host ran, so that what it commits would be lost. Put the file "
                + "back or restore a backup with 'sluice restore FILE', then start the host again."
        case .machine(let fault): "\(fault)."
        case .unusable(let path, let detail):
            "\(path): can't open the database: \(detail)."
        case .closed:
            "the database was closed before the write was committed"
        }
    }
}
