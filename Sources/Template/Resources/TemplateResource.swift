/// A resource of a template, with where it stands.
public protocol TemplateResource: Sendable {
    /// Its logical id, type and place.
    var source: ResourceSource { get }
    /// Its physical name.
    var name: String { get }
}

extension TemplateResource {
    /// The name that the template calls it by.
    public var logicalID: String { source.logicalID }
    /// Where the resource's logical id stands.
    public var location: SourceLocation { source.location }
    /// Where a property stands, for example `Timeout` or `NotificationConfiguration.LambdaConfigurations[0].Event`;
    /// where it is
    /// not written, the nearest one around it.
    public func location(of property: String) -> SourceLocation { source.location(of: property) }
}

/// Where a resource stands in its template.
public struct ResourceSource: Sendable, Hashable {
    /// The name that the template calls it by.
    public let logicalID: String
    /// For example `AWS::S3::Bucket`.
    public let type: String
    /// Where the logical id stands.
    public let location: SourceLocation
    private let properties: LocatedJSON

    init(_ resource: RawResource) {
        logicalID = resource.id
        type = resource.type.rawValue
        location = resource.idLocation
        properties = LocatedJSON(places: resource.properties, location: resource.idLocation)
    }

    /// Where a property stands, by its path with `.` and `[n]`.
    public func location(of property: String) -> SourceLocation {
        let steps = property.split { $0 == "." || $0 == "[" || $0 == "]" }.map(String.init)
        return properties.location(of: steps)
    }

    /// The property's path from the template's root, as a diagnostic has it.
    public func path(of property: String) -> String { "Resources.\(logicalID).Properties.\(property)" }
}
