public import Events

/// A rule of an event bus: `AWS::Events::Rule`, or one that SAM makes for an event of a function or state machine.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html>
public struct RuleResource: TemplateResource {
    /// Its logical id, type and place.
    public let source: ResourceSource
    /// `Name`; without it the logical id (for an event of a function: the function's and the event's logical id).
    public let name: String
    /// Its ARN.
    public let arn: ARN
    /// Its `Description`.
    public internal(set) var description: String?
    /// The bus's name.
    public internal(set) var eventBusName = "default"
    /// Which events it matches; nil for a rule that only has a schedule.
    public internal(set) var eventPattern: LocatedJSON?
    /// `rate(…)` or `cron(…)`, in UTC.
    public internal(set) var scheduleExpression: String?
    /// False for `DISABLED`.
    public internal(set) var isEnabled = true
    /// Who gets the events: at most five.
    public internal(set) var targets: [Target] = []

    /// Who gets an event that matches, and what of it.
    public struct Target: Sendable, Hashable {
        /// Its id within the resource.
        public var id: String
        /// Its ARN.
        public var arn: ARN
        /// What it gets of the event.
        public var input = Input.event
        /// 0 to 185.
        public var maximumRetryAttempts = 185
        /// Seconds: 60 to 86400.
        public var maximumEventAgeInSeconds = 86400
        /// A queue's ARN.
        public var deadLetterTarget: ARN?
        /// Where it stands.
        public var location: SourceLocation
    }

    /// What a target gets.
    public enum Input: Sendable, Hashable {
        /// The event as it is.
        case event
        /// A constant JSON text.
        case constant(String)
        /// The part of the event that a path such as `$.detail` names.
        case path(String)
        /// A template with the values of paths put in.
        case transformer(paths: [String: String], template: String)
    }
}

extension RuleResource {
    init(_ properties: PropertyReader, _ resource: RawResource) {
        source = ResourceSource(resource)
        name = properties.scope.name(of: resource)
        _ = properties.string("Name", length: 1...64, allowed: "letters, digits and . - _", Self.isAllowed)
        let bus = Self.bus(properties)
        eventBusName = bus
        arn = properties.scope.account.rule(name, bus: bus)
        description = properties.string("Description", length: 0...512)
        eventPattern = Self.pattern("EventPattern", properties)
        scheduleExpression = ScheduleExpression.check("ScheduleExpression", properties, once: false)
        if !properties.has("EventPattern"), !properties.has("ScheduleExpression") {
            properties.diagnostics.error(
                "EventPattern or ScheduleExpression is missing", at: properties.location, path: properties.path)
        }
        if scheduleExpression != nil, bus != "default" {
            properties.error("only rules of the default bus can have a schedule", "ScheduleExpression")
        }
        isEnabled = properties.choice("State", State.self) != .disabled
        for entry in properties.objects("Targets") ?? [] {
            entry.require("Arn", "Id")
            let id = entry.string("Id", length: 1...64, allowed: "letters, digits and . - _", Self.isAllowed)
            if let id, targets.contains(where: { $0.id == id }) { entry.error("a second target '\(id)'", "Id") }
            let arn = entry.arn("Arn", services: ["lambda", "states", "sns", "sqs", "events", "logs"])
            var target = Target(id: id ?? "", arn: arn ?? self.arn, location: entry.location)
            target.read(entry, deadLetters: "DeadLetterConfig")
            entry.unsupported([
                "AppSyncParameters": "", "BatchParameters": "", "EcsParameters": "", "HttpParameters": "",
                "KinesisParameters": "", "RedshiftDataParameters": "", "RunCommandParameters": "",
                "SageMakerPipelineParameters": "", "SqsParameters": "FIFO queues are not supported",
            ])
            entry.mattersOnlyOnAWS("RoleArn")
            entry.finish()
            if arn != nil { targets.append(target) }
        }
        if targets.count > 5 { properties.error("\(targets.count) targets; five are allowed", "Targets") }
        properties.mattersOnlyOnAWS("RoleArn", "Tags")
        properties.finish()
    }

