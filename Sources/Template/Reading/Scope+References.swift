internal import Events

extension Scope {
    private static let pseudoParameters = [
        "AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId",
        "AWS::StackName", "AWS::URLSuffix",
    ]

    /// What `Ref` gives.
    func reference(_ name: String, at location: SourceLocation, path: String) -> Node {
        func text(_ text: String) -> Node { Node(string: text, at: location) }
        switch name {
        case "AWS::AccountId": return text(account.account)
        case "AWS::NoValue": return Node(.absent, at: location)
        case "AWS::NotificationARNs": return Node(.sequence([]), at: location)
        case "AWS::Partition": return text("aws")
        case "AWS::Region": return text(account.region)
        case "AWS::StackId":
            return text(
                "arn:aws:cloudformation:\(account.region):\(account.account):stack/\(stackName)/\(stackName)")
        case "AWS::StackName": return text(stackName)
        case "AWS::URLSuffix": return text("amazonaws.com")
        default: break
        }
        if let value = parameters[name] { return Node(value.value, at: location) }
        if let resource = resources[name] {
            guard let value = reference(to: resource) else {
                diagnostics.error("what !Ref \(name) gives is known only on AWS", at: location, path: path)
                return Node(.failed, at: location)
            }
            return text(value)
        }
        switch implied[name] {
        case .role: return text(name)
        case .rule(let rule): return text(rule)
        case nil: break
        }
        unknown(name, at: location, path: path)
        return Node(.failed, at: location)
    }

    private func unknown(_ name: String, at location: SourceLocation, path: String) {
        let known = Array(parameters.keys) + resources.keys + implied.keys + Self.pseudoParameters
        diagnostics.error(
            leftOut.contains(name)
                ? "'\(name)' is left out by its condition" : "no parameter or resource is named '\(name)'",
            at: location, path: path,
            suggestion: leftOut.contains(name) ? nil : Suggestion.closest(to: name, in: known.sorted()))
    }

    private func reference(to resource: RawResource) -> String? {
        switch resource.type {
        case .bucket, .function, .alarm, .logGroup, .metricFilter, .role: name(of: resource)
        case .rule:
            // A rule of another bus than the default goes by both names.
            resource.properties["EventBusName"].map { resolve($0, path: "\(resource.path).Properties.EventBusName") }?
                .text.flatMap { $0 == "default" ? nil : "\($0)|\(name(of: resource))" } ?? name(of: resource)
        case .topic, .serverlessStateMachine, .stateMachine: arn(of: resource)?.description
        case .queue: queueURL(name(of: resource))
        case .cluster: ClusterResource.jobFlowID(of: resource)
        case .subscription, .policy, .managedPolicy, .instanceProfile, .permission, .bucketPolicy, .topicPolicy,
            .queuePolicy, .logResourcePolicy, .key, .keyAlias, .securityGroup, .dashboard:
            nil
        }
    }

    /// The resource's ARN, where it has one that is known here.
    func arn(of resource: RawResource) -> ARN? {
        let name = name(of: resource)
        switch resource.type {
        case .bucket: return account.bucket(name)
        case .function: return account.function(name)
        case .alarm: return account.alarm(name)
        case .logGroup: return account.logGroup(name)
        case .topic: return account.topic(name)
        case .queue: return account.queue(name)
        case .rule:
            let bus = resource.properties["EventBusName"]
                .map { resolve($0, path: "\(resource.path).Properties.EventBusName") }?.text
            return account.rule(name, bus: bus ?? "default")
        case .serverlessStateMachine, .stateMachine: return account.stateMachine(name)
        case .role: return roleARN(name)
        case .cluster, .metricFilter, .subscription, .policy, .managedPolicy, .instanceProfile, .permission,
            .bucketPolicy, .topicPolicy, .queuePolicy, .logResourcePolicy, .key, .keyAlias, .securityGroup, .dashboard:
            return nil
        }
    }

    private func roleARN(_ name: String) -> ARN {
        ARN(service: "iam", account: account.account, resource: "role/\(name)")
    }

    private func queueURL(_ name: String) -> String {
        "https://sqs.\(account.region).amazonaws.com/\(account.account)/\(name)"
    }

    /// What `Fn::GetAtt` gives; its argument is `A.B` or `[A, B]`.
    func attribute(_ argument: Node, at location: SourceLocation, path: String) -> Node {
        guard let (id, name) = Self.attributeParts(argument) else {
            diagnostics.error("Fn::GetAtt takes a resource and its attribute", at: location, path: path)
            return Node(.failed, at: location)
        }
        if case .role = implied[id], name == "Arn" { return Node(string: "\(roleARN(id))", at: location) }
        if case .rule(let rule) = implied[id], name == "Arn" {
            return Node(string: "\(account.rule(rule))", at: location)
        }
        guard let resource = resources[id] else {
            if implied[id] == nil { unknown(id, at: location, path: path) }
            return Node(.failed, at: location)
        }
        let known = attributes(of: resource)
        if let value = known.first(where: { $0.name == name })?.value { return Node(string: value, at: location) }
        let exists = known.contains { $0.name == name } || resource.type.mattersOnlyOnAWS
        diagnostics.error(
            exists
                ? "\(id).\(name) is known only on AWS" : "\(resource.type.rawValue) has no attribute '\(name)'",
            at: location, path: path,
            suggestion: exists ? nil : Suggestion.closest(to: name, in: known.map(\.name)))
        return Node(.failed, at: location)
    }

