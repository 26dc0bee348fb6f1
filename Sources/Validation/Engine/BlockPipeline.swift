import Glibc

/// Two threads on one file: blocks are cut where rows seem to end, judged on either thread, and joined in the file's order
/// on the caller's, which is also the only one that calls the caller's closures.
///
/// A cut is a guess: it counts quotes. Where the exact scanner finds that a row goes on across a cut, the next block is
/// judged again with that row in front, so that the answer is always that of one thread.
///
/// Sendable without the compiler's proof: `jobs` and `isClosed` are only touched with `mutex` held; a job's block and
/// result belong to the thread that took it, until it is marked done under the mutex.
final class BlockPipeline: @unchecked Sendable {
    final class Job {
        enum State { case waiting, taken, done }

        let block: Block
        let start: Int
        /// Keeps the bytes alive.
        let buffer: PaddedBuffer?
        var state = State.waiting
        var result: BlockResult?

        init(_ block: Block, _ start: Int, _ buffer: PaddedBuffer?) {
            self.block = block
            self.start = start
            self.buffer = buffer
        }
    }

    static let depth = 4

    private let judge: BlockJudge
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [Job] = []
    private var isClosed = false
    private var thread = pthread_t()
    private var hasThread = false

    /// Starts the second thread, which judges with `judge`.
    init(_ judge: BlockJudge) {
        self.judge = judge
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<BlockPipeline>.fromOpaque(context).takeRetainedValue().work()
                return nil
            }, context)
        hasThread = status == 0
        // Without a second thread the first does all of the work.
        if !hasThread { Unmanaged<BlockPipeline>.fromOpaque(context).release() }
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    private func work() {
        while let job = locked({ next() }) {
            let result = judge.process(job.block, from: job.start)
            finish(job, result)
        }
    }

    /// The oldest job that nobody has; waits for one, nil when there will be none.
    private func next() -> Job? {
        while true {
            if let job = jobs.first(where: { $0.state == .waiting }) {
                job.state = .taken
                return job
            }
            if isClosed { return nil }
            pthread_cond_wait(changed, mutex)
        }
    }

    private func finish(_ job: Job, _ result: BlockResult) {
        locked {
            job.result = result
            job.state = .done
            pthread_cond_broadcast(changed)
        }
    }

    /// Whether a further block may be set on its way: four of the usual size, or fewer bytes of larger ones, but always one.
    /// A row that does not end makes blocks of many megabytes, of which several at a time would not be bounded.
    func hasRoom(for next: Int, _ blockSize: Int) -> Bool {
        locked {
            let bytes = jobs.reduce(next) { $0 + $1.block.count }
            return jobs.isEmpty || jobs.count < Self.depth && bytes <= 2 * Self.depth * blockSize
        }
    }

    func add(_ job: Job) {
        locked {
            jobs.append(job)
            pthread_cond_broadcast(changed)
        }
    }

    /// The oldest job, once it is done; until then this thread works too.
    func first(with own: BlockJudge) -> Job? {
        while true {
            let job = locked { () -> Job? in
                guard let first = jobs.first else { return nil }
                while first.state == .taken, !jobs.contains(where: { $0.state == .waiting }) {
                    pthread_cond_wait(changed, mutex)
                }
                if first.state == .done { return jobs.removeFirst() }
                let waiting = jobs.first { $0.state == .waiting }
                waiting?.state = .taken
                return waiting
            }
            guard let job, job.state != .done else { return job }
            finish(job, own.process(job.block, from: job.start))
        }
    }

    /// Ends the second thread and waits for it.
    func close() {
        locked {
            isClosed = true
            for job in jobs where job.state == .waiting { job.state = .done }
            pthread_cond_broadcast(changed)
        }
        if hasThread { pthread_join(thread, nil) }
        hasThread = false
    }
}

/// Where a block may be cut.
enum BlockCut {
    /// One past the last row end, going by the number of quotes; 0 if there is none.
    static func end(_ block: Block, from start: Int, _ dialect: CompiledDialect) -> Int {
        var isQuoted = false
        if let quote = dialect.quote { isQuoted = count(quote, block, from: start) & 1 == 1 }
        var position = block.count
        while position > start {
            position -= 1
            let byte = block.base[position]
            if byte == dialect.quote { isQuoted.toggle() }
            if byte == dialect.terminator, !isQuoted { return position + 1 }
        }
        return 0
    }

    private static func count(_ byte: UInt8, _ block: Block, from start: Int) -> Int {
        var total = 0
        var position = start
        let wanted = SIMD64<UInt8>(repeating: byte)
        while position + 64 <= block.count {
            let vector = UnsafeRawPointer(block.base + position).loadUnaligned(as: SIMD64<UInt8>.self)
            let found = vector .== wanted
            if !CSVScanner.isEmpty(found) { total += CSVScanner.bits(found).nonzeroBitCount }
            position += 64
        }
        while position < block.count {
            if block.base[position] == byte { total += 1 }
            position += 1
        }
        return total
    }
}