    /// The rule that SAM makes for an event of a function or state machine.
    init(event: PropertyReader, id: String, name: String, of resource: RawResource, target: ARN) {
        source = ResourceSource(resource)
        self.name = name
        let bus = Self.bus(event)
        eventBusName = bus
        arn = event.scope.account.rule(name, bus: bus)
        var only = Target(id: "\(id)Target", arn: target, location: event.location)
        if let settings = event.object("Target") {
            only.id = settings.string("Id", length: 1...64) ?? only.id
            settings.finish()
        }
        only.read(event, deadLetters: "DeadLetterConfig")
        targets = [only]
        description = event.string("Description", length: 0...512)
        let state = event.choice("State", State.self)
        if event.has("State"), event.has("Enabled") { event.error("State and Enabled exclude each other", "Enabled") }
        isEnabled = state != .disabled && event.bool("Enabled") != false
    }

    enum State: String, CaseIterable {
        case enabled = "ENABLED"
        case disabled = "DISABLED"
    }

    static func isAllowed(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || ".-_".contains(character))
    }

    /// A bus by its name or ARN; there is one bus.
    private static func bus(_ reader: PropertyReader) -> String {
        guard let text = reader.string("EventBusName") else { return "default" }
        let name = ARN(text)?.name ?? text
        if name != "default" { reader.error("'\(name)': there is one event bus, 'default'", "EventBusName") }
        return name
    }

    /// A pattern as an object or as JSON in a string.
    static func pattern(_ key: String, _ reader: PropertyReader) -> LocatedJSON? {
        guard let node = reader.value(key) else { return nil }
        if let text = node.text {
            do {
                let json = try JSON(parsing: text)
                guard json.object != nil else {
                    reader.error("expected an object, found \(json.kind)", key)
                    return nil
                }
                return LocatedJSON(json: json, location: node.location)
            } catch {
                reader.error("no JSON: \(error)", key)
                return nil
            }
        }
        guard let members = node.mapping else {
            reader.error("expected an object, found \(node.kind)", key)
            return nil
        }
        if members.isEmpty { reader.error("an empty pattern matches nothing", key) }
        return LocatedJSON(node)
    }
}

extension RuleResource.Target {
    /// Reads what is alike for targets of rules and for events of functions.
    mutating func read(_ reader: PropertyReader, deadLetters key: String) {
        var inputs: [String] = []
        if let text = reader.jsonText("Input") {
            inputs.append("Input")
            input = .constant(text)
        }
        if let path = reader.string("InputPath") {
            inputs.append("InputPath")
            if path.first != "$" { reader.error("'\(path)' is no path: it starts with $", "InputPath") }
            input = .path(path)
        }
        if let transformer = reader.object("InputTransformer") {
            inputs.append("InputTransformer")
            transformer.require("InputTemplate")
            let paths = transformer.stringMap("InputPathsMap") ?? []
            for (key, path, location) in paths where path.first != "$" {
                transformer.diagnostics.error(
                    "'\(path)' is no path: it starts with $", at: location,
                    path: "\(transformer.path("InputPathsMap")).\(key)")
            }
            input = .transformer(
                paths: Dictionary(paths.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }),
                template: transformer.string("InputTemplate", length: 1...8192) ?? "")
            transformer.finish()
        }
        if inputs.count > 1 {
            reader.error("\(inputs.joined(separator: " and ")) exclude each other", inputs[1])
        }
        if let retry = reader.object("RetryPolicy") {
            maximumRetryAttempts = retry.int("MaximumRetryAttempts", in: 0...185) ?? maximumRetryAttempts
            maximumEventAgeInSeconds =
                retry.int("MaximumEventAgeInSeconds", in: 60...86400, unit: "seconds") ?? maximumEventAgeInSeconds
            retry.finish()
        }
        if let letters = reader.object(key) {
            if letters.raw("Arn") == nil, letters.raw("Type") != nil {
                letters.error("a queue made by SAM is not supported: give the Arn of one", "Type")
            }
            deadLetterTarget = letters.arn("Arn", services: ["sqs"])
            _ = letters.raw("Type")
            _ = letters.raw("QueueLogicalId")
            letters.finish()
        }
    }
}

extension PropertyReader {
    /// A string that must be JSON, as a target's constant input.
    func jsonText(_ key: String) -> String? {
        guard let text = string(key) else { return nil }
        do {
            _ = try JSON(parsing: text)
            return text
        } catch {
            self.error("no JSON: \(error)", key)
            return nil
        }
    }
}
