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

    /// After try number `tries` (counted from 1) of an event that has waited since `since` has ended.
    static func verdict(
        failed: Bool, tries: Int, since: Timestamp, now: Timestamp, config: EventInvokeConfig
    ) -> Verdict {
        guard failed else { return .succeeded }
        if tries > config.maximumRetryAttempts { return .exhausted }
        let delay = config.retryDelays.isEmpty ? .zero : config.retryDelays[min(tries, config.retryDelays.count) - 1]
        return (now + delay) - since > .seconds(config.maximumEventAge) ? .aged : .retry(at: now + delay)
    }

    /// Since when an event's age counts: Lambda is never away, so the time in which no host ran is not held against what waited.
    static func ageBegins(received: Timestamp, hostStarted: Timestamp) -> Timestamp { max(received, hostStarted) }

    /// Whether an event has waited too long to be tried.
    static func isAged(since: Timestamp, now: Timestamp, config: EventInvokeConfig) -> Bool {
        now - since > .seconds(config.maximumEventAge)
    }
}
