import Glibc

/// A thread of our own for work that blocks, which the runtime's threads must not.
public enum BlockingThread {
    /// Starts a thread that runs `body` and ends with it. The name, up to 15 bytes, shows in `top` and `/proc`.
    ///
    /// Where the system has no thread to give now, the body waits until it has.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let work = Body(name, body)
        if create(work) != 0 { waiting.append(work) }
    }

    /// The same for a body that must not wait: returns 0, or `errno` where the system has no thread to give; then `body` never runs.
    public static func tryStart(name: String, _ body: @escaping @Sendable () -> Void) -> Int32 {
        create(Body(name, body))
    }

    /// Whether the system would give that many threads more, found out by having them; 0, or `errno`. They are gone afterwards.
    ///
    /// It also makes the one thread that ``start(name:_:)`` needs when there are no more.
    public static func rehearse(_ count: Int) -> Int32 {
        let (condition, stage) = (Condition(), Stage())
        var code: Int32 = waiting.isServed ? 0 : EAGAIN
        var started = 0
        while started < count, code == 0 {
            code = tryStart(name: "sluice-try") {
                condition.locked {
                    while !stage.isOver { condition.wait() }
                    stage.ended += 1
                    condition.broadcast()
                }
            }
            if code == 0 { started += 1 }
        }
        condition.locked {
            stage.isOver = true
            condition.broadcast()
            while stage.ended < started { condition.wait() }
        }
        return code
    }

    /// 0, or what pthread_create(3) returned; then the body is not touched.
    private static func create(_ body: Body) -> Int32 {
        let box = Unmanaged.passRetained(body)
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
        if code != 0 { box.release() }
        return code
    }

    /// What waits for a thread, and the thread that tries to have one for it.
    private static let waiting = Waiting()

    private final class Waiting: Sendable {
        private let bodies = BlockingQueue<Body>()
        let isServed: Bool

        init() {
            let bodies = bodies
            isServed =
                BlockingThread.create(
                    Body("sluice-threads") {
                        while let taken = bodies.takeAll(limit: 1) {
                            for body in taken { while BlockingThread.create(body) != 0 { usleep(100_000) } }
                        }
                    }) == 0
        }

        func append(_ body: Body) {
            // Without the thread that waits, the caller has to: late is better than never.
            if isServed { _ = bodies.append(body) } else { while BlockingThread.create(body) != 0 { usleep(100_000) } }
        }
    }

    /// `@unchecked`: touched only inside the condition's lock.
    private final class Stage: @unchecked Sendable {
        var isOver = false
        var ended = 0
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
