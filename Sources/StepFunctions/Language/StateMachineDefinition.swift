public import Events

/// A state machine in the Amazon States Language, with JSONPath.
///
/// <https://states-language.net/spec.html>
public struct StateMachineDefinition: Sendable, Hashable {
    /// The definition as it was given.
    public let json: JSON
    /// Seconds that an execution may take; nil for no limit.
    public let timeoutSeconds: Int?
    let graph: StateGraph

    /// The longest definition in bytes.
    public static let sizeLimit = 1_048_576

    /// Reads a definition. `supports` says which resources a Task may name. The definition is nil where a diagnostic
    /// is an
    /// error.
    public static func read(
        _ json: JSON, supports: (TaskResource) -> Bool = TaskResource.isStandard
    ) -> (definition: StateMachineDefinition?, diagnostics: [DefinitionDiagnostic]) {
        withoutActuallyEscaping(supports) { supports in
            var reader = DefinitionReader(supports: supports)
            guard let object = json.object else {
                reader.fault("", "the definition must be an object, not \(json.kind)")
                return (nil, reader.diagnostics)
            }
            if json.serialized().count > sizeLimit { reader.fault("", "the definition is larger than 1 MiB") }
            reader.onlyMembers(
                object, ["Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"], "")
            reader.queryLanguage(object, "")
            if let version = object["Version"], version.string != "1.0" {
                reader.fault("/Version", "only version '1.0' is supported")
            }
            let timeout = reader.integer(object, "TimeoutSeconds", "", 1...99_999_999)
            let graph = reader.graph(object, "")
            let hasErrors = reader.diagnostics.contains { $0.severity == .error }
            guard !hasErrors, let graph else { return (nil, reader.diagnostics) }
            return (Self(json: json, timeoutSeconds: timeout, graph: graph), reader.diagnostics)
        }
    }

    private init(json: JSON, timeoutSeconds: Int?, graph: StateGraph) {
        self.json = json
        self.timeoutSeconds = timeoutSeconds
        self.graph = graph
    }

    /// All resources that its tasks name, in branches and iterations too.
    public var taskResources: [TaskResource] { Self.resources(graph) }

    private static func resources(_ graph: StateGraph) -> [TaskResource] {
        graph.states.values.sorted { $0.name < $1.name }.flatMap { state -> [TaskResource] in
            switch state.kind {
            case .task(let resource, _, _): [resource]
            case .parallel(let branches): branches.flatMap(resources)
            case .map(let map): resources(map.processor)
            case .choice, .pass, .wait, .succeed, .fail: []
            }
        }
    }

    /// The graph at a place: pairs of a Parallel or Map state's name and a branch's number, from the outside in.
    func graph(at scope: [String]) -> StateGraph? {
        var graph = graph
        for index in stride(from: 0, to: scope.count - 1, by: 2) {
            switch graph.states[scope[index]]?.kind {
            case .parallel(let branches)?:
                guard let branch = Int(scope[index + 1]), branches.indices.contains(branch) else { return nil }
                graph = branches[branch]
            case .map(let map)?: graph = map.processor
            default: return nil
            }
        }
        return graph
    }
}
