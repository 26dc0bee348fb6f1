public import Events

/// A cluster that runs Spark steps: `AWS::EMR::Cluster`.
///
/// What AWS can't know stands in `Metadata: Sluice:`: `JobFlowId`, the id that the cluster has here, and `Master`, the
/// Spark
/// master that its steps run on.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-emr-cluster.html>
public struct ClusterResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// Its name.
    public let name: String
    /// `JobFlowId` of the metadata; without it one that is made from the logical id and stays the same.
    public let jobFlowID: String
    /// Its ARN.
    public let arn: ARN
    /// The Spark master, for example `local[2]` or `spark://host:7077`; nil: this machine.
    public internal(set) var master: String?
    /// An `s3://` URI; nil: step logs are kept only in the host's own folder.
    public internal(set) var logURI: String?
    /// For example `emr-7.9.0`.
    public internal(set) var releaseLabel: String?
    /// For example `Spark`.
    public internal(set) var applications: [String] = []
    /// Steps that run at the same time: 1 to 256.
    public internal(set) var stepConcurrencyLevel = 1
    /// Whether it goes on waiting for steps once it has none.
    public internal(set) var keepJobFlowAliveWhenNoSteps = true
    /// Whether it refuses to be terminated.
    public internal(set) var terminationProtected = false
    /// Steps that run when the cluster starts.
    public internal(set) var steps: [Step] = []
    /// Settings of its applications.
    public internal(set) var configurations: [Configuration] = []

    /// One step.
    public struct Step: Sendable, Hashable {
        /// Its name.
        public var name = ""
        /// What happens when it fails.
        public var actionOnFailure = ActionOnFailure.continue
        /// For example `command-runner.jar`.
        public var jar = ""
        /// The class to run; nil: as the jar says.
        public var mainClass: String?
        /// For example `spark-submit` and what follows it.
        public var args: [String] = []
        /// Names and values.
        public var properties: [String: String] = [:]
        /// Where it stands.
        public var location: SourceLocation
    }

    /// What a failed step does to the steps after it and to the cluster.
    public enum ActionOnFailure: String, Sendable, CaseIterable {
        case terminateJobFlow = "TERMINATE_JOB_FLOW"
        case terminateCluster = "TERMINATE_CLUSTER"
        case cancelAndWait = "CANCEL_AND_WAIT"
        case `continue` = "CONTINUE"
    }

    /// Settings of one of the cluster's applications, for example `spark-defaults`.
    public struct Configuration: Sendable, Hashable {
        /// For example `spark-defaults`.
        public var classification: String
        /// Names and values.
        public var properties: [String: String]
        /// Settings of its applications.
        public var configurations: [Configuration]
        /// Where it stands.
        public var location: SourceLocation
    }

    /// The id that the cluster has here, from its metadata or made from its logical id.
    static func jobFlowID(of resource: RawResource) -> String {
        if let text = resource.node["Metadata"]?["Sluice"]?["JobFlowId"]?.text { return text }
        // FNV-1a: the same at every start, and in the form that AWS gives.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in resource.id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 36, uppercase: true)
        return "j-" + String(repeating: "0", count: max(0, 13 - digits.count)) + digits.suffix(13)
    }
}

