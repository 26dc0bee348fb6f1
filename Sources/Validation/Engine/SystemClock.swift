import Glibc

enum SystemClock {
    /// Seconds from 1970-01-01T00:00:00Z.
    static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec
    }
}
