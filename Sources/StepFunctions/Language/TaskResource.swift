import Events

/// What a Task state calls.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html>
public struct TaskResource: Sendable, Hashable, CustomStringConvertible {
    /// The ARN as the definition has it.
    public let description: String
    /// The service: `lambda`, `elasticmapreduce`, `sns`, `events`, `states`.
    public let resourceType: String
    /// The call with its pattern: `addStep.sync`, `invoke.waitForTaskToken`; for a function's own ARN that ARN.
    public let resource: String
    /// Whether it is a Lambda function by its own ARN, which has events of its own in the history.
    public let isFunction: Bool

    /// Reads `arn:aws:states:::service:call[.pattern]` or a function's ARN; nil where it is neither.
    public init?(_ text: String) {
        guard let arn = ARN(text) else { return nil }
        description = text
        if arn.service == "states", arn.region.isEmpty, arn.account.isEmpty {
            let parts = arn.resource.split(separator: ":", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { return nil }
            (resourceType, resource, isFunction) = (parts[0], parts[1], false)
        } else if arn.service == "lambda", arn.resource.hasPrefix("function:") {
            (resourceType, resource, isFunction) = ("lambda", text, true)
        } else {
            return nil
        }
    }

    /// Whether the task ends by a call with its token: `.waitForTaskToken`.
    public var waitsForTaskToken: Bool { resource.hasSuffix(".waitForTaskToken") }
    /// Whether the task ends with the job that it starts: `.sync`, `.sync:2`.
    public var isSynchronous: Bool { resource.hasSuffix(".sync") || resource.hasSuffix(".sync:2") }

    /// The resources that a local pipeline answers; pass your own predicate for others.
    public static func isStandard(_ resource: TaskResource) -> Bool {
        if resource.isFunction { return true }
        return [
            "elasticmapreduce:addStep", "elasticmapreduce:addStep.sync", "elasticmapreduce:cancelStep",
            "lambda:invoke", "sns:publish", "events:putEvents", "states:startExecution", "states:startExecution.sync",
            "states:startExecution.sync:2",
        ].contains("\(resource.resourceType):\(resource.resource)")
    }

    /// Members of `Parameters` that must be there, as paths of names; `a.$` counts as `a` where a value may be
    /// computed.
    var requiredParameters: [(path: [String], mustBeLiteral: Bool)] {
        switch "\(resourceType):\(resource.split(separator: ".").first.map(String.init) ?? resource)" {
        case "elasticmapreduce:addStep":
            [
                (["ClusterId"], false), (["Step"], true), (["Step", "Name"], false),
                (["Step", "HadoopJarStep"], true), (["Step", "HadoopJarStep", "Jar"], false),
            ]
        case "elasticmapreduce:cancelStep": [(["ClusterId"], false), (["StepId"], false)]
        case "lambda:invoke": [(["FunctionName"], false)]
        case "sns:publish": [(["Message"], false)]
        case "events:putEvents": [(["Entries"], false)]
        case "states:startExecution": [(["StateMachineArn"], false)]
        default: []
        }
    }
}
