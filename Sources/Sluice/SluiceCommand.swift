import ArgumentParser
import Glibc
import Storage
import Synchronization

/// The `sluice` command.
@main
struct SluiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract:
            "The gate of a data lake: a file lands, a function validates it, and only what passes starts the ETL job.",
        discussion: """
            A project is a folder with functions/template.yaml, a SAM template. 'sluice up' runs it: files dropped into \
            lake/BUCKET/ are uploads, functions are processes that speak Lambda's Runtime API, steps are real Spark jobs, and \
            everything that happens is written to .sluice/sluice.db, which all other commands read, whether the host is up or \
            not.

              sluice up                                   run the host here
              cp january.csv.gz lake/raw/flights/         upload a file
              sluice trace s3://raw/flights/january.csv.gz   what became of it

            \(ExitStatus.table)
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Run", subcommands: [UpCommand.self, InvokeCommand.self, PutCommand.self, ReplayCommand.self]),
            CommandGroup(
                name: "Look",
                subcommands: [
                    TraceCommand.self, LogsCommand.self, MetricsCommand.self, AlarmsCommand.self, AlertsCommand.self,
                    StepsCommand.self,
                    ExecutionsCommand.self, FunctionsCommand.self, QueueCommand.self,
                ]),
            CommandGroup(
                name: "Check",
                subcommands: [ValidateCommand.self, InferCommand.self, CheckCommand.self, DoctorCommand.self]),
            CommandGroup(name: "Keep", subcommands: [RedriveCommand.self, BackupCommand.self, RestoreCommand.self]),
        ])

    static func main() async {
        // A reader that has gone, as in `sluice logs | head`, ends the command quietly by EPIPE instead of a signal.
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow further fails its write instead of ending the command.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            let fault = Terminal.fault.load(ordering: .relaxed)
            if fault != 0 {
                throw CommandError(
                    "the output could not be written: \(String(cString: strerror(fault)))", status: ExitStatus.unusable)
            }
        } catch let error as CommandError {
            say("\(error)")
            Glibc.exit(error.status.rawValue)
        } catch let error as StoreError {
            say("\(error)")
            Glibc.exit(ExitStatus.unusable.rawValue)
        } catch let error as MachineFault {
            say("\(error)")
            Glibc.exit(ExitStatus.unusable.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    /// Tells the person at the terminal something that is not the command's output.
    static func say(_ text: String) {
        Terminal.error.line(Terminal.error.paint("sluice: ", .grey) + text)
    }
}

/// The switch between a table for people and JSON for programs.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON instead of a table.")
    var json = false
}
