internal import Events

/// `Events` of a function or state machine: what SAM makes of each.
struct EventReader {
    let scope: Scope
    let resource: RawResource

    private static let types = ["S3", "EventBridgeRule", "CloudWatchEvent", "Schedule", "ScheduleV2"]
    private static let others = [
        "SNS", "SQS", "Api", "HttpApi", "Kinesis", "DynamoDB", "DocumentDB", "MSK", "MQ", "SelfManagedKafka",
        "CloudWatchLogs", "IoTRule", "AlexaSkill", "Cognito",
    ]

    func read(into template: inout SAMTemplate) {
        // Faults of the properties around have been told.
        guard let target = scope.arn(of: resource),
            let properties = PropertyReader(
                resource.properties, scope: scope, path: "\(resource.path).Properties", location: resource.idLocation,
                owner: resource.id)
        else { return }
        for (id, event) in properties.namedObjects("Events") ?? [] {
            event.require("Type", "Properties")
            let type = event.string("Type")
            if let type, let settings = event.object("Properties") {
                read(type, id: resource.id + id, event, settings, target, into: &template)
            }
            event.finish()
        }
    }

    private func read(
        _ type: String, id: String, _ event: PropertyReader, _ settings: PropertyReader, _ target: ARN,
        into template: inout SAMTemplate
    ) {
        switch type {
        case "S3" where resource.type == .function: readS3(id: id, settings, target, into: &template)
        case "EventBridgeRule", "CloudWatchEvent":
            settings.require("Pattern")
            let name = settings.string(
                "RuleName", length: 1...64, allowed: "letters, digits and . - _", RuleResource.isAllowed)
            var rule = RuleResource(event: settings, id: id, name: name ?? id, of: resource, target: target)
            rule.eventPattern = RuleResource.pattern("Pattern", settings)
            template.rules.append(rule)
            settings.finish()
        case "Schedule":
            settings.require("Schedule")
            let name = settings.string(
                "Name", length: 1...64, allowed: "letters, digits and . - _", RuleResource.isAllowed)
            var rule = RuleResource(event: settings, id: id, name: name ?? id, of: resource, target: target)
            rule.scheduleExpression = ScheduleExpression.check("Schedule", settings, once: false)
            settings.mattersOnlyOnAWS("RoleArn")
            template.rules.append(rule)
            settings.finish()
        case "ScheduleV2":
            template.schedules.append(ScheduleResource(event: settings, name: id, of: resource, target: target))
        default:
            let known = resource.type == .function ? Self.types : Array(Self.types.dropFirst())
            if Self.others.contains(type) || Self.types.contains(type) {
                event.error("'\(type)' is not supported: one of \(known.joined(separator: ", ")) is expected", "Type")
            } else {
                event.error(
                    "unknown type of event '\(type)'", "Type", suggestion: Suggestion.closest(to: type, in: known))
            }
        }
    }

    /// SAM adds the function to the notification configuration of the bucket, which must be one of the same template.
    private func readS3(id: String, _ settings: PropertyReader, _ target: ARN, into template: inout SAMTemplate) {
        settings.require("Bucket", "Events")
        let filter = KeyFilter(settings)
        var events: [String] = []
        if let node = settings.value("Events") {
            if let text = node.text {
                events = S3EventName.check([text], settings, "Events")
            } else {
                events = S3EventName.check(settings.strings("Events") ?? [], settings, "Events")
                if node.sequence?.isEmpty == true { settings.error("no event in it", "Events") }
            }
        }
        settings.finish()
        guard let bucket = settings.raw("Bucket") else { return }
        guard let reference = bucket["Ref"]?.text else {
            settings.error("SAM needs a !Ref to a bucket of this template", "Bucket")
            return
        }
        guard let index = template.buckets.firstIndex(where: { $0.logicalID == reference }) else {
            if scope.resources[reference] != nil || scope.parameters[reference]?.isFailed == false {
                settings.error("'\(reference)' is no bucket of this template", "Bucket")
            }
            return
        }
        guard !events.isEmpty else { return }
        template.buckets[index].lambdaConfigurations.append(
            BucketResource.LambdaFunctionConfiguration(
                id: id, events: events, prefix: filter.prefix, suffix: filter.suffix, function: target,
                location: settings.location, path: settings.path))
    }
}
