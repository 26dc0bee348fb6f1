import CloudWatch
import EMR
import EventBridge
import Events
import Glibc
import Lambda
import S3
import StepFunctions
import Template

/// The template as the rooms want it: each resource in the type of the service that runs it.
///
/// Faults that only the services can see (an event pattern, a state machine, an overlap of notifications, a missing program)
/// are added to the template's own, each with its line.
struct PipelineConfiguration: Sendable {
    var place: AccountRegion
    /// How many of one function's events are worked on at once.
    var concurrency = 4
    var template: SAMTemplate
    var buckets: [BucketConfiguration] = []
    var functions: [FunctionConfiguration] = []
    var rules: [Rule] = []
    var clusters: [ClusterConfiguration] = []
    var alarms: [AlarmConfiguration] = []
    var metricFilters: [MetricFilter] = []
    var stateMachines: [String: StateMachineDefinition] = [:]
    /// What keeps a resource from working, and only that resource.
    var faults: [Diagnostic] = []
    /// What a person should know and what does not keep the pipeline from running.
    var warnings: [Diagnostic] = []

    /// What a host may set beside the template.
    struct Settings: Sendable {
        var place = AccountRegion()
        var parameters: [String: String] = [:]
        /// Waits before the second and the third try of an asynchronous invocation.
        var retryDelays: [Duration] = [.seconds(60), .seconds(120)]
        /// How many of one function's events are worked on at once.
        var concurrency = 4
        /// The Python for functions with a `python3` runtime.
        var python = "python3"
    }

    /// Reads the template. Throws `TemplateError` where the template itself can't be used. What only a service can see is in
    /// ``faults``: the resource that it is about is left out, or fails when it is used, and the rest works.
    static func load(_ project: Project, settings: Settings = Settings()) throws(TemplateError) -> PipelineConfiguration
    {
        let template = try SAMTemplate.load(
            path: project.template, parameters: settings.parameters, account: settings.place)
        var configuration = PipelineConfiguration(
            place: settings.place, concurrency: settings.concurrency, template: template, warnings: template.warnings)
        var found: [Diagnostic] = []
        configuration.readFunctions(project, settings, &found)
        configuration.readRules(&found)
        configuration.readClusters(&found)
        configuration.readNotifications(&found)
        configuration.readStateMachines(&found)
        configuration.readAlarms(&found)
        configuration.faults = found.filter { $0.severity == .error }.sorted { $0.location < $1.location }
        configuration.warnings += found.filter { $0.severity == .warning }
        configuration.warnings.sort { $0.location < $1.location }
        return configuration
    }

    /// Everything there is to say about a project's template.
    static func check(_ project: Project) -> [Diagnostic] {
        do throws(TemplateError) {
            let configuration = try load(project)
            return (configuration.faults + configuration.warnings).sorted { $0.location < $1.location }
        } catch {
            return error.diagnostics
        }
    }

    // MARK: - Functions

    private mutating func readFunctions(_ project: Project, _ settings: Settings, _ faults: inout [Diagnostic]) {
        let code = FunctionCode(root: project.root)
        for resource in template.functions {
            var executable: String?
            if resource.runtime.hasPrefix("python") {
                if let finding = code.pythonFinding(of: resource) { faults.append(finding.diagnostic) }
            } else {
                switch code.executable(of: resource) {
                case .success(let path): executable = path
                case .failure(let finding): faults.append(finding.diagnostic)
                }
            }
            functions.append(
                FunctionConfiguration(
                    name: resource.name, runtime: resource.runtime, handler: resource.handler,
                    codeFolder: resource.codePath, executable: executable, pythonInterpreter: settings.python,
                    timeout: resource.timeout, memorySize: resource.memorySize,
                    ephemeralStorage: resource.ephemeralStorage, environment: resource.environment,
                    reservedConcurrentExecutions: resource.reservedConcurrentExecutions,
                    eventInvokeConfig: EventInvokeConfig(
                        maximumRetryAttempts: resource.eventInvokeConfig.maximumRetryAttempts,
                        maximumEventAge: resource.eventInvokeConfig.maximumEventAgeInSeconds,
                        retryDelays: settings.retryDelays, onSuccess: resource.eventInvokeConfig.onSuccess?.arn,
                        onFailure: resource.eventInvokeConfig.onFailure?.arn),
                    deadLetterTarget: resource.deadLetterTarget,
                    recursiveLoop: resource.recursiveLoop == .allow ? .allow : .terminate,
                    logGroup: resource.logGroupName))
        }
    }

