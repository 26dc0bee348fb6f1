public import Events

/// A function: `AWS::Serverless::Function`.
///
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html>
public struct FunctionResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `FunctionName`; without it the logical id (on AWS: stack, logical id and random characters).
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// Its `Description`.
    public internal(set) var description: String?
    /// `CodeUri` as it is written.
    public internal(set) var codeURI = ""
    /// The folder or archive that `CodeUri` names, from the template's own folder.
    public internal(set) var codePath = ""
    /// For `provided` runtimes the executable, `bootstrap`; for Python `file.function`.
    public internal(set) var handler = ""
    /// `provided.al2023`, `provided.al2` or `python3.…`.
    public internal(set) var runtime = ""
    /// `x86_64` or `arm64`.
    public internal(set) var architecture = "x86_64"
    /// Seconds.
    public internal(set) var timeout = 3
    /// Megabytes.
    public internal(set) var memorySize = 128
    /// The size of `/tmp` in megabytes.
    public internal(set) var ephemeralStorage = 512
    /// `Environment.Variables`.
    public internal(set) var environment: [String: String] = [:]
    /// nil: as many as the account allows.
    public internal(set) var reservedConcurrentExecutions: Int?
    /// `EventInvokeConfig`, with its defaults.
    public internal(set) var eventInvokeConfig = EventInvokeConfig()
    /// Gets the event, not the record, of an invocation that failed for good: an SQS queue's or an SNS topic's ARN.
    public internal(set) var deadLetterTarget: ARN?
    /// `RecursiveLoop`.
    public internal(set) var recursiveLoop = RecursiveLoop.terminate
    /// `LoggingConfig`.
    public internal(set) var logging = Logging()

    /// How asynchronous invocations are retried and where their outcome goes.
    public struct EventInvokeConfig: Sendable, Hashable {
        /// 0 to 2.
        public var maximumRetryAttempts = 2
        /// Seconds: 60 to 21600.
        public var maximumEventAgeInSeconds = 21600
        /// Gets the record of an invocation that succeeded.
        public var onSuccess: Destination?
        /// Gets the record of one that failed for good.
        public var onFailure: Destination?
    }

    /// Where an invocation record goes.
    public struct Destination: Sendable, Hashable {
        /// The service that gets the record.
        public enum Kind: String, Sendable, CaseIterable {
            case queue = "SQS"
            case topic = "SNS"
            case function = "Lambda"
            case eventBus = "EventBridge"
            case bucket = "S3Bucket"

            var service: String {
                switch self {
                case .queue: "sqs"
                case .topic: "sns"
                case .function: "lambda"
                case .eventBus: "events"
                case .bucket: "s3"
                }
            }
        }
        /// `Type`.
        public var kind: Kind
        /// Its ARN.
        public var arn: ARN
        /// Where it stands.
        public var location: SourceLocation
    }

    /// What happens to a chain of invocations that leads back to the same function.
    public enum RecursiveLoop: String, Sendable, CaseIterable {
        case terminate = "Terminate"
        case allow = "Allow"
    }

    /// Where the function's output goes.
    public struct Logging: Sendable, Hashable {
        /// nil: `/aws/lambda/NAME`.
        public var logGroup: String?
        /// `LogFormat`.
        public var format = Format.text

        /// The form of the lines.
        public enum Format: String, Sendable, CaseIterable {
            case text = "Text"
            case json = "JSON"
        }
    }

    /// The log group that it writes to.
    public var logGroupName: String { logging.logGroup ?? "/aws/lambda/\(name)" }
}

