import ArgumentParser

/// What a command's exit code says. `sluice help` prints the same list.
enum ExitStatus {
    /// The thing asked about failed: a function returned an error, a check found a fault, a step or an execution failed.
    static let failed = ExitCode(1)
    /// A file can't be read, or what it is to be judged by: nothing is known of it.
    static let unreadable = ExitCode(2)
    /// There is no such thing: function, object, execution, step, metric.
    static let notFound = ExitCode(3)
    /// The project or its state can't be used, and starting again would not help: no database, a damaged one, a host that holds it, a
    /// port that is taken.
    static let unusable = ExitCode(4)

    static let table = """
        EXIT CODES
          0    done
          1    it ran, and the answer is no: the function failed, the template has faults, data was held back
          2    a table, its schema or a table it refers to can't be read
          3    there is no such function, object, step, execution or metric
          4    the project or its state can't be used (no template, no database or a damaged one, another host has it);
               a supervisor should not start it again: RestartPreventExitStatus=1 4 64
          64   the command line is wrong
          130  stopped by Ctrl-C
        """
}

/// An error for a person: what happened and what to do. Printed as it is, without a stack or a type's name.
struct CommandError: Error, CustomStringConvertible {
    let description: String
    let status: ExitCode

    init(_ description: String, status: ExitCode = ExitStatus.failed) {
        self.description = description
        self.status = status
    }
}
