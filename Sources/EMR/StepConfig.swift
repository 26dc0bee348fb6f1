public import Events

/// A step as a client orders it.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_StepConfig.html>
public struct StepConfig: Sendable, Hashable {
    /// At most 256 characters.
    public var name: String
    /// What becomes of the cluster if it fails.
    public var actionOnFailure: ActionOnFailure
    /// The program.
    public var hadoopJarStep: HadoopJarStep

    /// A step as an order.
    public init(name: String, actionOnFailure: ActionOnFailure = .continue, hadoopJarStep: HadoopJarStep) {
        self.name = name
        self.actionOnFailure = actionOnFailure
        self.hadoopJarStep = hadoopJarStep
    }

    /// Reads EMR's request shape. Throws `ShapeError` with the path of the member, or ``EMRError`` for a value out of range.
    public init(json: JSON, path: String = "Step") throws {
        let read = ShapeReader(json, path: path)
        name = try read.string("Name")
        let action = json["ActionOnFailure"]?.string ?? ActionOnFailure.terminateCluster.rawValue
        guard let actionOnFailure = ActionOnFailure(rawValue: action) else {
            throw EMRError(
                .validation,
                "1 validation error detected: Value '\(action)' at 'steps.1.member.actionOnFailure' failed to satisfy "
                    + "constraint: Member must satisfy enum value set: [CANCEL_AND_WAIT, TERMINATE_JOB_FLOW, "
                    + "TERMINATE_CLUSTER, CONTINUE]")
        }
        self.actionOnFailure = actionOnFailure
        hadoopJarStep = try HadoopJarStep(json: try read.member("HadoopJarStep").json, path: "\(path).HadoopJarStep")
    }

    /// What EMR checks before it takes a step.
    func validate() throws(EMRError) {
        guard !name.isEmpty, name.unicodeScalars.count <= 256 else {
            throw EMRError(.validation, "Step name must have between 1 and 256 characters.")
        }
        guard !hadoopJarStep.jar.isEmpty else { throw EMRError(.validation, "Step Jar must not be empty.") }
        let strings =
            [hadoopJarStep.jar, hadoopJarStep.mainClass ?? ""] + hadoopJarStep.args
            + hadoopJarStep.properties.flatMap { [$0.key, $0.value] }
        guard strings.reduce(0, { $0 + $1.unicodeScalars.count }) <= 10240 else {
            throw EMRError(.validation, "HadoopJarStepConfig total length must not exceed 10240 characters.")
        }
    }
}

/// The program of a step and its arguments.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_HadoopJarStepConfig.html>
public struct HadoopJarStep: Sendable, Hashable {
    /// `command-runner.jar`, or a path that ends in `script-runner.jar`.
    public var jar: String
    /// The program's arguments; for `command-runner.jar` the first one names the program.
    public var args: [String]
    /// The class to run, where the jar names none.
    public var mainClass: String?
    /// Java properties.
    public var properties: [String: String]

    /// A program and its arguments.
    public init(jar: String, args: [String] = [], mainClass: String? = nil, properties: [String: String] = [:]) {
        self.jar = jar
        self.args = args
        self.mainClass = mainClass
        self.properties = properties
    }

    /// Reads EMR's request shape, in which `Properties` is a list of `Key` and `Value`.
    public init(json: JSON, path: String = "HadoopJarStep") throws {
        jar = try ShapeReader(json, path: path).string("Jar")
        args = try (json["Args"]?.array ?? []).enumerated().map { index, argument in
            guard let text = argument.string else {
                throw ShapeError("\(path).Args[\(index)]", expected: "string", found: argument)
            }
            return text
        }
        mainClass = json["MainClass"]?.string
        properties = [:]
        for (index, property) in (json["Properties"]?.array ?? []).enumerated() {
            let read = ShapeReader(property, path: "\(path).Properties[\(index)]")
            properties[try read.string("Key")] = try read.string("Value")
        }
    }

    /// The shape of `Config` in an answer, in which `Properties` is a map.
    var json: JSON {
        .compact([
            "Jar": .string(jar),
            "Properties": .object(
                JSONObject(properties.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            "MainClass": mainClass.map(JSON.string), "Args": .array(args.map(JSON.string)),
        ])
    }

    init(stored json: JSON) {
        jar = json["Jar"]?.string ?? ""
        args = (json["Args"]?.array ?? []).compactMap(\.string)
        mainClass = json["MainClass"]?.string
        properties = [:]
        for (key, value) in json["Properties"]?.object ?? JSONObject() { properties[key] = value.string }
    }
}
