import Events
import FunctionRuntime
import Glibc

/// The function of the host's benchmark: it says when its first line runs, and answers.
@main
struct BenchFunction: LambdaFunction {
    private let pipe: Int32

    init() async throws {
        pipe = getenv("BENCH_PIPE").map { open($0, O_WRONLY | O_CLOEXEC) } ?? -1
    }

    func handle(_ event: JSON, context: LambdaContext) async throws -> JSON {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        guard let key = event["Records"]?[0]?["s3"]?["object"]?["key"]?.string else { return event }
        // File number and nanoseconds in one write, so that records of several environments never mix.
        var record: [UInt64] = [
            UInt64(key.prefix { $0 != "." }) ?? 0, UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec),
        ]
        record.withUnsafeMutableBytes { _ = write(pipe, $0.baseAddress, $0.count) }
        return ["passed": true]
    }
}
