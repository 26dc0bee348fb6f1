public import FunctionRuntime

/// What the template may set, under the function's `Environment`.
///
/// | variable | meaning | without it |
/// |---|---|---|
/// | `REFERENCE_PREFIX` | where reference tables lie: `s3://bucket/prefix/` | the object's folder, then `reference/` in its bucket |
/// | `REPORT_BUCKET` | stores each report there, as `<key>.validation.json` | not stored |
/// | `QUARANTINE_BUCKET` | stores the rejected rows there, under the object's key | not stored |
/// | `ACCEPTED_BUCKET` | stores the rows that are not rejected there, under the object's key | not stored |
///
/// A bucket may be given by its name, or as `s3://bucket/prefix/`: the prefix then stands before the key. Rows are stored
/// compressed as the object's name says. A version without rejected rows, or one that is at fault as a whole, removes what an
/// earlier one has left there.
public struct GateSettings: Sendable {
    /// `s3://bucket/prefix/`
    var references: String?
    var report: Place?
    var quarantine: Place?
    var accepted: Place?

    /// Reads them. Throws ``SettingError`` for a value that is none.
    public init(environment: (String) -> String? = { FunctionEnvironment[$0] }) throws(SettingError) {
        func place(_ name: String) throws(SettingError) -> Place? {
            guard let value = environment(name) else { return nil }
            return try Place(name, value)
        }
        references = try place("REFERENCE_PREFIX").map { "s3://\($0.bucket)/\($0.prefix)" }
        report = try place("REPORT_BUCKET")
        quarantine = try place("QUARANTINE_BUCKET")
        accepted = try place("ACCEPTED_BUCKET")
        if let quarantine, let accepted, quarantine.bucket == accepted.bucket, quarantine.prefix == accepted.prefix {
            throw SettingError(
                "QUARANTINE_BUCKET and ACCEPTED_BUCKET are the same place: one would overwrite the other")
        }
    }

    /// Whether an object is something that a function with these settings has written: it is not to be validated in turn.
    func isOwnWriting(bucket: String, key: String) -> Bool {
        key.hasSuffix(".validation.json")
            || [quarantine, accepted].contains {
                // A whole bucket of rows can't be an object's own: that is refused below.
                guard let place = $0, !place.prefix.isEmpty else { return false }
                return place.bucket == bucket && key.hasPrefix(place.prefix)
            }
    }

    /// Throws where the rows of this object would be stored in the object's own place.
    func check(bucket: String, key: String) throws(SettingError) {
        for case let place? in [quarantine, accepted] where place.bucket == bucket && place.prefix.isEmpty {
            throw SettingError(
                "\(place.setting) is the bucket of s3://\(bucket)/\(key) itself: give another one, or a prefix in it, "
                    + "such as s3://\(bucket)/\(place.setting == "ACCEPTED_BUCKET" ? "accepted" : "quarantine")/")
        }
    }
}

/// A bucket, and what stands before the keys in it.
struct Place: Sendable {
    /// The variable that named it.
    let setting: String
    let bucket: String
    /// Empty, or ending in `/`.
    let prefix: String

    init(_ setting: String, _ value: String) throws(SettingError) {
        self.setting = setting
        var rest = value[...]
        if rest.hasPrefix("s3://") {
            rest = rest.dropFirst(5)
        } else if rest.contains("/") {
            throw SettingError("\(setting) is '\(value)'; expected a bucket's name or s3://bucket/prefix/")
        }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty else {
            throw SettingError("\(setting) is '\(value)', which names no bucket; expected s3://bucket/prefix/")
        }
        bucket = String(name)
        let tail = parts.count == 2 ? String(parts[1]) : ""
        prefix = tail.isEmpty || tail.hasSuffix("/") ? tail : tail + "/"
    }

    func key(for key: String) -> String { prefix + key }
}

/// A setting that can't be used: a mistake of whoever deployed the function, so an error and no answer.
public struct SettingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Which setting, what it is, and what was expected.
    public let description: String

    /// A mistake in words.
    public init(_ description: String) { self.description = description }
}
