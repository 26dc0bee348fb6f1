/// `Globals`: properties that all functions or all state machines share.
///
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>
struct GlobalsReader {
    private var function: Node?
    private var stateMachine: Node?

    /// What SAM allows below `Function`: everything but what makes a function itself.
    private static let functionProperties = [
        "Handler", "Runtime", "CodeUri", "DeadLetterQueue", "Description", "MemorySize", "Timeout", "VpcConfig",
        "Environment", "Tags", "PropagateTags", "Tracing", "KmsKeyArn", "AutoPublishAlias",
        "AutoPublishAliasAllProperties", "Layers", "DeploymentPreference", "RolePath", "PermissionsBoundary",
        "ReservedConcurrentExecutions", "ProvisionedConcurrencyConfig", "AssumeRolePolicyDocument",
        "EventInvokeConfig", "FileSystemConfigs", "CodeSigningConfigArn", "Architectures", "SnapStart",
        "EphemeralStorage", "FunctionUrlConfig", "RuntimeManagementConfig", "LoggingConfig", "RecursiveLoop",
        "SourceKMSKeyArn", "TenancyConfig", "DurableConfig", "CapacityProviderConfig", "FunctionScalingConfig",
        "PublishToLatestPublished", "VersionDeletionPolicy",
    ]
    private static let others = [
        "Api", "HttpApi", "SimpleTable", "LayerVersion", "CapacityProvider", "WebSocketApi",
    ]

    init(scope: Scope, section: Node.Member?) {
        guard let section else { return }
        guard let members = section.value.mapping else {
            scope.diagnostics.error(
                "expected an object, found \(section.value.kind)", at: section.value.location, path: "Globals")
            return
        }
        for member in members {
            let path = "Globals.\(member.key)"
            let allowed: [String]
            switch member.key {
            case "Function":
                allowed = Self.functionProperties
                function = member.value
            case "StateMachine":
                allowed = ["PropagateTags"]
                stateMachine = member.value
            case _ where Self.others.contains(member.key):
                scope.diagnostics.noteWithoutEffect(path, of: path, at: member.keyLocation, path: path)
                continue
            default:
                scope.diagnostics.error(
                    "unknown type of resource", at: member.keyLocation, path: path,
                    suggestion: Suggestion.closest(to: member.key, in: ["Function", "StateMachine"] + Self.others))
                continue
            }
            guard let properties = member.value.mapping else {
                scope.diagnostics.error(
                    "expected an object, found \(member.value.kind)", at: member.value.location, path: path)
                continue
            }
            for property in properties where !allowed.contains(property.key) {
                scope.diagnostics.error(
                    "not allowed in Globals", at: property.keyLocation, path: "\(path).\(property.key)",
                    suggestion: Suggestion.closest(to: property.key, in: allowed))
            }
            scope.checkReferences(in: member.value, path: path)
        }
    }

    /// The resource's properties over the shared ones: objects are merged, lists joined with the shared part first,
    /// anything
    /// else is replaced.
    func merge(into properties: Node, type: ResourceType, resource: Node) -> Node {
        let globals: Node?
        switch type {
        case .function: globals = function
        case .serverlessStateMachine: globals = stateMachine
        default: globals = nil
        }
        guard let shared = globals?.mapping else { return properties }
        let ignored = resource["IgnoreGlobals"].map { $0.sequence ?? [$0] }?.compactMap(\.text) ?? []
        if ignored == ["*"] { return properties }
        return Self.merge(
            Node(shared.filter { !ignored.contains($0.key) }, at: properties.location), properties)
    }

    private static func merge(_ shared: Node, _ own: Node) -> Node {
        if let left = shared.sequence, let right = own.sequence {
            return Node(.sequence(left + right), at: own.location)
        }
        guard shared.intrinsic == nil, own.intrinsic == nil, let left = shared.mapping, let right = own.mapping else {
            return own
        }
        var members = left
        for member in right {
            if let index = members.firstIndex(where: { $0.key == member.key }) {
                members[index] = Node.Member(
                    key: member.key, keyLocation: member.keyLocation, value: merge(members[index].value, member.value))
            } else {
                members.append(member)
            }
        }
        return Node(members, at: own.location)
    }
}
