import Events

/// What follows a try of an asynchronous invocation: Lambda's rules, without I/O.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
enum RetryPolicy {
    enum Verdict: Equatable {
        case succeeded
        /// Again at this time.
        case retry(at: Timestamp)
        case exhausted
        case aged
    }

    /// After try number `tries` (counted from 1) has ended.
    static func verdict(
        failed: Bool, tries: Int, received: Timestamp, now: Timestamp, config: EventInvokeConfig
    ) -> Verdict {
        guard failed else { return .succeeded }
        if tries > config.maximumRetryAttempts { return .exhausted }
        let delay = config.retryDelays.isEmpty ? .zero : config.retryDelays[min(tries, config.retryDelays.count) - 1]
        return (now + delay) - received > .seconds(config.maximumEventAge) ? .aged : .retry(at: now + delay)
    }

    /// Whether an event has waited too long to be tried.
    static func isAged(received: Timestamp, now: Timestamp, config: EventInvokeConfig) -> Bool {
        now - received > .seconds(config.maximumEventAge)
    }
}
