public import Events

/// A rule on a bus: events that match its pattern, or the times of its schedule, go to its targets.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>
public struct Rule: Sendable, Hashable {
    /// Whether a rule does anything.
    public enum State: String, Sendable, Hashable, Codable {
        /// The rule matches events and fires.
        case enabled = "ENABLED"
        /// The rule is kept but does nothing.
        case disabled = "DISABLED"
    }

    /// 1 to 64 letters, digits, `.`, `-` and `_`.
    public var name: String
    /// The bus's name.
    public var eventBusName: String
    /// Enabled or not.
    public var state: State
    /// What events it matches; nil where it has only a schedule.
    public var eventPattern: EventPattern?
    /// When it fires; nil where it has only a pattern.
    public var scheduleExpression: ScheduleExpression?
    /// Where events go: up to five.
    public var targets: [Target]

    /// A rule. Throws ``RuleError`` where AWS's limits don't hold.
    public init(
        name: String, eventBusName: String = "default", state: State = .enabled, eventPattern: EventPattern? = nil,
        scheduleExpression: ScheduleExpression? = nil, targets: [Target]
    ) throws(RuleError) {
        let isName = name.utf8.allSatisfy {
            ($0 >= 48 && $0 <= 57) || ($0 | 32 >= 97 && $0 | 32 <= 122) || [45, 46, 95].contains($0)
        }
        guard isName, (1...64).contains(name.utf8.count) else {
            throw RuleError("'\(name)' is no name for a rule: 1 to 64 letters, digits, '.', '-' and '_'")
        }
        guard eventPattern != nil || scheduleExpression != nil else {
            throw RuleError("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        }
        guard scheduleExpression == nil || eventBusName == "default" else {
            throw RuleError("ScheduleExpression is supported only on the default event bus.")
        }
        guard targets.count <= 5 else { throw RuleError("rule '\(name)' has more than five targets") }
        guard Set(targets.map(\.id)).count == targets.count else {
            throw RuleError("rule '\(name)' has two targets with one Id")
        }
        self.name = name
        self.eventBusName = eventBusName
        self.state = state
        self.eventPattern = eventPattern
        self.scheduleExpression = scheduleExpression
        self.targets = targets
    }
}

/// Why a rule or a target is none.
public struct RuleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    public let description: String
    init(_ message: String) { description = message }
}

/// Where a rule sends events, and in which form.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html>
public struct Target: Sendable, Hashable {
    /// What a target gets.
    public struct Input: Sendable, Hashable {
        enum Kind: Hashable {
            case event
            case constant(JSON)
            case path(EventPath)
            case transformer(InputTransformer)
        }
        let kind: Kind

        /// The event as it is.
        public static let event = Input(kind: .event)
        /// `Input`: always the same.
        public static func constant(_ json: JSON) -> Input { Input(kind: .constant(json)) }
        /// `InputPath`: a part of the event. Throws ``RuleError``.
        public static func path(_ path: String) throws(RuleError) -> Input { Input(kind: .path(try EventPath(path))) }
        /// `InputTransformer`: a new text with parts of the event.
        public static func transformer(_ transformer: InputTransformer) -> Input {
            Input(kind: .transformer(transformer))
        }

        /// The input made from an event.
        func apply(to event: EventBridgeEvent, rule: ARN, received: Timestamp) -> JSON {
            switch kind {
            case .event: event.json
            case .constant(let json): json
            case .path(let path): path.value(in: event.json) ?? .null
            case .transformer(let transformer): transformer.apply(to: event, rule: rule, received: received)
            }
        }
    }

    /// How often and how long a delivery that failed is tried again.
    public struct RetryPolicy: Sendable, Hashable {
        /// 0 to 185.
        public var maximumRetryAttempts: Int
        /// 60 to 86,400.
        public var maximumEventAgeInSeconds: Int

        /// A policy; AWS's defaults are its greatest values. Throws ``RuleError``.
        public init(maximumRetryAttempts: Int = 185, maximumEventAgeInSeconds: Int = 86400) throws(RuleError) {
            guard (0...185).contains(maximumRetryAttempts) else {
                throw RuleError("RetryPolicy.MaximumRetryAttempts must be 0 to 185, not \(maximumRetryAttempts)")
            }
            guard (60...86400).contains(maximumEventAgeInSeconds) else {
                throw RuleError(
                    "RetryPolicy.MaximumEventAgeInSeconds must be 60 to 86400, not \(maximumEventAgeInSeconds)")
            }
            self.maximumRetryAttempts = maximumRetryAttempts
            self.maximumEventAgeInSeconds = maximumEventAgeInSeconds
        }

        private init() { (maximumRetryAttempts, maximumEventAgeInSeconds) = (185, 86400) }
        /// 185 retries within a day.
        public static let standard = RetryPolicy()
    }

    /// Unique within the rule.
    public var id: String
    /// The function, state machine, topic or other resource.
    public var arn: ARN
    /// What it gets.
    public var input: Input
    /// What happens when a delivery fails.
    public var retryPolicy: RetryPolicy
    /// `DeadLetterConfig.Arn`: the queue for events that could not be delivered.
    public var deadLetterARN: ARN?

    /// A target.
    public init(
        id: String, arn: ARN, input: Input = .event, retryPolicy: RetryPolicy = .standard, deadLetterARN: ARN? = nil
    ) {
        self.id = id
        self.arn = arn
        self.input = input
        self.retryPolicy = retryPolicy
        self.deadLetterARN = deadLetterARN
    }
}
