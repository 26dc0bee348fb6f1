import Synchronization

/// Says once why a cluster refuses steps: what adds them may be a state machine, whose failures nobody looks at.
final class RefusalNotices: Sendable {
    private struct Told {
        var ended: Set<String> = []
        var full: Set<String> = []
    }
    private let told = Mutex(Told())

    /// What to say when a cluster that takes no more steps was asked to; nil where it was said.
    func ended(_ cluster: Cluster, isInTemplate: Bool) -> String? {
        guard told.withLock({ $0.ended.insert(cluster.id).inserted }) else { return nil }
        let state = "\(cluster.state.rawValue)\(cluster.reason.map { " (\($0))" } ?? "")"
        return
            "the cluster \(cluster.name) (\(cluster.id)) is \(state) and takes no more steps: whatever adds one fails. "
            + (isInTemplate
                ? "The next start of the host makes it anew" : "It is not in the template any more")
    }

    /// What to say when a cluster that has so many active steps is asked to take one more; nil where there is nothing to say.
    func active(_ count: Int, _ cluster: Cluster) -> String? {
        told.withLock { told in
            told.ended.remove(cluster.id)
            // Said again only after the queue has gone down, not at each step that ends.
            if count < EMRStore.activeLimit / 2 { told.full.remove(cluster.id) }
            guard count >= EMRStore.activeLimit, told.full.insert(cluster.id).inserted else { return nil }
            return
                "the cluster \(cluster.name) (\(cluster.id)) has \(count) steps that wait or run, as many as EMR allows: "
                + "whatever adds one fails until one has ended. Raise StepConcurrencyLevel, or have what adds steps retry"
        }
    }
}
