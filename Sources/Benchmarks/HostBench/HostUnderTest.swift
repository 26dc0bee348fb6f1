import Glibc

/// A `sluice up` in a project of its own under the temporary folder.
final class HostUnderTest: Sendable {
    let folder: String
    let bucket: String
    let port: Int
    let process: ChildProcess
    private let sluice: String
    private let pipe: Int32

    /// Makes a project with one function, the benchmark's, and starts the host for it.
    init(sluice: String, function: String) throws {
        self.sluice = sluice
        folder = "/tmp/sluice-bench-\(getpid())"
        bucket = folder + "/lake/drop"
        for path in [folder, folder + "/functions", folder + "/functions/bench"] { mkdir(path, 0o755) }
        symlink(function, folder + "/functions/bench/bootstrap")
        mkfifo(folder + "/first-lines", 0o600)
        // Both ends, so that neither opening waits for the other.
        pipe = open(folder + "/first-lines", O_RDWR)
        try write(
            """
            AWSTemplateFormatVersion: "2010-09-09"
            Transform: AWS::Serverless-2016-10-31
            Resources:
              Drop:
                Type: AWS::S3::Bucket
                Properties: {BucketName: drop}
              Bench:
                Type: AWS::Serverless::Function
                Properties:
                  FunctionName: bench
                  CodeUri: bench/
                  Handler: bootstrap
                  Runtime: provided.al2023
                  ReservedConcurrentExecutions: 8
                  Environment: {Variables: {BENCH_PIPE: \(folder)/first-lines}}
                  Events:
                    Dropped:
                      Type: S3
                      Properties: {Bucket: !Ref Drop, Events: "s3:ObjectCreated:*"}
            """, to: folder + "/functions/template.yaml")
        let listener = try HTTPListener()
        port = listener.port
        close(listener.descriptor)
        process = try ChildProcess(
            sluice, ["up", "--project", folder, "--port", "\(port)", "--quiet"],
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder], output: folder + "/host.log")
        let deadline = nanoseconds() + 20_000_000_000
        while (try? HTTPSocket(port: port)) == nil {
            guard nanoseconds() < deadline else {
                throw BenchError((try? String(contentsOfFile: folder + "/host.log")) ?? "no log")
            }
            usleep(10000)
        }
    }

    func stop() {
        process.stop()
        close(pipe)
        _ = try? ChildProcess("/bin/rm", ["-rf", folder]).wait()
    }

    /// The next handler's first line: which file, and when, in nanoseconds of the monotonic clock.
    func firstLine() throws -> (file: Int, time: UInt64) {
        var record: [UInt64] = [0, 0]
        let count = record.withUnsafeMutableBytes { read(pipe, $0.baseAddress, 16) }
        guard count == 16 else { throw BenchError("the pipe gave \(count) bytes") }
        return (Int(record[0]), record[1])
    }

    /// Whether the asynchronous queue is empty, as the host's own database says.
    func hasNothingWaiting() throws -> Bool {
        let output = folder + "/queue.json"
        unlink(output)
        try ChildProcess(
            sluice, ["queue", "--project", folder, "--json"], environment: ["PATH": "/usr/bin:/bin", "HOME": folder],
            output: output
        ).wait()
        let text = try String(contentsOfFile: output)
        return text.contains("\"waiting\": 0") && text.contains("\"running\": 0")
    }

    /// Writes a file under a temporary name's protection: open, write, and the close that makes it an object.
    func drop(_ number: Int) -> UInt64 {
        let descriptor = open("\(bucket)/\(number).csv", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        _ = Glibc.write(descriptor, "id,value\n1,2\n", 13)
        let start = nanoseconds()
        close(descriptor)
        return start
    }
}

extension ChildProcess {
    /// Waits for the end; the exit status.
    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        waitpid(processID, &status, 0)
        return status >> 8 & 0xFF
    }
}