extension FunctionResource {
    init(_ properties: PropertyReader, _ resource: RawResource, directory: String) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        arn = properties.scope.account.function(name)
        _ = properties.string("FunctionName", length: 1...64, allowed: "letters, digits, '-' and '_'") {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
        }
        description = properties.string("Description", length: 0...256)
        readCode(properties, directory: directory)
        timeout = properties.int("Timeout", in: 1...900, unit: "seconds") ?? timeout
        memorySize = properties.int("MemorySize", in: 128...10240, unit: "MB") ?? memorySize
        reservedConcurrentExecutions = properties.int("ReservedConcurrentExecutions", in: 0...1000)
        if let storage = properties.object("EphemeralStorage") {
            storage.require("Size")
            ephemeralStorage = storage.int("Size", in: 512...10240, unit: "MB") ?? ephemeralStorage
            storage.finish()
        }
        if let environment = properties.object("Environment") {
            readVariables(environment)
            environment.finish()
        }
        if let config = properties.object("EventInvokeConfig") { readEventInvokeConfig(config) }
        if let queue = properties.object("DeadLetterQueue") {
            queue.require("Type", "TargetArn")
            let type = queue.string("Type")
            if let type, !["SQS", "SNS"].contains(type) { queue.error("'\(type)' is neither SQS nor SNS", "Type") }
            deadLetterTarget = queue.arn("TargetArn", services: [type == "SNS" ? "sns" : "sqs"])
            queue.finish()
        }
        recursiveLoop = properties.choice("RecursiveLoop", RecursiveLoop.self) ?? recursiveLoop
        if let config = properties.object("LoggingConfig") {
            logging.logGroup = config.string("LogGroup", length: 1...512, LogGroupResource.isAllowed)
            logging.format = config.choice("LogFormat", Logging.Format.self) ?? logging.format
            config.unsupported([
                "ApplicationLogLevel": "each line is kept", "SystemLogLevel": "each line is kept",
            ])
            config.finish()
        }
        properties.unsupported([
            "Layers": "put their files into the function's own folder", "FileSystemConfigs": "",
            "FunctionUrlConfig": "invoke it through Lambda's API", "DurableConfig": "", "TenancyConfig": "",
        ])
        properties.mattersOnlyOnAWS(
            "AssumeRolePolicyDocument", "AutoPublishAlias", "AutoPublishAliasAllProperties", "AutoPublishCodeSha256",
            "CapacityProviderConfig", "CodeSigningConfigArn", "DeploymentPreference", "FunctionScalingConfig",
            "KmsKeyArn", "PermissionsBoundary", "Policies", "PropagateTags", "ProvisionedConcurrencyConfig",
            "PublishToLatestPublished", "Role", "RolePath", "RuntimeManagementConfig", "SnapStart", "SourceKMSKeyArn",
            "Tags", "Tracing", "VersionDeletionPolicy", "VersionDescription", "VpcConfig")
        // Read with the rules and buckets that they belong to.
        _ = properties.raw("Events")
        properties.finish()
    }

    private mutating func readCode(_ properties: PropertyReader, directory: String) {
        if let type = properties.string("PackageType"), type != "Zip" {
            properties.error("'\(type)' is not supported: only Zip, a folder with the handler in it", "PackageType")
        }
        properties.unsupported([
            "ImageUri": "a function is a folder with the handler in it", "ImageConfig": "",
            "InlineCode": "put the code into a file and name its folder in CodeUri",
        ])
        properties.require("Handler", "Runtime")
        if properties.raw("InlineCode") == nil, properties.raw("ImageUri") == nil { properties.require("CodeUri") }
        handler = properties.string("Handler", length: 1...128) ?? ""
        runtime = properties.string("Runtime") ?? ""
        let python = runtime.hasPrefix("python3.") && Int(runtime.dropFirst(8)) != nil
        if !runtime.isEmpty, !python, !["provided.al2023", "provided.al2"].contains(runtime) {
            properties.error(
                "'\(runtime)' is not supported: provided.al2023, provided.al2 or python3.…", "Runtime",
                suggestion: Suggestion.closest(to: runtime, in: ["provided.al2023", "provided.al2", "python3.13"]))
        }
        if let list = properties.strings("Architectures") {
            if list.count == 1, ["x86_64", "arm64"].contains(list[0]) {
                architecture = list[0]
            } else {
                properties.error("one of x86_64 and arm64 is expected", "Architectures")
            }
        }
        if properties.value("CodeUri")?.mapping != nil {
            properties.error("code in a bucket is not supported: name a folder", "CodeUri")
            return
        }
        codeURI = properties.string("CodeUri") ?? ""
        if codeURI.hasPrefix("s3://") {
            properties.error("code in a bucket is not supported: name a folder", "CodeUri")
        }
        codePath = FilePaths.join(directory, codeURI)
    }

    /// Names that Lambda keeps for itself:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
    private static let reservedVariables: Set<String> = [
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    ]

    private mutating func readVariables(_ reader: PropertyReader) {
        var bytes = 0
        for (key, value, location) in reader.stringMap("Variables") ?? [] {
            let path = "\(reader.path("Variables")).\(key)"
            if Self.reservedVariables.contains(key) {
                reader.diagnostics.error("Lambda keeps this name for itself", at: location, path: path)
            } else if key.wholeMatch(of: /[a-zA-Z][a-zA-Z0-9_]+/) == nil {
                reader.diagnostics.error(
                    "a variable's name is a letter, then letters, digits and '_', two characters at least",
                    at: location, path: path)
            }
            bytes += key.utf8.count + value.utf8.count
            environment[key] = value
        }
        if bytes > 4096 {
            reader.error("\(bytes) bytes in all; Lambda takes 4096 at most", "Variables")
        }
    }

    private mutating func readEventInvokeConfig(_ config: PropertyReader) {
        eventInvokeConfig.maximumRetryAttempts = config.int("MaximumRetryAttempts", in: 0...2) ?? 2
        eventInvokeConfig.maximumEventAgeInSeconds =
            config.int("MaximumEventAgeInSeconds", in: 60...21600, unit: "seconds") ?? 21600
        if let destinations = config.object("DestinationConfig") {
            eventInvokeConfig.onSuccess = destinations.object("OnSuccess").flatMap(Self.destination)
            eventInvokeConfig.onFailure = destinations.object("OnFailure").flatMap(Self.destination)
            destinations.finish()
        }
        config.finish()
    }

    private static func destination(_ reader: PropertyReader) -> Destination? {
        defer { reader.finish() }
        reader.require("Type", "Destination")
        guard let kind = reader.choice("Type", Destination.Kind.self) else {
            _ = reader.raw("Destination")
            return nil
        }
        return reader.arn("Destination", services: [kind.service]).map {
            Destination(kind: kind, arn: $0, location: reader.place("Destination"))
        }
    }
}
