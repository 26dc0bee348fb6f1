public import Events

/// A schedule of EventBridge Scheduler, which SAM makes for a `ScheduleV2` event.
///
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-schedulev2.html>
public struct ScheduleResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `Name`; without it the logical ids of the function or state machine and of the event.
    public let name: String
    /// The function or state machine that it starts.
    public let target: ARN
    /// Its `Description`.
    public internal(set) var description: String?
    /// `rate(…)`, `cron(…)` or `at(…)`.
    public internal(set) var scheduleExpression = ""
    /// An IANA name.
    public internal(set) var timezone = "UTC"
    /// A constant JSON text; nil: the scheduler's own event.
    public internal(set) var input: String?
    /// False for `DISABLED`.
    public internal(set) var isEnabled = true
    /// RFC 3339.
    public internal(set) var startDate: String?
    /// RFC 3339.
    public internal(set) var endDate: String?
    /// 0 to 185.
    public internal(set) var maximumRetryAttempts = 185
    /// Seconds: 60 to 86400.
    public internal(set) var maximumEventAgeInSeconds = 86400
    /// A queue's ARN.
    public internal(set) var deadLetterTarget: ARN?
    /// Where the event stands.
    public let eventLocation: SourceLocation

    init(event: PropertyReader, name: String, of resource: RawResource, target: ARN) {
        source = ResourceSource(resource)
        eventLocation = event.location
        self.name =
            event.string("Name", length: 1...64, allowed: "letters, digits and . - _", RuleResource.isAllowed)
            ?? name
        self.target = target
        event.require("ScheduleExpression")
        description = event.string("Description", length: 0...512)
        scheduleExpression = ScheduleExpression.check("ScheduleExpression", event, once: true) ?? ""
        timezone = event.string("ScheduleExpressionTimezone", length: 1...50) ?? "UTC"
        isEnabled = event.choice("State", RuleResource.State.self) != .disabled
        startDate = event.string("StartDate")
        endDate = event.string("EndDate")
        if let window = event.object("FlexibleTimeWindow") {
            if let mode = window.string("Mode"), mode != "OFF" {
                window.error("'\(mode)' is not supported: a schedule is punctual here (OFF)", "Mode")
            }
            window.finish()
        }
        var settings = RuleResource.Target(id: name, arn: target, location: event.location)
        settings.read(event, deadLetters: "DeadLetterConfig")
        if case .constant(let text) = settings.input { input = text }
        maximumRetryAttempts = settings.maximumRetryAttempts
        maximumEventAgeInSeconds = settings.maximumEventAgeInSeconds
        deadLetterTarget = settings.deadLetterTarget
        event.mattersOnlyOnAWS("GroupName", "KmsKeyArn", "PermissionsBoundary", "RoleArn")
        _ = event.raw("OmitName")
        event.finish()
    }
}
