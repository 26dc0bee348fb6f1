import Glibc

/// A mutex and a condition for threads of our own, which may block where the runtime's may not.
///
/// `@unchecked`: the pointers never change, and POSIX makes the calls on them safe from any thread.
final class Condition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // A clock that is set back must not stretch a wait.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Only inside ``locked(_:)``.
    func wait() { pthread_cond_wait(condition, mutex) }

    /// Only inside ``locked(_:)``. False when the time ran out.
    func wait(milliseconds: Int) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        deadline.tv_sec += milliseconds / 1000
        deadline.tv_nsec += milliseconds % 1000 * 1_000_000
        if deadline.tv_nsec >= 1_000_000_000 {
            deadline.tv_nsec -= 1_000_000_000
            deadline.tv_sec += 1
        }
        return pthread_cond_timedwait(condition, mutex, &deadline) == 0
    }

    func signal() { pthread_cond_signal(condition) }
    func broadcast() { pthread_cond_broadcast(condition) }
}

/// What many threads append to and one takes from, in groups.
///
/// `@unchecked`: the elements are touched only inside the condition's lock.
final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    private let condition = Condition()
    private var elements: [Element] = []
    private var isClosed = false

    /// False once the queue is closed.
    func append(_ element: Element) -> Bool {
        condition.locked {
            guard !isClosed else { return false }
            elements.append(element)
            if elements.count == 1 { condition.signal() }
            return true
        }
    }

    /// Waits for elements and takes up to `limit`; nil once the queue is closed and empty.
    func takeAll(limit: Int) -> [Element]? {
        condition.locked {
            while elements.isEmpty {
                if isClosed { return nil }
                condition.wait()
            }
            if elements.count <= limit {
                let taken = elements
                elements = []
                return taken
            }
            let taken = Array(elements.prefix(limit))
            elements.removeFirst(limit)
            return taken
        }
    }

    /// Waits the given time; false at once when the queue is closed.
    func waitUnlessClosed(milliseconds: Int) -> Bool {
        condition.locked {
            if !isClosed { _ = condition.wait(milliseconds: milliseconds) }
            return !isClosed
        }
    }

    func close() {
        condition.locked {
            isClosed = true
            condition.broadcast()
        }
    }
}

/// One value from one thread to another.
///
/// `@unchecked`: the value is touched only inside the condition's lock.
final class Handover<Value: Sendable>: @unchecked Sendable {
    private let condition = Condition()
    private var result: Result<Value, any Error>?

    func put(_ result: Result<Value, any Error>) {
        condition.locked {
            self.result = result
            condition.broadcast()
        }
    }

    func take() -> Result<Value, any Error> {
        condition.locked {
            while true {
                if let result { return result }
                condition.wait()
            }
        }
    }
}
