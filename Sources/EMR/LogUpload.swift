import Glibc
import Storage

/// Copies a step's logs to its cluster's `LogUri`, compressed and in the layout that EMR uses there.
struct LogUpload: Sendable {
    var lake: String

    /// Each file appears whole, by a move. Failure is written to the controller's log and nowhere else.
    private static let script = """
        mkdir -p "$2" && for name in controller stdout stderr; do
            [ -s "$1/$name" ] || continue
            gzip -nc "$1/$name" >"$2/.$name.gz" && mv "$2/.$name.gz" "$2/$name.gz" || exit 1
        done
        """

    func run(_ step: Step, logURI: String?) async {
        guard let logURI else { return }
        let controller = "\(step.logFolder)/controller"
        let parts = logURI.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        guard parts.count >= 2, ["s3:", "s3a:", "s3n:"].contains(parts[0]), !parts.contains("..") else {
            TextFile.append(
                "WARN LogUri '\(logURI)' is not of the form s3://BUCKET/PREFIX/: no copy made", to: controller)
            return
        }
        guard access("\(lake)/\(parts[1])", W_OK) == 0 else {
            TextFile.append("WARN LogUri '\(logURI)': there is no such bucket: no copy made", to: controller)
            return
        }
        let target = ([lake] + parts.dropFirst() + [step.clusterID, "steps", step.id]).joined(separator: "/")
        let command = ["/bin/sh", "-c", Self.script, "sluice-logs", step.logFolder, target]
        let code = await withCheckedContinuation { (done: CheckedContinuation<Int, Never>) in
            BlockingThread.start(name: "step-logs") {
                let pid = try? Spawn.process(
                    command, environment: ["PATH": "/usr/bin:/bin"], stdout: "/dev/null",
                    stderr: "/dev/null")
                done.resume(returning: pid.map(Spawn.wait) ?? -1)
            }
        }
        if code != 0 { TextFile.append("WARN The logs could not be copied to \(target)", to: controller) }
    }
}
