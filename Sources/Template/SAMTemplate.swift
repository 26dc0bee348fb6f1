public import Events

/// A SAM template, read: every resource typed, every reference resolved to what AWS would give.
///
/// `AWS::Serverless` and CloudFormation as they are, a subset of them. What AWS has and is not supported here is an
/// error where
/// it would change what happens, and a warning where it matters only on AWS.
///
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html>
public struct SAMTemplate: Sendable {
    /// The path as the caller gave it.
    public let file: String
    /// The template's `Description`.
    public internal(set) var description: String?
    /// `AWS::S3::Bucket`.
    public internal(set) var buckets: [BucketResource] = []
    /// `AWS::Serverless::Function`.
    public internal(set) var functions: [FunctionResource] = []
    /// `AWS::CloudWatch::Alarm`.
    public internal(set) var alarms: [AlarmResource] = []
    /// `AWS::Logs::LogGroup`.
    public internal(set) var logGroups: [LogGroupResource] = []
    /// `AWS::Logs::MetricFilter`.
    public internal(set) var metricFilters: [MetricFilterResource] = []
    /// `AWS::SNS::Topic`.
    public internal(set) var topics: [TopicResource] = []
    /// `AWS::SQS::Queue`.
    public internal(set) var queues: [QueueResource] = []
    /// `AWS::EMR::Cluster`.
    public internal(set) var clusters: [ClusterResource] = []
    /// `AWS::Events::Rule`, and those that SAM makes for events of functions and state machines.
    public internal(set) var rules: [RuleResource] = []
    /// Those of EventBridge Scheduler, which SAM makes for `ScheduleV2` events.
    public internal(set) var schedules: [ScheduleResource] = []
    /// `AWS::Serverless::StateMachine` and `AWS::StepFunctions::StateMachine`.
    public internal(set) var stateMachines: [StateMachineResource] = []
    /// `Outputs` by their logical ids.
    public internal(set) var outputs: [String: String] = [:]
    /// What is accepted without effect, in the order of the file.
    public internal(set) var warnings: [Diagnostic] = []

    /// Reads a template and the files that it names.
    ///
    /// - Parameters:
    ///   - path: A YAML or JSON file.
    ///   - parameters: Values for the template's `Parameters`, instead of their defaults.
    ///   - account: What `AWS::AccountId` and `AWS::Region` stand for.
    ///   - stackName: What `AWS::StackName` stands for.
    /// - Throws: everything that is wrong with it, at once.
    public static func load(
        path: String, parameters: [String: String] = [:], account: AccountRegion = AccountRegion(),
        stackName: String = "sluice"
    ) throws(TemplateError) -> SAMTemplate {
        let diagnostics = DiagnosticCollector()
        let reader = DocumentReader(file: path, diagnostics: diagnostics)
        guard let text = reader.readText(at: SourceLocation(file: path, line: 1, column: 1), path: "") else {
            throw TemplateError(diagnostics: diagnostics.sorted())
        }
        return try parse(
            text, file: path, parameters: parameters, account: account, stackName: stackName, diagnostics: diagnostics)
    }

    /// Reads a template from a text; `file` names it in diagnostics, and its folder is the one that paths in it start
    /// from.
    public static func parse(
        _ text: String, file: String, parameters: [String: String] = [:], account: AccountRegion = AccountRegion(),
        stackName: String = "sluice"
    ) throws(TemplateError) -> SAMTemplate {
        try parse(
            text, file: file, parameters: parameters, account: account, stackName: stackName,
            diagnostics: DiagnosticCollector())
    }

    private static func parse(
        _ text: String, file: String, parameters: [String: String], account: AccountRegion, stackName: String,
        diagnostics: DiagnosticCollector
    ) throws(TemplateError) -> SAMTemplate {
        var template: SAMTemplate?
        if let root = DocumentReader(file: file, diagnostics: diagnostics).parse(text) {
            let scope = Scope(diagnostics: diagnostics, account: account, stackName: stackName, file: file)
            var loader = TemplateLoader(scope: scope, file: file)
            template = loader.load(root, overrides: parameters)
        }
        let found = diagnostics.sorted()
        guard var template, !diagnostics.hasErrors else { throw TemplateError(diagnostics: found) }
        template.warnings = found
        return template
    }
}
