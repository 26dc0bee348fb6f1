/// Makes a metric from the log events that match a pattern: `AWS::Logs::MetricFilter`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-metricfilter.html>
public struct MetricFilterResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `FilterName`; without it the logical id.
    public let name: String
    /// The log group whose events it looks at.
    public let logGroupName: String
    /// The pattern that events must match; empty: all.
    public let filterPattern: String
    /// What a matching event adds to which metric.
    public let transformation: MetricTransformation

    /// What a matching event adds to which metric.
    public struct MetricTransformation: Sendable, Hashable {
        /// `MetricName`.
        public var metricName = ""
        /// `MetricNamespace`.
        public var metricNamespace = ""
        /// A number, or a field of the event such as `$.rows` or `$3`.
        public var metricValue = ""
        /// The value of a minute in which no event matches; nil: none.
        public var defaultValue: Double?
        /// Names and the fields of the event that give their values.
        public var dimensions: [String: String] = [:]
        /// One of CloudWatch's units; nil: any.
        public var unit: String?
    }

    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        properties.require("FilterPattern", "LogGroupName", "MetricTransformations")
        _ = properties.string("FilterName", length: 1...512, allowed: "all but ':' and '*'") { $0 != ":" && $0 != "*" }
        filterPattern = properties.string("FilterPattern", length: 0...1024) ?? ""
        logGroupName =
            properties.string(
                "LogGroupName", length: 1...512, allowed: "letters, digits and . _ - / #", LogGroupResource.isAllowed)
            ?? ""
        var result = MetricTransformation()
        if let list = properties.objects("MetricTransformations") {
            if list.count != 1 { properties.error("exactly one is expected", "MetricTransformations") }
            if let entry = list.first { result = MetricTransformation(entry) }
        }
        transformation = result
        properties.unsupported([
            "ApplyOnTransformedLogs": "", "EmitSystemFieldDimensions": "", "FieldSelectionCriteria": "",
        ])
        properties.finish()
    }
}

extension MetricFilterResource.MetricTransformation {
    init(_ entry: PropertyReader) {
        entry.require("MetricName", "MetricNamespace", "MetricValue")
        metricName =
            entry.string("MetricName", length: 1...255, allowed: "all but ':', '*' and '$'") {
                $0.isASCII && !":*$".contains($0)
            } ?? ""
        metricNamespace = entry.string("MetricNamespace", length: 1...256) ?? ""
        metricValue = entry.string("MetricValue", length: 1...100) ?? ""
        if !metricValue.isEmpty, !metricValue.hasPrefix("$"), Double(metricValue) == nil {
            entry.error("'\(metricValue)' is neither a number nor a field ($…)", "MetricValue")
        }
        defaultValue = entry.double("DefaultValue")
        for dimension in entry.objects("Dimensions") ?? [] {
            dimension.require("Key", "Value")
            if let key = dimension.string("Key", length: 1...255),
                let value = dimension.string("Value", length: 1...255)
            {
                dimensions[key] = value
            }
            dimension.finish()
        }
        if dimensions.count > 3 { entry.error("\(dimensions.count) dimensions; three are allowed", "Dimensions") }
        if defaultValue != nil, !dimensions.isEmpty {
            entry.error("DefaultValue and Dimensions exclude each other", "DefaultValue")
        }
        unit = entry.choice("Unit", MetricUnit.self)?.rawValue
        entry.finish()
    }
}
