import Events

/// The states of a machine, of a branch or of an iteration.
struct StateGraph: Sendable, Hashable {
    var startAt: String
    var states: [String: State]
}

/// One state of a definition.
///
/// <https://states-language.net/spec.html#states-fields>
struct State: Sendable, Hashable {
    /// What a state does.
    indirect enum Kind: Sendable, Hashable {
        case task(TaskResource, timeout: NumberField?, heartbeat: NumberField?)
        case choice([ChoiceRule], default: String?)
        case pass(result: JSON?)
        case wait(WaitTime)
        case succeed
        case fail(error: TextField?, cause: TextField?)
        case parallel([StateGraph])
        case map(MapFields)
    }

    /// A number as it stands, or where to find it.
    enum NumberField: Sendable, Hashable {
        case number(Int)
        case path(JSONPath)
    }

    /// A text as it stands, or where it comes from.
    enum TextField: Sendable, Hashable {
        case text(String)
        case path(JSONPath)
        case intrinsic(Intrinsic)
    }

    /// How long a Wait state waits.
    enum WaitTime: Sendable, Hashable {
        case seconds(NumberField)
        case timestamp(Timestamp)
        case timestampPath(JSONPath)
    }

    /// What only a Map state has.
    struct MapFields: Sendable, Hashable {
        var processor: StateGraph
        var itemsPath: JSONPath?
        var itemSelector: PayloadTemplate?
        /// 0 for no limit.
        var maxConcurrency: NumberField
    }

    /// A place in the data, or null: nothing.
    enum DataPath: Sendable, Hashable {
        case path(JSONPath)
        case discard
    }

    var name: String
    /// `Task`, `Choice` and so on: the beginning of its events' names.
    var type: String
    var kind: Kind
    var inputPath: DataPath?
    var outputPath: DataPath?
    var parameters: PayloadTemplate?
    var resultSelector: PayloadTemplate?
    var resultPath: DataPath?
    var retry: [Retrier] = []
    var catchers: [Catcher] = []
    /// Nil where the state ends its graph.
    var next: String?

    /// The states that may follow this one.
    var targets: [String] {
        var targets = [next].compactMap(\.self) + catchers.map(\.next)
        if case .choice(let rules, let fallback) = kind {
            targets += rules.map(\.next) + [fallback].compactMap(\.self)
        }
        return targets
    }
}

/// When and how often a state is tried again after an error.
///
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-retrying-after-an-error>
struct Retrier: Sendable, Hashable {
    var errorEquals: [String]
    var intervalSeconds = 1
    var maxAttempts = 3
    var backoffRate = 2.0
    var maxDelaySeconds: Int?
    /// `JitterStrategy` is `FULL`: the delay is drawn between nothing and its full length.
    var isJittered = false

    /// The delay before a retry, counted from 0.
    func delay(retry: Int) -> Duration {
        var power = 1.0
        for _ in 0..<min(retry, 10_000) where power < 1e9 { power *= backoffRate }
        // A year is AWS's own limit for one execution.
        var seconds = min(Double(intervalSeconds) * power, Double(maxDelaySeconds ?? 31_536_000), 31_536_000)
        if isJittered { seconds = Double.random(in: 0...max(seconds, 0)) }
        return .milliseconds(Int64(seconds * 1000))
    }
}

/// Where to go on after an error.
struct Catcher: Sendable, Hashable {
    var errorEquals: [String]
    var next: String
    var resultPath: State.DataPath?
}
