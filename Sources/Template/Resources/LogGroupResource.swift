public import Events

/// A log group: `AWS::Logs::LogGroup`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html>
public struct LogGroupResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `LogGroupName`; without it the logical id.
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// Days; nil: for ever.
    public let retentionInDays: Int?

    private static let retentions = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ]

    static func isAllowed(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-/#".contains(character))
    }

    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        arn = properties.scope.account.logGroup(name)
        _ = properties.string(
            "LogGroupName", length: 1...512, allowed: "letters, digits and . _ - / #", Self.isAllowed)
        let days = properties.int("RetentionInDays", in: 1...3653, unit: "days")
        if let days, !Self.retentions.contains(days) {
            properties.error(
                "\(days) is none of \(Self.retentions.map(String.init).joined(separator: ", "))", "RetentionInDays")
        }
        retentionInDays = days
        properties.unsupported(["DataProtectionPolicy": "lines are kept as they are"])
        properties.mattersOnlyOnAWS(
            "DeletionProtectionEnabled", "FieldIndexPolicies", "KmsKeyId", "LogGroupClass", "ResourcePolicyDocument",
            "Tags")
        properties.finish()
    }
}