    // MARK: - Rules

    private mutating func readRules(_ faults: inout [Diagnostic]) {
        for resource in template.rules {
            do {
                var pattern: EventPattern?
                if let located = resource.eventPattern {
                    do throws(EventPatternError) {
                        pattern = try EventPattern(located.json)
                    } catch {
                        faults.append(
                            Diagnostic(
                                .error, "\(error)",
                                at: located.location(of: error.path.split(separator: ".").map(String.init)),
                                path: resource.source.path(of: "EventPattern")))
                        continue
                    }
                }
                rules.append(
                    try Rule(
                        name: resource.name, eventBusName: resource.eventBusName,
                        state: resource.isEnabled ? .enabled : .disabled, eventPattern: pattern,
                        scheduleExpression: try resource.scheduleExpression.map { try ScheduleExpression($0) },
                        targets: try resource.targets.map(Self.target)))
            } catch {
                faults.append(
                    Diagnostic(.error, "\(error)", at: resource.location, path: "Resources.\(resource.logicalID)"))
            }
        }
        for resource in template.schedules {
            let path = "Resources.\(resource.logicalID)"
            do {
                guard ["UTC", "Etc/UTC", "GMT"].contains(resource.timezone) else {
                    throw CommandError(
                        "schedules run in UTC here; the time zone '\(resource.timezone)' is not supported")
                }
                guard resource.startDate == nil, resource.endDate == nil else {
                    throw CommandError("StartDate and EndDate of a schedule are not supported")
                }
                let input: Target.Input = try resource.input.map { .constant(try JSON(parsing: $0)) } ?? .event
                rules.append(
                    try Rule(
                        name: resource.name, state: resource.isEnabled ? .enabled : .disabled,
                        scheduleExpression: try ScheduleExpression(resource.scheduleExpression),
                        targets: [
                            Target(
                                id: resource.name, arn: resource.target, input: input,
                                retryPolicy: try Target.RetryPolicy(
                                    maximumRetryAttempts: resource.maximumRetryAttempts,
                                    maximumEventAgeInSeconds: resource.maximumEventAgeInSeconds),
                                deadLetterARN: resource.deadLetterTarget)
                        ]))
            } catch {
                faults.append(Diagnostic(.error, "\(error)", at: resource.location, path: path))
            }
        }
    }

    private static func target(_ resource: RuleResource.Target) throws -> Target {
        let input: Target.Input =
            switch resource.input {
            case .event: .event
            case .constant(let text): .constant(try JSON(parsing: text))
            case .path(let path): try .path(path)
            case .transformer(let paths, let template):
                .transformer(try InputTransformer(inputPathsMap: paths, inputTemplate: template))
            }
        return Target(
            id: resource.id, arn: resource.arn, input: input,
            retryPolicy: try Target.RetryPolicy(
                maximumRetryAttempts: resource.maximumRetryAttempts,
                maximumEventAgeInSeconds: resource.maximumEventAgeInSeconds),
            deadLetterARN: resource.deadLetterTarget)
    }

    // MARK: - Clusters

    private mutating func readClusters(_ faults: inout [Diagnostic]) {
        for resource in template.clusters {
            guard resource.configurations.isEmpty else {
                faults.append(
                    Diagnostic(
                        .error, "Configurations of a cluster are not supported; give the step --conf arguments",
                        at: resource.location(of: "Configurations"), path: resource.source.path(of: "Configurations")))
                continue
            }
            clusters.append(
                ClusterConfiguration(
                    id: resource.jobFlowID, name: resource.name, logURI: resource.logURI,
                    releaseLabel: resource.releaseLabel, stepConcurrencyLevel: resource.stepConcurrencyLevel,
                    keepJobFlowAliveWhenNoSteps: resource.keepJobFlowAliveWhenNoSteps,
                    steps: resource.steps.map { step in
                        StepConfig(
                            name: step.name,
                            actionOnFailure: ActionOnFailure(rawValue: step.actionOnFailure.rawValue) ?? .continue,
                            hadoopJarStep: HadoopJarStep(
                                jar: step.jar, args: step.args, mainClass: step.mainClass, properties: step.properties))
                    }, master: resource.master ?? "local[*]"))
        }
    }
}
