internal import Events

/// Reads a template's sections in the order in which they depend on each other.
struct TemplateLoader {
    let scope: Scope
    let file: String
    var template: SAMTemplate
    private var order: [RawResource] = []
    /// Where each event of a function or state machine stands, read after all resources.
    private var usesServerless = false

    private var diagnostics: DiagnosticCollector { scope.diagnostics }
    private var directory: String { FilePaths.directory(of: file) }

    init(scope: Scope, file: String) {
        self.scope = scope
        self.file = file
        template = SAMTemplate(file: file)
    }

    private static let sections = [
        "AWSTemplateFormatVersion", "Transform", "Description", "Metadata", "Parameters", "Mappings", "Conditions",
        "Globals", "Resources", "Outputs", "Rules", "Hooks",
    ]

    /// The template, with whatever could be read; what is wrong is told.
    mutating func load(_ root: Node, overrides: [String: String]) -> SAMTemplate {
        guard let members = root.mapping else {
            diagnostics.error("a template is an object, not \(root.kind)", at: root.location)
            return template
        }
        for member in members where !Self.sections.contains(member.key) {
            diagnostics.error(
                "unknown section", at: member.keyLocation, path: member.key,
                suggestion: Suggestion.closest(to: member.key, in: Self.sections))
        }
        for key in ["Rules", "Hooks"] {
            if let member = root.member(key) {
                diagnostics.error("\(key) is not supported", at: member.keyLocation, path: key)
            }
        }
        if let version = root["AWSTemplateFormatVersion"], version.text != "2010-09-09" {
            diagnostics.error(
                "the only version is '2010-09-09'", at: version.location, path: "AWSTemplateFormatVersion")
        }
        template.description = root["Description"]?.text
        scope.mappings = root["Mappings"]
        ParameterReader(scope: scope).read(root.member("Parameters"), overrides: overrides)
        for member in section("Conditions", of: root) { scope.conditions[member.key] = member.value }
        for member in section("Conditions", of: root) {
            _ = scope.condition(member.key, at: member.keyLocation, path: "Conditions.\(member.key)")
        }
        let globals = GlobalsReader(scope: scope, section: root.member("Globals"))
        readResources(root, globals: globals)
        checkTransform(root)
        checkReferences(root)
        if !hasCircles { readTyped() }
        readOutputs(root)
        return template
    }

    private var hasCircles = false

    private func section(_ name: String, of root: Node) -> [Node.Member] {
        guard let node = root[name] else { return [] }
        if let members = node.mapping { return members }
        diagnostics.error("expected an object, found \(node.kind)", at: node.location, path: name)
        return []
    }

    private func checkTransform(_ root: Node) {
        let name = "AWS::Serverless-2016-10-31"
        guard let transform = root.member("Transform") else {
            if usesServerless, let resources = root.member("Resources") {
                diagnostics.error(
                    "AWS::Serverless types need 'Transform: \(name)'", at: resources.keyLocation, path: "Transform")
            }
            return
        }
        for node in transform.value.sequence ?? [transform.value] where node.text != name {
            if node.text == "AWS::LanguageExtensions" { continue }
            diagnostics.error(
                "transform '\(node.text ?? node.kind)' is not supported", at: node.location, path: "Transform",
                suggestion: node.text.flatMap { Suggestion.closest(to: $0, in: [name]) })
        }
    }

    // MARK: - Resources

    private static let attributes = [
        "Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
        "UpdatePolicy", "CreationPolicy", "Connectors", "IgnoreGlobals",
    ]

    private mutating func readResources(_ root: Node, globals: GlobalsReader) {
        guard root["Resources"] != nil else {
            diagnostics.error("Resources is missing", at: root.location)
            return
        }
        let members = section("Resources", of: root)
        if members.isEmpty, let section = root.member("Resources"), section.value.mapping?.isEmpty != false {
            diagnostics.error("no resource in it", at: section.keyLocation, path: "Resources")
        }
        for member in members { readResource(member, globals: globals) }
    }

