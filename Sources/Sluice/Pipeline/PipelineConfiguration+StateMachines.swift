import Events
import StepFunctions
import Template

extension PipelineConfiguration {
    /// The state machines; each fault of a definition stands at its line in the file that holds it.
    mutating func readStateMachines(_ faults: inout [Diagnostic]) {
        for resource in template.stateMachines {
            let (definition, diagnostics) = StateMachineDefinition.read(resource.definition.json)
            for diagnostic in diagnostics {
                faults.append(
                    Diagnostic(
                        diagnostic.severity == .error ? .error : .warning,
                        "state machine '\(resource.name)': \(diagnostic.code): \(diagnostic.message)",
                        at: resource.definition.location(of: diagnostic.pointer),
                        path: diagnostic.pointer.isEmpty ? "" : diagnostic.pointer))
            }
            guard let definition else { continue }
            checkTargets(of: definition, resource, &faults)
            stateMachines[resource.name] = definition
        }
    }

    /// A task that names a function of its own ARN must name one that there is.
    private func checkTargets(
        of definition: StateMachineDefinition, _ resource: StateMachineResource, _ faults: inout [Diagnostic]
    ) {
        let known = Set(template.functions.map(\.arn.description))
        for task in definition.taskResources where task.isFunction && !known.contains(task.description) {
            faults.append(
                Diagnostic(
                    .error, "state machine '\(resource.name)': \(task.description) is no function of this template",
                    at: resource.definition.location))
        }
    }
}
