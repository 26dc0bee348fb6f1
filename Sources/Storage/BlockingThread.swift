import Glibc

/// A thread of our own for work that blocks, which the runtime's threads must not.
public enum BlockingThread {
    /// Starts a thread that runs `body` and ends with it. The name, up to 15 bytes, shows in `top` and `/proc`.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Body(name, body))
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                let comm = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
                if comm >= 0 {
                    _ = body.name.withCString { write(comm, $0, strlen($0)) }
                    close(comm)
                }
                body.run()
                return nil
            }, box.toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "can't start the thread \(name): \(String(cString: strerror(code)))")
    }

    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }
}
