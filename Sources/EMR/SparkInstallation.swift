import Glibc

/// Apache Spark as `make setup` has put it into the user's cache folder.
public struct SparkInstallation: Sendable, Hashable {
    /// The name of the engine's folder: Spark's version and a fingerprint of what was built around it. The set-up script
    /// makes the same name; a test compares the two.
    public static let folderName = "spark-3.5.9-64614d6bd4da"

    /// The `java` that runs it.
    public var java: String
    /// The Python of its virtual environment.
    public var python: String
    /// The folder of Spark itself, in the virtual environment.
    public var sparkHome: String
    /// For example `3.5.9`.
    public var sparkVersion: String
    /// Our own jar first, then all of Spark's, separated by colons.
    public var classPath: String
    /// The options that Spark needs of java, and those that shorten its start.
    public var javaOptions: [String]

    /// An engine from its parts; ``find(environment:)`` is the usual way.
    public init(
        java: String, python: String, sparkHome: String, sparkVersion: String, classPath: String, javaOptions: [String]
    ) {
        self.java = java
        self.python = python
        self.sparkHome = sparkHome
        self.sparkVersion = sparkVersion
        self.classPath = classPath
        self.javaOptions = javaOptions
    }

    /// Our own jar: the file system and the listener.
    var ownJar: String { classPath.split(separator: ":").first.map(String.init) ?? "" }

    /// The cache folder that all clones share: `$XDG_CACHE_HOME/sluice` or `~/.cache/sluice`.
    public static func cacheFolder(environment: [String: String]) -> String {
        if let cache = environment["XDG_CACHE_HOME"], !cache.isEmpty { return "\(cache)/sluice" }
        return "\(environment["HOME"] ?? "")/.cache/sluice"
    }

    /// Finds the engine. Throws ``EngineMissing``, which lists what is not there.
    public static func find(environment: [String: String]) throws(EngineMissing) -> SparkInstallation {
        let folder = "\(cacheFolder(environment: environment))/\(folderName)"
        guard let properties = TextFile.read("\(folder)/engine.properties"),
            let options = TextFile.read("\(folder)/java.args")
        else { throw EngineMissing(missing: ["Apache Spark (\(folder))"]) }
        var values: [String: String] = [:]
        for line in properties.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        let installation = SparkInstallation(
            java: values["java"] ?? "", python: values["python"] ?? "", sparkHome: values["sparkHome"] ?? "",
            sparkVersion: values["sparkVersion"] ?? "", classPath: values["classPath"] ?? "",
            javaOptions: options.split(separator: "\n").map(String.init))
        let missing = installation.check()
        guard missing.isEmpty else { throw EngineMissing(missing: missing) }
        return installation
    }

    /// What of the engine is not where it should be, in words for a person; empty when all is there.
    public func check() -> [String] {
        var missing: [String] = []
        if access(java, X_OK) != 0 { missing.append("Java (\(java))") }
        if access(python, X_OK) != 0 { missing.append("Python for Spark (\(python))") }
        if access("\(sparkHome)/jars", R_OK) != 0 { missing.append("Apache Spark (\(sparkHome))") }
        if access(ownJar, R_OK) != 0 { missing.append("the file system for s3:// (\(ownJar))") }
        return missing
    }
}

/// Spark, or a part of it, is not on this machine.
public struct EngineMissing: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is missing, each with its place.
    public let missing: [String]

    /// One sentence for a person, with the way out.
    public var description: String {
        "Spark steps cannot run here: \(missing.joined(separator: ", ")) is missing. "
            + "'make setup' installs it; 'sluice doctor' shows what else is needed."
    }
}
