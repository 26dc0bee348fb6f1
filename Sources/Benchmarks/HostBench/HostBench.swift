import Glibc

/// `make bench`: the host side by side with what the machine can do at best, in one run.
@main
struct HostBench {
    static func main() throws {
        if CommandLine.arguments.contains("--answer-clock") { return Floors.answerClock() }
        signal(SIGPIPE, SIG_IGN)
        let own = try programFolder()
        let function = own + "/BenchFunction"
        let files = Int(value(of: "--files") ?? "") ?? 20000
        print("Sluice, release build; medians. Ratios compare with the floor measured in the same run.\n")
        let host = try HostUnderTest(sluice: own + "/sluice", function: function)
        defer { host.stop() }
        usleep(1_000_000)
        let idle = host.process.memory("VmRSS") / 1024

        try dropLatency(host)
        try invocations(host, function: function)
        try coldStart(host, function: function)
        try burst(host, files: files)
        print(row("idle memory of the host", "\(idle.text(1)) MB", "", ""))
        print(
            row(
                "peak memory of the host, over all of this", "\((host.process.memory("VmHWM") / 1024).text(1)) MB", "",
                ""))
    }

    private static func dropLatency(_ host: HostUnderTest) throws {
        var samples = Samples()
        let runs = 1100
        for number in 0..<runs {
            let start = host.drop(number)
            let line = try host.firstLine()
            if number >= 100 { samples.add(Double(line.time - start) / 1000) }
            // One file at a time, as people drop them: the latency of a quiet host, not of a queue.
            usleep(1000)
        }
        let scratch = host.folder + "/scratch"
        mkdir(scratch, 0o755)
        let floor = try Floors.dropLatency(folder: scratch, runs: runs)
        print(row("a file is closed → first line of the handler", "host", "floor", "ratio"))
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let (ours, bare) = (samples.percentile(share), floor.percentile(share))
            print(row("  warm, \(name)", "\(ours.text(0)) µs", "\(bare.text(0)) µs", "\((ours / bare).text(1))×"))
        }
    }

    private static func invocations(_ host: HostUnderTest, function: String) throws {
        print(row("\nsynchronous warm invocations a second", "host", "floor", "ratio"))
        for clients in [1, 2, 8] {
            var ours = Samples()
            var floor = Samples()
            for _ in 0..<3 {
                ours.add(try load(port: host.port, clients: clients, seconds: 1.5))
                floor.add(try Floors.invocationsPerSecond(function: function, processes: clients, seconds: 1.5))
            }
            print(
                row(
                    "  \(clients) client\(clients == 1 ? "" : "s")", ours.median.text(0), floor.median.text(0),
                    "\((ours.median / floor.median).text(2))×"))
        }
    }

    private static func coldStart(_ host: HostUnderTest, function: String) throws {
        var ours = Samples()
        let link = host.folder + "/functions/bench/bootstrap"
        let socket = try HTTPSocket(port: host.port)
        for run in 0..<20 {
            // A changed program is picked up at the next invocation: that one starts cold.
            let copy = host.folder + "/copy-\(run)"
            try ChildProcess("/bin/cp", [function, copy]).wait()
            unlink(link)
            symlink(copy, link)
            let start = nanoseconds()
            try socket.send(Self.request)
            guard let answer = try socket.receive(), answer.line.contains("200") else {
                throw BenchError("the cold invocation failed")
            }
            ours.add(Double(nanoseconds() - start) / 1e6)
        }
        let floor = try Floors.spawn(function: function, runs: 20)
        print(row("\ncold start", "host", "bare spawn", "ratio"))
        print(
            row(
                "  invoke → answer, no environment yet", "\(ours.median.text(1)) ms", "\(floor.median.text(1)) ms",
                "\((ours.median / floor.median).text(1))×"))
    }

    private static func burst(_ host: HostUnderTest, files: Int) throws {
        while try !host.hasNothingWaiting() { usleep(50000) }
        let drain = startThread { [pipe = host] in for _ in 0..<files { _ = try? pipe.firstLine() } }
        let start = nanoseconds()
        for number in 0..<files { _ = host.drop(1_000_000 + number) }
        let dropped = Double(nanoseconds() - start) / 1e9
        pthread_join(drain, nil)
        while try !host.hasNothingWaiting() { usleep(20000) }
        let seconds = Double(nanoseconds() - start) / 1e9
        print(row("\n\(files) small files dropped at once", "", "", ""))
        print(row("  written in", "\(dropped.text(2)) s", "", ""))
        print(row("  all validated and committed after", "\(seconds.text(2)) s", "", ""))
        print(row("  files a second", (Double(files) / seconds).text(0), "", ""))
        print(row("  peak memory of the host", "\((host.process.memory("VmHWM") / 1024).text(1)) MB\n", "", ""))
    }

    private static let request =
        "POST /2015-03-31/functions/bench/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + "Content-Length: 11\r\n\r\n{\"bench\":1}"

    /// Invocations a second through the gateway, as `clients` connections that each wait for their answer.
    private static func load(port: Int, clients: Int, seconds: Double) throws -> Double {
        let total = Counter()
        let threads = (0..<clients).map { _ in
            startThread {
                guard let socket = try? HTTPSocket(port: port) else { return }
                let end = nanoseconds() + UInt64(seconds * 1e9)
                var done = 0
                while nanoseconds() < end {
                    guard (try? socket.send(Self.request)) != nil, let answer = try? socket.receive(),
                        answer.line.contains("200")
                    else { break }
                    done += 1
                }
                total.add(done)
            }
        }
        for thread in threads { pthread_join(thread, nil) }
        return Double(total.value) / seconds
    }

    private static func row(_ name: String, _ ours: String, _ floor: String, _ ratio: String) -> String {
        func fit(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(width - text.count, 0)) + text
        }
        return name + String(repeating: " ", count: max(46 - name.filter { $0 != "\n" }.count, 1)) + fit(ours, 12)
            + fit(floor, 12) + fit(ratio, 9)
    }

    private static func value(of option: String) -> String? {
        let arguments = CommandLine.arguments
        return arguments.firstIndex(of: option).flatMap { arguments.indices.contains($0 + 1) ? arguments[$0 + 1] : nil }
    }

    private static func programFolder() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let slash = path.lastIndex(of: "/") else { throw BenchError("no program folder") }
        return String(path[..<slash])
    }
}
