import CFunctionProcess
import Glibc

/// A shell that outlives the host by a moment: when the host is gone, killed or not, it kills what the host started.
///
/// It waits for the end of a pipe whose other end only the host holds, and then looks for the host's marker in the
/// environment of every process.
enum Watchdog {
    private static let script = """
        trap '' HUP INT TERM QUIT PIPE
        read -r nothing
        n=0
        while [ $n -lt 20 ]; do
          found=
          for p in $(grep -lsa -- "$SLUICE_WATCHED" /proc/[0-9]*/environ 2>/dev/null); do
            p=${p#/proc/}; p=${p%/environ}
            [ "$p" = "$$" ] && continue
            tr '\\0' '\\n' < /proc/$p/environ 2>/dev/null | grep -qxF -- "SLUICE_HOST_ID=$SLUICE_WATCHED" || continue
            found=1
            kill -KILL -- "-$p" 2>/dev/null
            kill -KILL "$p" 2>/dev/null
          done
          [ -z "$found" ] && exit 0
          n=$((n + 1))
        done
        """

    /// Starts it; returns the end of the pipe that the host must keep open, and the process. Nil where there is no shell.
    static func start(hostID: String) -> (pipe: Int32, pid: pid_t)? {
        var ends: [Int32] = [0, 0]
        guard sluice_pipe(&ends, 0) == 0 else { return nil }
        var pid: pid_t = 0
        let code = Spawn.outliving(
            ["/bin/sh", "-c", script],
            variables: ["PATH=/usr/local/bin:/usr/bin:/bin", "SLUICE_WATCHED=\(hostID)"], folder: "/", input: ends[0],
            &pid)
        close(ends[0])
        guard code == 0 else {
            close(ends[1])
            return nil
        }
        return (ends[1], pid)
    }
}
