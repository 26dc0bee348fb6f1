/// Why the database can't be used, and what to do about it.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no database at the path.
    case missing(path: String)
    /// The file is no database, or damaged.
    case corrupt(path: String, detail: String)
    /// A newer version of the program wrote it.
    case newer(path: String)
    /// The folder or file can't be opened or written.
    case unusable(path: String, detail: String)
    /// The store was closed before the write was committed: it has not happened.
    case closed

    public var description: String {
        switch self {
        case .missing(let path):
            "\(path): no database here yet. Start the host once with 'sluice up', or name the project's folder with --project."
        case .corrupt(let path, let detail):
            "\(path): the database is damaged (\(detail)). Keep a copy of it, then restore a backup with 'sluice restore'."
        case .newer(let path):
            "\(path): a newer version of sluice wrote this database. Use that version, or another state folder with --state."
        case .unusable(let path, let detail):
            "\(path): can't open the database: \(detail)."
        case .closed:
            "the database was closed before the write was committed"
        }
    }
}
