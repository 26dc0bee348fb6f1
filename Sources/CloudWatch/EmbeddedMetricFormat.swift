public import Events

/// Metrics inside a log event.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
public enum EmbeddedMetricFormat {
    /// What a log event holds.
    public enum Content: Sendable, Hashable {
        /// No embedded metrics.
        case none
        /// The metrics, one datum a dimension set.
        case metrics([MetricDatum])
        /// It says that it holds metrics, but does not follow the format.
        case invalid(Fault)
    }

    /// Why an event that claims to hold metrics does not.
    public enum Fault: Sendable, Hashable {
        /// The text is no JSON object.
        case parsing(String)
        /// The object does not follow the format; the text says where.
        case validation(String)

        /// The metric by which CloudWatch Logs tells of it, in namespace `AWS/Logs`.
        func datum(logGroup: String, at time: Timestamp) -> MetricDatum {
            let name =
                switch self {
                case .parsing: "EMFParsingErrors"
                case .validation: "EMFValidationErrors"
                }
            return MetricDatum(
                name, namespace: "AWS/Logs", dimensions: ["LogGroupName": logGroup], value: 1, unit: "Count",
                timestamp: time)
        }
    }

    private static let marker = Array("\"_aws\"".utf8)

    private static func isMarked(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            guard bytes.count > marker.count else { return false }
            var at = 0
            let last = bytes.count - marker.count
            while at <= last {
                if bytes[at] == marker[0], marker.indices.allSatisfy({ bytes[at + $0] == marker[$0] }) { return true }
                at += 1
            }
            return false
        }
    }

    /// Reads an event. What Lambda's runtimes put before the object (time, request id, level) is passed over.
    public static func read(_ event: LogEvent) -> Content {
        guard isMarked(event.message), let brace = event.message.firstIndex(of: "{") else { return .none }
        let json: JSON
        do {
            json = try JSON(parsing: String(event.message[brace...]))
        } catch {
            return .invalid(.parsing(error.description))
        }
        guard case .object(let root) = json, let metadata = root["_aws"], let directives = metadata["CloudWatchMetrics"]
        else { return .none }
        do throws(ShapeError) {
            return .metrics(try read(root, metadata: metadata, directives: directives))
        } catch {
            return .invalid(.validation(error.description))
        }
    }

    private static func read(_ root: JSONObject, metadata: JSON, directives: JSON) throws(ShapeError) -> [MetricDatum] {
        guard let time = metadata["Timestamp"]?.int else {
            throw ShapeError("_aws.Timestamp", expected: "milliseconds", found: metadata["Timestamp"])
        }
        guard case .array(let list) = directives else {
            throw ShapeError("_aws.CloudWatchMetrics", expected: "array", found: directives)
        }
        var data: [MetricDatum] = []
        for (number, directive) in list.enumerated() {
            let path = "_aws.CloudWatchMetrics[\(number)]"
            guard let namespace = directive["Namespace"]?.string, (1...1024).contains(namespace.count) else {
                throw ShapeError("\(path).Namespace", expected: "string", found: directive["Namespace"])
            }
            let sets = try dimensionSets(directive["Dimensions"], path: "\(path).Dimensions", root)
            guard let metrics = directive["Metrics"]?.array, metrics.count <= 100 else {
                throw ShapeError("\(path).Metrics", expected: "array of at most 100", found: directive["Metrics"])
            }
            for (index, metric) in metrics.enumerated() {
                let place = "\(path).Metrics[\(index)]"
                guard let name = metric["Name"]?.string, (1...1024).contains(name.count) else {
                    throw ShapeError("\(place).Name", expected: "string", found: metric["Name"])
                }
                let unit = metric["Unit"]?.string ?? "None"
                guard MetricUnits.all.contains(unit) else {
                    throw ShapeError(path: "\(place).Unit", message: "'\(unit)' is no unit")
                }
                let resolution = metric["StorageResolution"]?.int ?? 60
                guard resolution == 1 || resolution == 60 else {
                    throw ShapeError(path: "\(place).StorageResolution", message: "1 or 60 is expected")
                }
                // A metric whose target member is missing is passed over, as CloudWatch does.
                guard let target = root[name] else { continue }
                let values = try numbers(target, name: name)
                for dimensions in sets where !values.isEmpty {
                    data.append(
                        MetricDatum(
                            name, namespace: namespace, dimensions: dimensions, values: values.map { .init($0) },
                            unit: unit, timestamp: Timestamp(milliseconds: Int64(time)), storageResolution: resolution))
                }
            }
        }
        return data
    }

    private static func dimensionSets(_ json: JSON?, path: String, _ root: JSONObject) throws(ShapeError)
        -> [[String: String]]
    {
        guard let json else { return [[:]] }
        guard let sets = json.array else { throw ShapeError(path, expected: "array", found: json) }
        var result: [[String: String]] = []
        for (index, set) in sets.enumerated() {
            guard let keys = set.array, keys.count <= 30 else {
                throw ShapeError("\(path)[\(index)]", expected: "array of at most 30 names", found: set)
            }
            var dimensions: [String: String] = [:]
            for key in keys {
                guard let name = key.string else {
                    throw ShapeError("\(path)[\(index)]", expected: "strings", found: key)
                }
                guard let value = root[name]?.string, !value.isEmpty, value.count <= 1024 else {
                    throw ShapeError(name, expected: "string of 1 to 1024 characters", found: root[name])
                }
                dimensions[name] = value
            }
            result.append(dimensions)
        }
        return result.isEmpty ? [[:]] : result
    }

    private static func numbers(_ target: JSON, name: String) throws(ShapeError) -> [Double] {
        let list = target.array ?? [target]
        guard list.count <= 100 else { throw ShapeError(path: name, message: "more than 100 values") }
        var values: [Double] = []
        for element in list {
            guard let value = element.double, MetricUnits.isAllowed(value) else {
                throw ShapeError(name, expected: "number or array of numbers", found: element)
            }
            values.append(value)
        }
        return values
    }
}
