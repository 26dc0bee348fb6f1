public import Events

/// One event on its way to one target.
public struct Delivery: Sendable, Hashable {
    /// The target, or its dead-letter queue.
    public var targetARN: ARN
    /// What the target gets.
    public var input: JSON
    /// The rule that matched.
    public var ruleARN: ARN
    /// The event that matched.
    public var event: EventBridgeEvent
    /// For a dead-letter queue: the message attributes that tell why (`RULE_ARN`, `TARGET_ARN`, `ERROR_CODE`,
    /// `ERROR_MESSAGE`, `RETRY_ATTEMPTS`, `EXHAUSTED_RETRY_CONDITION`). Empty for a target.
    public var deadLetterAttributes: [String: String]
}

/// Why a target did not take an event; thrown by the closure that delivers.
public struct DeliveryFailure: Error, Sendable, Equatable {
    /// As EventBridge names it in a dead letter's `ERROR_CODE`, for example `RULE_TARGET_NOT_FOUND` or `NO_RESOURCE`.
    public var code: String
    /// For a person.
    public var message: String
    /// Whether another try may succeed. A target that does not exist never does.
    public var isRetryable: Bool

    /// A failure.
    public init(code: String, message: String, isRetryable: Bool) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
    }
}

/// An event that could not be delivered, kept.
public struct DeadLetter: Sendable, Hashable {
    /// The row's id.
    public var id: Int64
    /// The rule.
    public var rule: String
    /// The target.
    public var targetARN: String
    /// What the target would have got.
    public var input: JSON
    /// The event that matched.
    public var event: JSON
    /// See ``DeliveryFailure/code``.
    public var errorCode: String
    /// For a person.
    public var errorMessage: String
    /// Tries after the first.
    public var retryAttempts: Int
    /// When it was given up.
    public var time: Timestamp
    /// When it was first to be delivered.
    public var created: Timestamp
}