    static func attributeParts(_ argument: Node) -> (id: String, name: String)? {
        if let text = argument.text {
            let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
        guard let parts = argument.sequence, parts.count == 2, let id = parts[0].text, let name = parts[1].text else {
            return nil
        }
        return (id, name)
    }

    /// The attributes that `Fn::GetAtt` has for a type; nil stands for a value that only AWS knows.
    private func attributes(of resource: RawResource) -> [(name: String, value: String?)] {
        let name = name(of: resource)
        let arn = arn(of: resource)?.description
        switch resource.type {
        case .bucket:
            return [
                ("Arn", arn), ("DomainName", "\(name).s3.amazonaws.com"),
                ("RegionalDomainName", "\(name).s3.\(account.region).amazonaws.com"),
                ("DualStackDomainName", "\(name).s3.dualstack.\(account.region).amazonaws.com"), ("WebsiteURL", nil),
            ]
        case .function, .alarm, .rule: return [("Arn", arn)]
        case .logGroup: return [("Arn", arn.map { "\($0):*" })]
        case .topic: return [("TopicArn", arn), ("TopicName", name)]
        case .queue: return [("Arn", arn), ("QueueName", name), ("QueueUrl", queueURL(name))]
        case .serverlessStateMachine, .stateMachine:
            return [("Arn", arn), ("Name", name), ("StateMachineRevisionId", nil)]
        case .cluster: return [("Id", ClusterResource.jobFlowID(of: resource)), ("MasterPublicDNS", nil)]
        case .role: return [("Arn", arn), ("RoleId", nil)]
        case .metricFilter, .subscription, .policy, .managedPolicy, .instanceProfile, .permission, .bucketPolicy,
            .topicPolicy, .queuePolicy, .logResourcePolicy, .key, .keyAlias, .securityGroup, .dashboard:
            return []
        }
    }

    // MARK: - References that lead nowhere, or in a circle

    /// Checks every name in a part of the template, whether or not its value is used here, and gives the names found.
    @discardableResult
    func checkReferences(in node: Node, path: String) -> [(id: String, place: SourceLocation)] {
        switch node.value {
        case .scalar, .absent, .failed: return []
        case .sequence(let elements):
            return elements.enumerated().flatMap { checkReferences(in: $0.element, path: "\(path)[\($0.offset)]") }
        case .mapping(let members):
            guard let function = node.intrinsic else {
                return members.flatMap { checkReferences(in: $0.value, path: "\(path).\($0.key)") }
            }
            let argument = function.value
            switch function.key {
            case "Ref": return argument.text.map { check($0, at: node.location, path: path) } ?? []
            case "Fn::GetAtt":
                return Self.attributeParts(argument).map { check($0.id, at: node.location, path: path) } ?? []
            case "Fn::Sub":
                let text = argument.text ?? argument.sequence?.first?.text ?? ""
                let variables = argument.sequence?.dropFirst().first
                let bound = Set((variables?.mapping ?? []).map(\.key))
                return Self.substitutions(in: text).filter { !bound.contains($0) }.flatMap { name in
                    check(
                        name.contains("::") ? name : String(name.prefix { $0 != "." }), at: node.location, path: path)
                } + (variables.map { checkReferences(in: $0, path: path) } ?? [])
            case "Fn::If":
                // Only the branch that holds counts, as on AWS.
                guard let parts = argument.sequence, parts.count == 3, let name = parts[0].text,
                    let holds = condition(name, at: parts[0].location, path: path)
                else { return [] }
                return checkReferences(in: parts[holds ? 1 : 2], path: path)
            default: return checkReferences(in: argument, path: path)
            }
        }
    }

    private func check(_ name: String, at location: SourceLocation, path: String) -> [(
        id: String, place: SourceLocation
    )] {
        if resources[name] != nil { return [(name, location)] }
        if parameters[name] == nil, implied[name] == nil, !Self.pseudoParameters.contains(name) {
            unknown(name, at: location, path: path)
        }
        return []
    }

    /// The names in `${…}`, without the literal ones.
    static func substitutions(in text: String) -> [String] {
        text.matches(of: /\$\{([^!{}][^{}]*)\}/).map { String($0.1) }
    }

    /// Tells every circle of references once; true where there is one.
    func checkCircles(_ edges: [String: [(id: String, place: SourceLocation)]]) -> Bool {
        var found = false
        var done: Set<String> = []
        var trail: [String] = []
        func visit(_ id: String) {
            trail.append(id)
            for edge in edges[id] ?? [] {
                if let start = trail.firstIndex(of: edge.id) {
                    let circle = (trail[start...] + [edge.id]).joined(separator: " → ")
                    diagnostics.error("a circle of references: \(circle)", at: edge.place, path: "Resources.\(id)")
                    found = true
                } else if !done.contains(edge.id) {
                    visit(edge.id)
                }
            }
            trail.removeLast()
            done.insert(id)
        }
        for id in edges.keys.sorted() where !done.contains(id) { visit(id) }
        return found
    }
}
