import CScan

/// A pattern whose every character stands at a place of its own, as `[A-Z0-9]{2,3}` and `\d{3}-\d+` have it: a run of classes,
/// of which only the last may repeat more or less often. A text of ASCII is held against it with a look-up a byte and nothing
/// to remember.
///
/// Sendable without the compiler's proof: what it points to is never written after `init`.
final class PatternShape: @unchecked Sendable {
    /// Valid as long as this is.
    let view: UnsafePointer<cscan_shape>

    private struct Item {
        var scalars: ScalarClass
        var min: Int
        var max: Int?
    }

    private static let mostPlaces = 63

    /// Nil where the expression has no such shape.
    init?(_ node: PatternNode) {
        guard let items = Self.items(Self.withoutAnchors(node)) else { return nil }
        var places: [ScalarClass] = []
        var least = 0
        var most: Int? = 0
        for (index, item) in items.enumerated() {
            let isLast = index == items.count - 1
            guard isLast || item.min == item.max else { return nil }
            least += item.min
            most = item.max.flatMap { max in most.map { $0 + max } }
            places += Array(repeating: item.scalars, count: isLast ? Swift.max(1, item.min) : item.min)
            guard places.count <= Self.mostPlaces else { return nil }
        }
        if places.isEmpty { places = [.none] }
        let tail = places.count - 1
        let shape = UnsafeMutablePointer<cscan_shape>.allocate(capacity: 1)
        shape.initialize(to: cscan_shape())
        shape.pointee.least = least
        shape.pointee.most = most ?? .max
        shape.pointee.tail = UInt32(tail)
        withUnsafeMutableBytes(of: &shape.pointee.allowed) { raw in
            let allowed = raw.bindMemory(to: UInt64.self)
            for byte in 0..<0x80 {
                for (place, scalars) in places.enumerated() where scalars.contains(UInt32(byte)) {
                    allowed[byte] |= 1 << UInt64(place)
                }
            }
        }
        view = UnsafePointer(shape)
    }

    deinit { UnsafeMutablePointer(mutating: view).deallocate() }

    /// A whole value must match in any case.
    private static func withoutAnchors(_ node: PatternNode) -> PatternNode {
        guard case .sequence(var nodes) = node else { return node }
        if case .start? = nodes.first { nodes.removeFirst() }
        if case .end? = nodes.last { nodes.removeLast() }
        return .sequence(nodes)
    }

    private static func items(_ node: PatternNode) -> [Item]? {
        switch node {
        case .empty: return []
        case .scalar(let scalars): return [Item(scalars: scalars, min: 1, max: 1)]
        case .start, .end, .choice: return nil
        case .sequence(let nodes):
            var all: [Item] = []
            for node in nodes {
                guard let items = items(node), all.count + items.count <= mostPlaces else { return nil }
                all += items
            }
            return all
        case .repeated(let node, let min, let max):
            guard let inner = items(node) else { return nil }
            if inner.count == 1, inner[0].min == 1, inner[0].max == 1 {
                // As the automaton has it, where the most is less than the least.
                return [Item(scalars: inner[0].scalars, min: min, max: max.map { Swift.max(min, $0) })]
            }
            guard min == max, min * inner.count <= mostPlaces else { return nil }
            return Array(repeating: inner, count: min).flatMap(\.self)
        }
    }
}
