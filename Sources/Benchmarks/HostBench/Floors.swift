import Glibc
import Synchronization

/// What the machine can do at best: the same movements with nothing of Sluice in between.
enum Floors {
    /// Closing a file → a bare inotify read → one byte to another process over a unix socket → its clock. Microseconds.
    static func dropLatency(folder: String, runs: Int) throws -> Samples {
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        let child = try ChildProcess("/proc/self/exe", ["--answer-clock"], descriptors: [ends[1]])
        defer { child.stop(SIGKILL) }
        let notify = inotify_init1(0)
        inotify_add_watch(notify, folder, UInt32(IN_CLOSE_WRITE))
        defer { close(notify) }
        var samples = Samples()
        var events = [UInt8](repeating: 0, count: 4096)
        for run in 0..<runs {
            let descriptor = open("\(folder)/floor-\(run)", O_WRONLY | O_CREAT, 0o644)
            _ = Glibc.write(descriptor, "x", 1)
            let start = nanoseconds()
            close(descriptor)
            _ = read(notify, &events, events.count)
            _ = Glibc.write(ends[0], "x", 1)
            var end: UInt64 = 0
            _ = read(ends[0], &end, 8)
            if run >= runs / 10 { samples.add(Double(end - start) / 1000) }
        }
        return samples
    }

    /// The other process of ``dropLatency(folder:runs:)``: answers each byte on descriptor 3 with the time.
    static func answerClock() {
        var byte: UInt8 = 0
        while read(3, &byte, 1) == 1 {
            var now = nanoseconds()
            _ = Glibc.write(3, &now, 8)
        }
    }

    /// Invocations a second where nothing but HTTP is done: `count` function processes, a thread of this process for each.
    static func invocationsPerSecond(function: String, processes count: Int, seconds: Double) throws -> Double {
        let total = Counter()
        var children: [ChildProcess] = []
        defer { for child in children { child.stop(SIGKILL) } }
        var threads: [pthread_t] = []
        for _ in 0..<count {
            let listener = try HTTPListener()
            children.append(try ChildProcess(function, environment: environment(port: listener.port)))
            threads.append(
                startThread {
                    let socket = listener.accept()
                    let end = nanoseconds() + UInt64(seconds * 1e9)
                    var done = 0
                    while nanoseconds() < end {
                        guard invoke(on: socket, id: done) else { break }
                        done += 1
                    }
                    total.add(done)
                    close(listener.descriptor)
                })
        }
        for thread in threads { pthread_join(thread, nil) }
        return Double(total.value) / seconds
    }

    /// Starting the function's binary until it asks for its first event. Milliseconds.
    static func spawn(function: String, runs: Int) throws -> Samples {
        var samples = Samples()
        for _ in 0..<runs {
            let listener = try HTTPListener()
            let start = nanoseconds()
            let child = try ChildProcess(function, environment: environment(port: listener.port))
            let socket = listener.accept()
            _ = try socket.receive()
            samples.add(Double(nanoseconds() - start) / 1e6)
            child.stop(SIGKILL)
            close(listener.descriptor)
        }
        return samples
    }

    private static func environment(port: Int) -> [String: String] {
        [
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:\(port)", "AWS_LAMBDA_FUNCTION_NAME": "bench", "_HANDLER": "bootstrap",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_REGION": "us-east-1", "PATH": "/usr/bin:/bin",
        ]
    }

    /// One `next` and one `response` of the Runtime API.
    private static func invoke(on socket: HTTPSocket, id: Int) -> Bool {
        do {
            guard try socket.receive() != nil else { return false }
            try socket.send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: \(id)\r\n"
                    + "Lambda-Runtime-Deadline-Ms: 9999999999999\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:0:function:b\r\n"
                    + "Content-Length: 11\r\n\r\n{\"bench\":1}")
            guard try socket.receive() != nil else { return false }
            try socket.send(
                "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"OK\"}"
            )
            return true
        } catch { return false }
    }
}

/// A number that threads add to.
final class Counter: Sendable {
    private let sum = Mutex(0)
    func add(_ count: Int) { sum.withLock { $0 += count } }
    var value: Int { sum.withLock { $0 } }
}

/// Runs `body` on a thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    return thread
}
