public import Events

/// One function as the template describes it.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>
public struct FunctionConfiguration: Sendable, Hashable {
    /// The plain name.
    public var name: String
    /// `provided.al2023`, `provided.al2` or `python3.x`.
    public var runtime: String
    /// The handler as the template names it; `_HANDLER` in the function's environment.
    public var handler: String
    /// The folder of the code, which is the function's working folder and `LAMBDA_TASK_ROOT`.
    public var codeFolder: String
    /// The program to start; nil means `bootstrap` in ``codeFolder``, or the Python interpreter for `python3.x`.
    public var executable: String?
    /// The interpreter that `python3.x` functions run in; it must have the package `awslambdaric`.
    public var pythonInterpreter: String
    /// Seconds an invocation may take, 1 to 900.
    public var timeout: Int
    /// Megabytes, 128 to 10240.
    public var memorySize: Int
    /// Megabytes that its temporary folder may hold, 512 to 10240.
    public var ephemeralStorage: Int
    /// `Environment.Variables`.
    public var environment: [String: String]
    /// How many may run at once; 0 stops the function, nil leaves it to the host's limits.
    public var reservedConcurrentExecutions: Int?
    /// What happens to asynchronous invocations.
    public var eventInvokeConfig: EventInvokeConfig
    /// `DeadLetterConfig.TargetArn`: a queue or topic that gets the event of a failed asynchronous invocation.
    public var deadLetterTarget: ARN?
    /// Whether a function that keeps invoking itself is stopped.
    public var recursiveLoop: RecursiveLoop
    /// The log group; `/aws/lambda/NAME` unless the template says otherwise.
    public var logGroup: String

    /// Makes a configuration with Lambda's defaults: 3 seconds, 128 MB.
    public init(
        name: String, runtime: String = "provided.al2023", handler: String = "bootstrap", codeFolder: String,
        executable: String? = nil, pythonInterpreter: String = "python3", timeout: Int = 3, memorySize: Int = 128,
        ephemeralStorage: Int = 512, environment: [String: String] = [:], reservedConcurrentExecutions: Int? = nil,
        eventInvokeConfig: EventInvokeConfig = EventInvokeConfig(), deadLetterTarget: ARN? = nil,
        recursiveLoop: RecursiveLoop = .terminate, logGroup: String? = nil
    ) {
        self.name = name
        self.runtime = runtime
        self.handler = handler
        self.codeFolder = codeFolder
        self.executable = executable
        self.pythonInterpreter = pythonInterpreter
        self.timeout = timeout
        self.memorySize = memorySize
        self.ephemeralStorage = ephemeralStorage
        self.environment = environment
        self.reservedConcurrentExecutions = reservedConcurrentExecutions
        self.eventInvokeConfig = eventInvokeConfig
        self.deadLetterTarget = deadLetterTarget
        self.recursiveLoop = recursiveLoop
        self.logGroup = logGroup ?? "/aws/lambda/\(name)"
    }

    var isPython: Bool { runtime.hasPrefix("python") }
    var timeoutDuration: Duration { .seconds(timeout) }

    /// The file whose change means that the code has changed.
    var codeFile: String {
        if isPython {
            let module = handler.split(separator: ".").dropLast().joined(separator: "/")
            return codeFolder + "/" + module + ".py"
        }
        return executable ?? codeFolder + "/bootstrap"
    }

    /// The program and its arguments.
    var command: [String] {
        isPython ? [pythonInterpreter, "-m", "awslambdaric", handler] : [executable ?? codeFolder + "/bootstrap"]
    }
}

/// How asynchronous invocations are retried, and who hears of their end.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html>
public struct EventInvokeConfig: Sendable, Hashable {
    /// Tries after the first one, 0 to 2.
    public var maximumRetryAttempts: Int
    /// Seconds an event may wait, 60 to 21600.
    public var maximumEventAge: Int
    /// Waits before the second and the third try.
    public var retryDelays: [Duration]
    /// Gets the record of an invocation that succeeded.
    public var onSuccess: ARN?
    /// Gets the record of an invocation that was given up.
    public var onFailure: ARN?

    /// Makes a configuration with Lambda's defaults: two retries after one and two minutes, six hours.
    public init(
        maximumRetryAttempts: Int = 2, maximumEventAge: Int = 21600,
        retryDelays: [Duration] = [.seconds(60), .seconds(120)], onSuccess: ARN? = nil, onFailure: ARN? = nil
    ) {
        self.maximumRetryAttempts = maximumRetryAttempts
        self.maximumEventAge = maximumEventAge
        self.retryDelays = retryDelays
        self.onSuccess = onSuccess
        self.onFailure = onFailure
    }
}

/// What Lambda does about a function that keeps invoking itself.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
public enum RecursiveLoop: String, Sendable, Hashable {
    /// The chain goes on.
    case allow = "Allow"
    /// The chain is cut after 16 invocations.
    case terminate = "Terminate"
}
