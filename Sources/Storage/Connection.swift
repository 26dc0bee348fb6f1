public import GRDB

/// The database inside one transaction or one read. Valid only in the closure that was given it.
public struct Connection {
    /// GRDB's own connection, for what the short forms below do not cover.
    public let database: Database
    private let hooks: CommitHooks?

    init(_ database: Database, hooks: CommitHooks? = nil) {
        self.database = database
        self.hooks = hooks
    }

    /// Runs `body` once the transaction is durable, and not at all if it is rolled back. It runs on the writer's thread, so it
    /// should only wake somebody.
    public func afterCommit(_ body: @escaping @Sendable () -> Void) { hooks?.bodies.append(body) }

    /// Runs one statement, which is compiled once and kept.
    public func execute(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws {
        try database.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// The rows of a query, all in memory: for queries with a limit.
    public func rows(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> [Row] {
        try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first row of a query.
    public func row(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> Row? {
        try Row.fetchOne(database.cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first column of the first row.
    public func value<Value: DatabaseValueConvertible>(
        _ type: Value.Type, _ sql: String, _ arguments: StatementArguments = StatementArguments()
    ) throws -> Value? {
        try Value.fetchOne(database.cachedStatement(sql: sql), arguments: arguments)
    }

    /// The rows of a query one after another, without holding them.
    public func forEachRow(
        _ sql: String, _ arguments: StatementArguments = StatementArguments(), _ body: (Row) throws -> Void
    ) throws {
        let cursor = try Row.fetchCursor(database.cachedStatement(sql: sql), arguments: arguments)
        while let row = try cursor.next() { try body(row) }
    }

    /// The id that the last INSERT gave.
    public var lastInsertedID: Int64 { database.lastInsertedRowID }

    /// How many rows the last statement changed.
    public var changes: Int { database.changesCount }
}

/// What waits for a commit; one object a transaction.
final class CommitHooks {
    var bodies: [@Sendable () -> Void] = []
}
