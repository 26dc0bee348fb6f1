/// The command line of `spark-submit`, taken apart as Spark's own parser does.
///
/// <https://spark.apache.org/docs/3.5.9/submitting-applications.html>
struct SparkSubmitArguments: Sendable, Hashable {
    /// Everything in front of the primary resource, as it was written.
    private(set) var options: [String] = []
    /// The script or jar.
    private(set) var resource = ""
    /// What follows the primary resource.
    private(set) var applicationArguments: [String] = []
    /// Options with their values, in order.
    private var values: [(name: String, value: String)] = []
    /// The settings of all `--conf`, in order.
    private(set) var settings: [(name: String, value: String)] = []

    private static let withValue: Set<String> = [
        "--archives", "--class", "--conf", "-c", "--deploy-mode", "--driver-class-path", "--driver-cores",
        "--driver-java-options", "--driver-library-path", "--driver-memory", "--executor-cores", "--executor-memory",
        "--exclude-packages", "--files", "--jars", "--keytab", "--master", "--name", "--num-executors", "--packages",
        "--principal", "--properties-file", "--proxy-user", "--py-files", "--queue", "--remote", "--repositories",
        "--total-executor-cores",
    ]
    private static let flags: Set<String> = ["--supervise", "--verbose", "-v"]

    /// Throws ``StepProgramError`` for an option that Spark would not take, or where the script or jar is missing.
    init(parsing arguments: [String]) throws(StepProgramError) {
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            guard argument.hasPrefix("-") else { break }
            var name = argument
            var value: String?
            if argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") {
                name = String(argument[..<equals])
                value = String(argument[argument.index(after: equals)...])
            }
            if Self.flags.contains(name), value == nil {
                options.append(argument)
                index += 1
                continue
            }
            guard Self.withValue.contains(name) else {
                throw StepProgramError("spark-submit has no option '\(name)' that a step could use.")
            }
            if value == nil {
                index += 1
                guard index < arguments.count else { throw StepProgramError("spark-submit: '\(name)' needs a value.") }
                value = arguments[index]
            }
            index += 1
            let text = value ?? ""
            options += [name, text]
            values.append((name, text))
            if name == "--conf" || name == "-c" {
                guard let equals = text.firstIndex(of: "=") else {
                    throw StepProgramError("spark-submit: '--conf \(text)' is not of the form NAME=VALUE.")
                }
                settings.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
            }
        }
        guard index < arguments.count else {
            throw StepProgramError("spark-submit: no script or jar is given after the options.")
        }
        resource = arguments[index]
        applicationArguments = Array(arguments[(index + 1)...])
    }

    /// The last value that `--conf` gives a setting.
    func setting(_ name: String) -> String? { settings.last { $0.name == name }?.value }

    /// The value of an option, or else of the setting that means the same: an option wins over a setting.
    func last(_ option: String, setting name: String) -> String? {
        values.last { $0.name == option }?.value ?? setting(name)
    }

    static func == (left: Self, right: Self) -> Bool {
        left.options == right.options && left.resource == right.resource
            && left.applicationArguments == right.applicationArguments
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(options)
        hasher.combine(resource)
        hasher.combine(applicationArguments)
    }
}

/// Splits a line into words as a shell would: white space between them, quotes and backslashes inside.
enum ShellWords {
    static func split(_ line: String) -> [String] {
        var words: [String] = []
        var word = ""
        var inWord = false
        var quote: Character?
        var escaped = false
        for character in line {
            if escaped {
                word.append(character)
                escaped = false
            } else if character == "\\", quote != "'" {
                escaped = true
                inWord = true
            } else if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                inWord = true
            } else if character.isWhitespace {
                if inWord { words.append(word) }
                word = ""
                inWord = false
            } else {
                word.append(character)
                inWord = true
            }
        }
        return inWord ? words + [word] : words
    }
}
