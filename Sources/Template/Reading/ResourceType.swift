/// The resource types that a template may have here.
enum ResourceType: String, CaseIterable {
    case bucket = "AWS::S3::Bucket"
    case function = "AWS::Serverless::Function"
    case alarm = "AWS::CloudWatch::Alarm"
    case logGroup = "AWS::Logs::LogGroup"
    case metricFilter = "AWS::Logs::MetricFilter"
    case topic = "AWS::SNS::Topic"
    case subscription = "AWS::SNS::Subscription"
    case queue = "AWS::SQS::Queue"
    case cluster = "AWS::EMR::Cluster"
    case rule = "AWS::Events::Rule"
    case serverlessStateMachine = "AWS::Serverless::StateMachine"
    case stateMachine = "AWS::StepFunctions::StateMachine"
    case role = "AWS::IAM::Role"
    case policy = "AWS::IAM::Policy"
    case managedPolicy = "AWS::IAM::ManagedPolicy"
    case instanceProfile = "AWS::IAM::InstanceProfile"
    case permission = "AWS::Lambda::Permission"
    case bucketPolicy = "AWS::S3::BucketPolicy"
    case topicPolicy = "AWS::SNS::TopicPolicy"
    case queuePolicy = "AWS::SQS::QueuePolicy"
    case logResourcePolicy = "AWS::Logs::ResourcePolicy"
    case key = "AWS::KMS::Key"
    case keyAlias = "AWS::KMS::Alias"
    case securityGroup = "AWS::EC2::SecurityGroup"
    case dashboard = "AWS::CloudWatch::Dashboard"

    /// Types that have no effect here: permissions, keys, network, and pictures of what is measured.
    var mattersOnlyOnAWS: Bool {
        switch self {
        case .role, .policy, .managedPolicy, .instanceProfile, .permission, .bucketPolicy, .topicPolicy, .queuePolicy,
            .logResourcePolicy, .key, .keyAlias, .securityGroup, .dashboard:
            true
        case .bucket, .function, .alarm, .logGroup, .metricFilter, .topic, .subscription, .queue, .cluster, .rule,
            .serverlessStateMachine, .stateMachine:
            false
        }
    }

    /// Types that people are likely to write, with what to do instead.
    static let unsupported: [String: String] = [
        "AWS::CloudWatch::CompositeAlarm":
            "composite alarms are not supported: give each of its alarms its own actions",
        "AWS::Logs::SubscriptionFilter":
            "subscription filters are not supported: use an AWS::Logs::MetricFilter, or read the log group",
        "AWS::Lambda::Function": "not supported: use AWS::Serverless::Function",
        "AWS::Lambda::EventInvokeConfig": "not supported: use EventInvokeConfig of AWS::Serverless::Function",
        "AWS::Events::EventBus": "not supported: there is one event bus, 'default'",
        "AWS::Scheduler::Schedule":
            "not supported: use a ScheduleV2 event of AWS::Serverless::Function or AWS::Serverless::StateMachine",
        "AWS::EMR::Step":
            "not supported: use Steps of AWS::EMR::Cluster, or a state machine's elasticmapreduce:addStep",
        "AWS::Serverless::LayerVersion": "layers are not supported: put their files into the function's own folder",
        "AWS::Lambda::LayerVersion": "layers are not supported: put their files into the function's own folder",
    ]

    /// The property that holds the physical name.
    var nameProperty: String? {
        switch self {
        case .bucket: "BucketName"
        case .function: "FunctionName"
        case .alarm: "AlarmName"
        case .logGroup: "LogGroupName"
        case .metricFilter: "FilterName"
        case .topic: "TopicName"
        case .queue: "QueueName"
        case .rule, .serverlessStateMachine: "Name"
        case .stateMachine: "StateMachineName"
        case .role: "RoleName"
        case .cluster, .subscription, .policy, .managedPolicy, .instanceProfile, .permission, .bucketPolicy,
            .topicPolicy, .queuePolicy, .logResourcePolicy, .key, .keyAlias, .securityGroup, .dashboard:
            nil
        }
    }

    /// The property that says in which namespace the name must be unique; types with the same word share it.
    var namespace: String? {
        switch self {
        case .serverlessStateMachine, .stateMachine: "state machine"
        case .bucket: "bucket"
        case .function: "function"
        case .alarm: "alarm"
        case .logGroup: "log group"
        case .topic: "topic"
        case .queue: "queue"
        case .rule: "rule"
        default: nil
        }
    }
}

/// A resource as it is written, before its properties are read.
struct RawResource {
    var id: String
    var idLocation: SourceLocation
    var type: ResourceType
    /// The resource's whole object.
    var node: Node
    /// With `Globals` merged in.
    var properties: Node

    var path: String { "Resources.\(id)" }
}
