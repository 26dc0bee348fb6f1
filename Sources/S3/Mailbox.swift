import Glibc
import Synchronization

/// A large file's content, read on a thread of its own.
struct HashedFile: Sendable {
    var identity: FileIdentity
    var eTag: String
    var traceHeader: String?
}

/// What other threads tell the watcher's thread, and the pipe that wakes it.
final class Mailbox: Sendable {
    enum Message: Sendable {
        /// A batch was committed, or why not.
        case committed([Observation], (any Error)?)
        /// A step of the removal of a folder's objects was committed: behind which key to go on, if there are more.
        case removed(WatchLoop.Removal, Result<String?, any Error>)
        /// A large file was read; nil where it changed meanwhile.
        case hashed(bucket: String, path: [UInt8], FileIdentity, WatchLoop.Cause, HashedFile?)
        /// An object is to be looked at: its file is not as it was recorded.
        case look(bucket: String, path: [UInt8])
        /// A time that was waited for has come.
        case timer
        /// Everything is to be looked at again.
        case rescan
        /// To be told once all that happened before is committed.
        case settle(CheckedContinuation<Void, Never>)
        case stop
    }

    private struct State {
        var messages: [Message] = []
        var isSignalled = false
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Becomes readable with the first message.
    let reader: Descriptor
    private let writer: Descriptor

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw S3Error(code: "InternalError", message: "can't make a pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        reader = Descriptor(ends[0])
        writer = Descriptor(ends[1])
    }

    /// False once the box is closed.
    @discardableResult
    func post(_ message: Message) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.messages.append(message)
            if !state.isSignalled {
                state.isSignalled = true
                var byte: UInt8 = 0
                _ = write(writer.number, &byte, 1)
            }
            return true
        }
    }

    func takeAll() -> [Message] {
        state.withLock { state in
            if state.isSignalled {
                state.isSignalled = false
                var bytes: UInt64 = 0
                _ = read(reader.number, &bytes, 8)
            }
            defer { state.messages = [] }
            return state.messages
        }
    }

    func close() { state.withLock { $0.isClosed = true } }
}
