import Events
import Storage

/// What was observed goes to the database in batches; one that fails is sent again, none is lost.
extension WatchLoop {
    func observe(_ observation: Observation) { batch.append(observation) }

    func flush() {
        guard !batch.isEmpty else { return }
        let observations = batch
        batch = []
        send(observations)
    }

    private func send(_ observations: [Observation]) {
        batchesOut += 1
        let (publisher, mailbox, progress) = (setup.publisher, setup.mailbox, setup.progress)
        setup.store.submit({ try publisher.apply(observations, in: $0) }) { result in
            switch result {
            case .success(let events):
                progress.add(events: events)
                mailbox.post(.committed(observations, nil))
            case .failure(let error): mailbox.post(.committed(observations, error))
            }
        }
    }

    func submit(_ removal: Removal) {
        removalOut = true
        let (publisher, mailbox) = (setup.publisher, setup.mailbox)
        let root = buckets[removal.bucket]?.root
        setup.store.submit({ connection in
            try publisher.removeMissing(
                bucket: removal.bucket, prefix: removal.prefix, after: removal.after, limit: Self.batchLimit,
                in: connection
            ) { key in root.flatMap { ObjectFile.identity(Array(key.utf8), in: $0) } }
        }) { mailbox.post(.removed(removal, $0)) }
    }

    /// A batch that failed is sent again one by one, so that the fault of one costs the others nothing.
    func retry(_ observations: [Observation], _ error: any Error) {
        guard error as? StoreError != .closed else { return isStopping = true }
        guard observations.count == 1, let one = observations.first else {
            for one in observations { send([one]) }
            return
        }
        say("s3://\(one.bucket)/\(one.key): the event could not be recorded: \(error). It is tried again.")
        postpone(one.bucket, Array(one.key.utf8), .moved, by: .seconds(5))
    }

    func postpone(_ bucket: String, _ path: [UInt8], _ cause: Cause, by delay: Duration) {
        guard deferred.count < Self.hashLimit else { return rescanAfterFailure() }
        deferred.append((setup.time.now + delay, bucket, path, cause))
    }

    func rescanAfterFailure() { nextScan = min(nextScan ?? .distantFuture, setup.time.now + .seconds(5)) }
}

extension Timestamp {
    fileprivate static let distantFuture = Timestamp(milliseconds: .max)
}