    private mutating func readResource(_ member: Node.Member, globals: GlobalsReader) {
        let id = member.key
        let path = "Resources.\(id)"
        func fail(_ message: String, at location: SourceLocation, path: String, suggestion: String? = nil) {
            diagnostics.error(message, at: location, path: path, suggestion: suggestion)
        }
        if id.isEmpty || !id.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) || id.count > 255 {
            fail("a logical id consists of letters and digits", at: member.keyLocation, path: path)
        }
        if scope.parameters[id] != nil {
            fail("a parameter has that name too", at: member.keyLocation, path: path)
        }
        guard let attributes = member.value.mapping else {
            fail("expected an object, found \(member.value.kind)", at: member.value.location, path: path)
            return
        }
        for attribute in attributes where !Self.attributes.contains(attribute.key) {
            fail(
                "unknown attribute of a resource", at: attribute.keyLocation, path: "\(path).\(attribute.key)",
                suggestion: Suggestion.closest(to: attribute.key, in: Self.attributes))
        }
        guard let typeNode = member.value["Type"] else {
            fail("Type is missing", at: member.keyLocation, path: path)
            scope.leftOut.insert(id)
            return
        }
        let known = ResourceType.allCases.map(\.rawValue)
        guard let text = typeNode.text, let type = ResourceType(rawValue: text) else {
            let text = typeNode.text ?? typeNode.kind
            if let advice = ResourceType.unsupported[text] {
                fail("\(text): \(advice)", at: typeNode.location, path: "\(path).Type")
            } else {
                fail(
                    "resource type '\(text)' is not supported", at: typeNode.location, path: "\(path).Type",
                    suggestion: Suggestion.closest(to: text, in: known))
            }
            // What refers to it is not told again.
            scope.parameters[id] = Node(.failed, at: typeNode.location)
            return
        }
        if let condition = member.value["Condition"] {
            guard let name = condition.text else {
                fail("expected a condition's name", at: condition.location, path: "\(path).Condition")
                return
            }
            if scope.condition(name, at: condition.location, path: "\(path).Condition") == false {
                scope.leftOut.insert(id)
                return
            }
        }
        usesServerless = usesServerless || type.rawValue.hasPrefix("AWS::Serverless::")
        var properties = member.value["Properties"] ?? Node([], at: member.keyLocation)
        properties = globals.merge(into: properties, type: type, resource: member.value)
        let raw = RawResource(
            id: id, idLocation: member.keyLocation, type: type, node: member.value, properties: properties)
        order.append(raw)
        scope.resources[id] = raw
        if type == .function || type == .serverlessStateMachine {
            scope.implied["\(id)Role"] = .role
            for event in properties["Events"]?.mapping ?? [] where event.value["Type"]?.text != "S3" {
                let settings = event.value["Properties"]
                let name = settings?["RuleName"] ?? settings?["Name"]
                scope.implied[id + event.key] = .rule(name: name?.text ?? id + event.key)
            }
        }
    }

    /// Every name that is referred to exists, and no circle is formed, as CloudFormation would find it after SAM's
    /// transform.
    private mutating func checkReferences(_ root: Node) {
        var edges: [String: [(id: String, place: SourceLocation)]] = [:]
        for resource in order {
            let path = "\(resource.path).Properties"
            for member in resource.properties.mapping ?? [] {
                let found = scope.checkReferences(in: member.value, path: "\(path).\(member.key)")
                // SAM moves the events out of the function: a bucket depends on the function that it notifies.
                if member.key == "Events", resource.type == .function || resource.type == .serverlessStateMachine {
                    for event in member.value.mapping ?? [] where event.value["Type"]?.text == "S3" {
                        if let bucket = event.value["Properties"]?["Bucket"], let id = bucket["Ref"]?.text {
                            edges[id, default: []].append((resource.id, bucket.location))
                        }
                    }
                } else {
                    edges[resource.id, default: []] += found
                }
            }
            for node in resource.node["DependsOn"].map({ $0.sequence ?? [$0] }) ?? [] {
                guard let id = node.text else {
                    diagnostics.error(
                        "expected a logical id", at: node.location, path: "\(resource.path).DependsOn")
                    continue
                }
                if scope.resources[id] != nil {
                    edges[resource.id, default: []].append((id, node.location))
                } else if scope.implied[id] == nil, !scope.leftOut.contains(id) {
                    diagnostics.error(
                        "no resource is named '\(id)'", at: node.location, path: "\(resource.path).DependsOn",
                        suggestion: Suggestion.closest(to: id, in: scope.resources.keys.sorted()))
                }
            }
        }
        hasCircles = scope.checkCircles(edges)
    }

    private mutating func readTyped() {
        var subscriptions: [(topic: ARN, subscription: TopicResource.Subscription)] = []
        for resource in order {
            let metadata = resource.node["Metadata"]?.member("Sluice")
            if let metadata, resource.type != .cluster {
                diagnostics.error(
                    "Sluice has no settings for \(resource.type.rawValue)", at: metadata.keyLocation,
                    path: "\(resource.path).Metadata.Sluice")
            }
            if resource.type.mattersOnlyOnAWS {
                diagnostics.noteWithoutEffect(
                    resource.type.rawValue, of: resource.id, at: resource.idLocation, path: resource.path)
                continue
            }
            if let connectors = resource.node.member("Connectors") {
                diagnostics.noteWithoutEffect(
                    "Connectors", of: resource.id, at: connectors.keyLocation, path: "\(resource.path).Connectors")
            }
            guard
                let properties = PropertyReader(
                    resource.properties, scope: scope, path: "\(resource.path).Properties",
                    location: resource.idLocation, owner: resource.id)
            else { continue }
            switch resource.type {
            case .bucket: template.buckets.append(BucketResource(properties, resource))
            case .function:
                template.functions.append(FunctionResource(properties, resource, directory: directory))
            case .alarm: template.alarms.append(AlarmResource(properties, resource))
            case .logGroup: template.logGroups.append(LogGroupResource(properties, resource))
            case .metricFilter: template.metricFilters.append(MetricFilterResource(properties, resource))
            case .topic: template.topics.append(TopicResource(properties, resource))
            case .subscription:
                if let found = TopicResource.Subscription.read(properties) { subscriptions.append(found) }
            case .queue: template.queues.append(QueueResource(properties, resource))
            case .cluster: template.clusters.append(ClusterResource(properties, resource))
            case .rule: template.rules.append(RuleResource(properties, resource))
            case .serverlessStateMachine, .stateMachine:
                template.stateMachines.append(StateMachineResource(properties, resource, directory: directory))
            case .role, .policy, .managedPolicy, .instanceProfile, .permission, .bucketPolicy, .topicPolicy,
                .queuePolicy, .logResourcePolicy, .key, .keyAlias, .securityGroup, .dashboard:
                break
            }
        }
        for (topic, subscription) in subscriptions {
            guard let index = template.topics.firstIndex(where: { $0.arn == topic }) else {
                diagnostics.error("no topic of this template has the ARN \(topic)", at: subscription.location)
                continue
            }
            template.topics[index].subscriptions.append(subscription)
        }
        for resource in order where resource.type == .function || resource.type == .serverlessStateMachine {
            EventReader(scope: scope, resource: resource).read(into: &template)
        }
        checkNames()
    }

    /// Two resources with one name would be one resource.
    private func checkNames() {
        var seen: [String: RawResource] = [:]
        for resource in order {
            guard let namespace = resource.type.namespace else { continue }
            let name = scope.name(of: resource)
            let first = seen.updateValue(resource, forKey: "\(namespace) \(name)")
            guard let first else { continue }
            let property = resource.type.nameProperty ?? "Name"
            diagnostics.error(
                "a second \(namespace) named '\(name)' (first: \(first.id), line \(first.idLocation.line))",
                at: resource.properties[property]?.location ?? resource.idLocation,
                path: "\(resource.path).Properties.\(property)")
        }
        var jobFlows: [String: RawResource] = [:]
        for resource in order where resource.type == .cluster {
            if let first = jobFlows.updateValue(resource, forKey: ClusterResource.jobFlowID(of: resource)) {
                diagnostics.error(
                    "the JobFlowId of \(first.id) (line \(first.idLocation.line)) again", at: resource.idLocation,
                    path: "\(resource.path).Metadata.Sluice.JobFlowId")
            }
        }
    }

    private mutating func readOutputs(_ root: Node) {
        for member in section("Outputs", of: root) {
            let path = "Outputs.\(member.key)"
            guard
                let output = PropertyReader(
                    member.value, scope: scope, path: path, location: member.keyLocation, owner: member.key)
            else { continue }
            _ = output.raw("Description")
            _ = output.raw("Export")
            if let condition = output.raw("Condition") {
                guard scope.condition(condition.text ?? "", at: condition.location, path: path) == true else {
                    continue
                }
            }
            output.require("Value")
            // A value that only AWS knows is no fault of an output.
            if let value = output.raw("Value") {
                scope.checkReferences(in: value, path: path)
                let quiet = DiagnosticCollector()
                let resolved = scope.with(quiet).resolve(value, path: path)
                template.outputs[member.key] = resolved.text
            }
            output.finish()
        }
    }
}
