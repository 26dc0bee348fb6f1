import Events
import Template
import Testing

/// The template of this repository, found from this file's own place.
let shipped: String = {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return "/\(folder)/functions/template.yaml"
}()

@Suite("The pipeline that ships")
struct ShippedTemplateTests {
    @Test("every resource is read and wired to the next")
    func wiring() throws {
        let template = try SAMTemplate.load(path: shipped)
        #expect(template.buckets.map(\.name) == ["raw", "curated", "scripts"])
        let function = try #require(template.functions.first)
        #expect(function.name == "validate-flights")
        #expect(function.codePath.hasSuffix("/functions/validate-flights"))
        #expect(function.runtime == "provided.al2023")
        #expect(function.timeout == 60)
        let notification = try #require(template.buckets[0].lambdaConfigurations.first)
        #expect(notification.function == function.arn)
        #expect(notification.prefix == "flights/")
        #expect(notification.suffix == ".csv.gz")
        #expect(function.eventInvokeConfig.onSuccess?.kind == .eventBus)
        #expect(function.eventInvokeConfig.onSuccess?.arn == AccountRegion().eventBus())
        let rule = try #require(template.rules.first)
        #expect(rule.eventPattern?.json["detail"]?["responsePayload"]?["passed"] == [true])
        #expect(rule.eventPattern?.json["resources"] == .array([.string("\(function.arn):$LATEST")]))
        let machine = try #require(template.stateMachines.first)
        #expect(rule.targets.map(\.arn) == [machine.arn])
        let parameters = machine.definition.json["States"]?["Transform"]?["Parameters"]
        #expect(parameters?["ClusterId"]?.string == template.clusters.first?.jobFlowID)
        #expect(template.clusters.first?.jobFlowID == "j-SLUICE0000001")
        #expect(template.alarms.map(\.name) == ["flights-rejected", "validate-flights-errors", "flights-etl-failed"])
        #expect(template.alarms.allSatisfy { $0.alarmActions == template.topics.map(\.arn) })
    }

    @Test("a place in the definition is a place in its file")
    func definitionPlaces() throws {
        let machine = try #require(try SAMTemplate.load(path: shipped).stateMachines.first)
        let place = machine.definition.location(of: "/States/Transform/Next")
        #expect(place.file.hasSuffix("functions/flights-pipeline.asl.json"))
        #expect(place.line == 36)
        #expect(machine.definition.location(of: "/States/Transform/Next/deeper") == place)
    }

    @Test("each property that matters only on AWS is named once")
    func warnings() throws {
        let warnings = try SAMTemplate.load(path: shipped).warnings
        #expect(warnings.allSatisfy { $0.severity == .warning })
        let policies = warnings.filter { $0.message.hasPrefix("Policies ") }
        #expect(policies.count == 1)
        #expect(policies.first?.message.contains("ValidateFlights, FlightsPipeline") == true)
    }
}
