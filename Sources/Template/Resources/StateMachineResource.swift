public import Events

/// A state machine: `AWS::Serverless::StateMachine` or `AWS::StepFunctions::StateMachine`.
///
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-statemachine.html>
public struct StateMachineResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `Name` (or `StateMachineName`); without it the logical id.
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// Standard or express.
    public internal(set) var type = Kind.standard
    /// The Amazon States Language, with the substitutions made; its places are those of the file that it stands in.
    public internal(set) var definition: LocatedJSON
    /// `Logging`; nil: nothing is logged.
    public internal(set) var logging: Logging?

    /// Standard executions keep their history; express ones are short.
    public enum Kind: String, Sendable, CaseIterable {
        case standard = "STANDARD"
        case express = "EXPRESS"
    }

    /// What of its executions goes to which log groups.
    public struct Logging: Sendable, Hashable {
        /// `Level`.
        public var level = Level.off
        /// Whether inputs and outputs are logged.
        public var includeExecutionData = false
        /// The log groups that get them.
        public var logGroups: [ARN] = []

        /// Which events of an execution are logged.
        public enum Level: String, Sendable, CaseIterable {
            case all = "ALL"
            case error = "ERROR"
            case fatal = "FATAL"
            case off = "OFF"
        }
    }
}

extension StateMachineResource {
    init(_ properties: PropertyReader, _ resource: RawResource, directory: String) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        arn = properties.scope.account.stateMachine(name)
        let serverless = resource.type == .serverlessStateMachine
        _ = properties.string(
            serverless ? "Name" : "StateMachineName", length: 1...80, allowed: "letters, digits, '-' and '_'"
        ) { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        type = properties.choice(serverless ? "Type" : "StateMachineType", Kind.self) ?? .standard
        let reader = DefinitionReader(properties: properties, directory: directory)
        definition =
            reader.read(keys: serverless ? ["Definition", "DefinitionUri"] : ["Definition", "DefinitionString"])
            ?? LocatedJSON(json: .null, location: resource.idLocation)
        if let config = properties.object(serverless ? "Logging" : "LoggingConfiguration") {
            var logging = Logging()
            logging.level = config.choice("Level", Logging.Level.self) ?? .off
            logging.includeExecutionData = config.bool("IncludeExecutionData") ?? false
            for destination in config.objects("Destinations") ?? [] {
                if let group = destination.object("CloudWatchLogsLogGroup") {
                    group.require("LogGroupArn")
                    if let arn = group.arn("LogGroupArn", services: ["logs"]) { logging.logGroups.append(arn) }
                    group.finish()
                }
                destination.finish()
            }
            config.finish()
            self.logging = logging
        }
        if serverless {
            properties.mattersOnlyOnAWS(
                "AutoPublishAlias", "DeploymentPreference", "PermissionsBoundary", "Policies", "PropagateTags", "Role",
                "RolePath", "Tags", "Tracing", "UseAliasAsEventTarget")
            _ = properties.raw("Events")
        } else {
            properties.require("RoleArn")
            properties.unsupported(["DefinitionS3Location": "give the Definition, or use AWS::Serverless::StateMachine"]
            )
            properties.mattersOnlyOnAWS("EncryptionConfiguration", "RoleArn", "Tags", "TracingConfiguration")
        }
        properties.finish()
    }
}