extension ClusterResource {
    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        jobFlowID = Self.jobFlowID(of: resource)
        arn = properties.scope.account.cluster(jobFlowID)
        properties.require("Name", "Instances", "JobFlowRole", "ServiceRole")
        name = properties.string("Name", length: 1...256) ?? resource.id
        logURI = properties.string("LogUri")
        if let logURI, logURI.wholeMatch(of: /s3[an]?:\/\/.+/) == nil {
            properties.error("'\(logURI)' is no s3:// URI", "LogUri")
        }
        releaseLabel = properties.string("ReleaseLabel")
        if let releaseLabel, releaseLabel.wholeMatch(of: /emr-\d+\.\d+\.\d+(-[\w.-]+)?/) == nil {
            properties.error("'\(releaseLabel)' is no release label such as emr-7.9.0", "ReleaseLabel")
        }
        for entry in properties.objects("Applications") ?? [] {
            if let name = entry.string("Name") { applications.append(name) }
            entry.mattersOnlyOnAWS("Version", "Args", "AdditionalInfo")
            entry.finish()
        }
        stepConcurrencyLevel = properties.int("StepConcurrencyLevel", in: 1...256) ?? 1
        if let instances = properties.object("Instances") { readInstances(instances) }
        steps = (properties.objects("Steps") ?? []).map(Step.init)
        if stepConcurrencyLevel > 1 {
            for step in steps where step.actionOnFailure != .continue {
                properties.diagnostics.error(
                    "with a StepConcurrencyLevel above 1 ActionOnFailure must be CONTINUE", at: step.location,
                    path: properties.path("Steps"))
            }
        }
        configurations = (properties.objects("Configurations") ?? []).map(Configuration.init)
        properties.unsupported(["BootstrapActions": "set the machine up by hand", "KerberosAttributes": ""])
        properties.mattersOnlyOnAWS(
            "AdditionalInfo", "AutoScalingRole", "AutoTerminationPolicy", "CustomAmiId", "EbsRootVolumeIops",
            "EbsRootVolumeSize", "EbsRootVolumeThroughput", "JobFlowRole", "LogEncryptionKmsKeyId",
            "ManagedScalingPolicy", "OSReleaseLabel", "PlacementGroupConfigs", "ScaleDownBehavior",
            "SecurityConfiguration", "ServiceRole", "Tags", "VisibleToAllUsers")
        properties.finish()
        readMetadata(resource, properties.scope)
    }

    private mutating func readInstances(_ reader: PropertyReader) {
        keepJobFlowAliveWhenNoSteps = reader.bool("KeepJobFlowAliveWhenNoSteps") ?? true
        terminationProtected = reader.bool("TerminationProtected") ?? false
        reader.mattersOnlyOnAWS(
            "AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups", "CoreInstanceFleet",
            "CoreInstanceGroup", "Ec2KeyName", "Ec2SubnetId", "Ec2SubnetIds", "EmrManagedMasterSecurityGroup",
            "EmrManagedSlaveSecurityGroup", "HadoopVersion", "MasterInstanceFleet", "MasterInstanceGroup", "Placement",
            "ServiceAccessSecurityGroup", "TaskInstanceFleets", "TaskInstanceGroups", "UnhealthyNodeReplacement")
        reader.finish()
    }

    private mutating func readMetadata(_ resource: RawResource, _ scope: Scope) {
        guard let metadata = resource.node["Metadata"]?.member("Sluice") else { return }
        let path = "\(resource.path).Metadata.Sluice"
        guard
            let reader = PropertyReader(
                metadata.value, scope: scope, path: path, location: metadata.keyLocation, owner: resource.id)
        else { return }
        if reader.raw("JobFlowId")?.intrinsic != nil {
            reader.error("must be written out", "JobFlowId")
        } else if let id = reader.string("JobFlowId"), id.wholeMatch(of: /j-[A-Z0-9]{1,20}/) == nil {
            reader.error("'\(id)' is no job-flow id: j- and up to 20 capital letters and digits", "JobFlowId")
        }
        master = reader.string("Master")
        if let master, master.wholeMatch(of: /local(\[(\*|\d+)(,\d+)?\])?|spark:\/\/.+|yarn|k8s:\/\/.+/) == nil {
            reader.error("'\(master)' is no Spark master: local[N], spark://host:port, yarn or k8s://…", "Master")
        }
        reader.finish()
    }
}

extension ClusterResource.Step {
    init(_ entry: PropertyReader) {
        location = entry.location
        entry.require("Name", "HadoopJarStep")
        name = entry.string("Name", length: 1...256) ?? ""
        actionOnFailure =
            entry.choice("ActionOnFailure", ClusterResource.ActionOnFailure.self) ?? .continue
        if let jarStep = entry.object("HadoopJarStep") {
            jarStep.require("Jar")
            jar = jarStep.string("Jar") ?? ""
            mainClass = jarStep.string("MainClass")
            args = jarStep.strings("Args") ?? []
            for pair in jarStep.objects("StepProperties") ?? [] {
                if let key = pair.string("Key"), let value = pair.string("Value") { properties[key] = value }
                pair.finish()
            }
            jarStep.finish()
        }
        entry.finish()
    }
}

extension ClusterResource.Configuration {
    init(_ entry: PropertyReader) {
        location = entry.location
        classification = entry.string("Classification") ?? ""
        properties = Dictionary(
            (entry.stringMap("ConfigurationProperties") ?? []).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        configurations = (entry.objects("Configurations") ?? []).map(Self.init)
        entry.finish()
    }
}
