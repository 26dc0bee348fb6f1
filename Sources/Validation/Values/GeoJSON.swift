/// GeoJSON (RFC 7946): what each type of object must hold.
///
/// Positions have two numbers or more, lines two positions, rings four of which the last is the first. The range of coordinates,
/// the winding of rings and members beyond those of the RFC are not looked at.
enum GeoJSON {
    /// Whether an object of a `type` is one of GeoJSON's.
    static func holds(_ value: JSONValue, _ type: String) -> Bool {
        switch type {
        case "Feature": isFeature(value)
        case "FeatureCollection": isArray(value["features"]) { isFeature($0) }
        default: isGeometry(value)
        }
    }

    private static func type(_ value: JSONValue) -> String? {
        guard case .string(let type)? = value["type"]?.content else { return nil }
        return type
    }

    /// Its geometry and its properties are objects or null, and both must be there.
    private static func isFeature(_ value: JSONValue) -> Bool {
        guard type(value) == "Feature", let geometry = value["geometry"], let properties = value["properties"] else {
            return false
        }
        guard geometry.content.isNull || isGeometry(geometry) else { return false }
        if case .object = properties.content { return true }
        return properties.content.isNull
    }

    private static func isGeometry(_ value: JSONValue) -> Bool {
        let coordinates = value["coordinates"]
        switch type(value) {
        case "Point": return coordinates.map(isPosition) ?? false
        case "MultiPoint": return isArray(coordinates, isPosition)
        case "LineString": return isArray(coordinates, least: 2, isPosition)
        case "MultiLineString": return isArray(coordinates) { isArray($0, least: 2, isPosition) }
        case "Polygon": return isArray(coordinates, isRing)
        case "MultiPolygon": return isArray(coordinates) { isArray($0, isRing) }
        case "GeometryCollection": return isArray(value["geometries"], isGeometry)
        default: return false
        }
    }

    private static func isPosition(_ value: JSONValue) -> Bool {
        isArray(value, least: 2) { element in
            if case .number = element.content { return true }
            return false
        }
    }

    private static func isRing(_ value: JSONValue) -> Bool {
        guard isArray(value, least: 4, isPosition), case .array(let positions) = value.content,
            let first = positions.first, let last = positions.last
        else { return false }
        return first.canonical == last.canonical
    }

    private static func isArray(_ value: JSONValue?, least: Int = 0, _ holds: (JSONValue) -> Bool) -> Bool {
        guard case .array(let elements)? = value?.content else { return false }
        return elements.count >= least && elements.allSatisfy(holds)
    }
}
