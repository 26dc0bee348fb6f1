/// The tables of one room, as a list of steps that only grows: a database remembers which steps it has taken.
public struct Schema: Sendable {
    /// The room's name; it prefixes the steps' names.
    public let room: String
    /// SQL scripts, oldest first. A script that has shipped is never changed; a change is a new one behind it.
    public let steps: [String]

    public init(room: String, steps: [String]) {
        self.room = room
        self.steps = steps
    }
}
