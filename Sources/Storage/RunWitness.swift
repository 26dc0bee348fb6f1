import Events
import Glibc

/// A small file beside the database that says which run of a host wrote to it last, so that a database which has lost what it
/// held is not taken for a new one.
///
/// The run's name is committed into the database first and written here second. A database that does not know the name is
/// empty, older, another one, or has lost its write-ahead log; to go on with it would deliver every object again.
struct RunWitness {
    enum Content: Equatable {
        /// No host has ever used the folder.
        case none
        case run(String)
        /// `sluice restore` was interrupted: the database may be missing or half in place.
        case restoring
    }

    let path: String

    init(database: String) { path = database + ".run" }

    /// What stands in the file; one that can't be understood is as good as none. Throws ``MachineFault`` where it is there and
    /// can't be read.
    func read() throws -> Content {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return .none }
            throw MachineFault(errno: errno, path: path)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0, let json = try? JSON(parsing: Array(bytes[..<count])) else { return .none }
        if json["restoring"]?.bool == true { return .restoring }
        return json["run"]?.string.map { .run($0) } ?? .none
    }

    func write(_ content: Content) throws {
        switch content {
        case .none:
            if unlink(path) != 0, errno != ENOENT { throw MachineFault(errno: errno, path: path) }
        case .run(let name):
            try DurableFile.write((["run": .string(name)] as JSON).serialized() + [0x0A], to: path)
        case .restoring: try DurableFile.write((["restoring": true] as JSON).serialized() + [0x0A], to: path)
        }
    }
}
