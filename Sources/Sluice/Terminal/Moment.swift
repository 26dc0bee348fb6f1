import ArgumentParser
import Events

/// A point in time as people write it on a command line: `10m`, `2h`, `3d` ago, or a time in ISO 8601.
enum Moment: ExpressibleByArgument, Sendable {
    case ago(Duration)
    case at(Timestamp)

    init?(argument: String) {
        if let time = Timestamp(iso8601: argument) {
            self = .at(time)
            return
        }
        guard let duration = Duration(short: argument) else { return nil }
        self = .ago(duration)
    }

    static var defaultCompletionKind: CompletionKind { .list(["10m", "1h", "1d"]) }

    /// The time it stands for.
    func resolved(now: Timestamp) -> Timestamp {
        switch self {
        case .ago(let duration): now - duration
        case .at(let time): time
        }
    }
}

extension Duration {
    /// Reads `90s`, `10m`, `2h`, `3d`; nil for anything else.
    init?(short text: String) {
        guard let unit = text.last, let count = Int64(text.dropLast()), count >= 0, count < 1_000_000 else {
            return nil
        }
        switch unit {
        case "s": self = .seconds(count)
        case "m": self = .seconds(count * 60)
        case "h": self = .seconds(count * 3600)
        case "d": self = .seconds(count * 86400)
        default: return nil
        }
    }

    /// `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`.
    var short: String {
        let total = milliseconds
        switch total {
        case ..<1000: return "\(total) ms"
        case ..<60000: return "\(total / 1000).\(total % 1000 / 100) s"
        case ..<3_600_000: return "\(total / 60000) min \(total / 1000 % 60) s"
        default: return "\(total / 3_600_000) h \(total / 60000 % 60) min"
        }
    }
}
