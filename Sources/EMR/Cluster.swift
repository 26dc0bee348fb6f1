public import Events

/// A cluster as the template describes it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-emr-cluster.html>
public struct ClusterConfiguration: Sendable, Hashable {
    /// The `JobFlowId`, `j-` and letters and digits; see ``jobFlowID(forName:)``.
    public var id: String
    /// The name that people gave it.
    public var name: String
    /// Where a copy of the logs goes, `s3://BUCKET/PREFIX/`; nil for none but the host's own.
    public var logURI: String?
    /// For example `emr-7.9.0`; shown, and without effect here.
    public var releaseLabel: String?
    /// How many steps may run at a time, 1 to 256.
    public var stepConcurrencyLevel: Int
    /// Whether the cluster waits for more steps when there are none; otherwise it terminates.
    public var keepJobFlowAliveWhenNoSteps: Bool
    /// The steps that run when the cluster first comes to be.
    public var steps: [StepConfig]
    /// Spark's master: `local[*]`, or the URL of a cluster, `spark://HOST:7077`.
    public var master: String
    /// Ends a step that runs longer, as failed; nil for never. EMR has no such limit of its own.
    public var stepTimeout: Duration?

    /// A cluster; only its id and name have no default.
    public init(
        id: String, name: String, logURI: String? = nil, releaseLabel: String? = nil, stepConcurrencyLevel: Int = 1,
        keepJobFlowAliveWhenNoSteps: Bool = true, steps: [StepConfig] = [], master: String = "local[*]",
        stepTimeout: Duration? = nil
    ) {
        self.id = id
        self.name = name
        self.logURI = logURI
        self.releaseLabel = releaseLabel
        self.stepConcurrencyLevel = stepConcurrencyLevel
        self.keepJobFlowAliveWhenNoSteps = keepJobFlowAliveWhenNoSteps
        self.steps = steps
        self.master = master
        self.stepTimeout = stepTimeout
    }

    /// A `JobFlowId` that is always the same for a resource's logical name, for templates that name none.
    public static func jobFlowID(forName name: String) -> String {
        // FNV-1a, twice the width of what a name needs to stay apart from its neighbours.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 36, uppercase: true)
        return "j-" + String(repeating: "0", count: 13 - digits.count) + digits
    }
}

/// A cluster and where it stands.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/API_Cluster.html>
public struct Cluster: Sendable, Hashable {
    /// The `JobFlowId`.
    public var id: String
    /// The name that people gave it.
    public var name: String
    /// Where it stands.
    public var state: ClusterState
    /// How many steps may run at a time.
    public var stepConcurrencyLevel: Int
    /// Whether it waits for more steps when there are none.
    public var keepJobFlowAliveWhenNoSteps: Bool
    /// Where a copy of the logs goes.
    public var logURI: String?
    /// For example `emr-7.9.0`.
    public var releaseLabel: String?
    /// When it came to be.
    public var created: Timestamp
    /// When it ended.
    public var ended: Timestamp?
    /// `ALL_STEPS_COMPLETED`, `STEP_FAILURE`, `USER_REQUEST`; nil before the end.
    public var reasonCode: String?
    /// The reason in words.
    public var reason: String?

    /// The answer of `DescribeCluster`.
    public func json(_ place: AccountRegion) -> JSON {
        var answer = summary(place)
        answer["LogUri"] = logURI.map(JSON.string)
        answer["ReleaseLabel"] = releaseLabel.map(JSON.string)
        answer["AutoTerminate"] = JSON(!keepJobFlowAliveWhenNoSteps)
        answer["TerminationProtected"] = false
        answer["VisibleToAllUsers"] = true
        answer["Applications"] = [["Name": "Spark"]]
        answer["Tags"] = []
        answer["StepConcurrencyLevel"] = JSON(stepConcurrencyLevel)
        return answer
    }

    /// An element of `ListClusters`.
    public func summary(_ place: AccountRegion) -> JSON {
        [
            "Id": .string(id), "Name": .string(name),
            "Status": [
                "State": .string(state.rawValue),
                "StateChangeReason": .compact([
                    "Code": reasonCode.map(JSON.string), "Message": reason.map(JSON.string),
                ]),
                "Timeline": .compact([
                    "CreationDateTime": JSON(created.seconds), "ReadyDateTime": JSON(created.seconds),
                    "EndDateTime": ended.map { JSON($0.seconds) },
                ]),
            ],
            "NormalizedInstanceHours": 0, "ClusterArn": .string(place.cluster(id).description),
        ]
    }
}
