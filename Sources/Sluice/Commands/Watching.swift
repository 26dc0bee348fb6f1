import Events

/// Follows something that grows, for `--follow`: asks again each time the database has changed, until the reader is gone or
/// the process is stopped.
func follow(every interval: Duration = .milliseconds(250), _ more: () async throws -> Bool) async throws {
    while try await more() { try await Task.sleep(for: interval) }
}
