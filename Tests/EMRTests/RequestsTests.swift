import Events
import Storage
import Testing

@testable import EMR

@Suite(.timeLimit(.minutes(2))) struct RequestsTests {
    @Test("a request's shape is read member by member, and a fault is named with its path")
    func shapes() throws {
        let json = try JSON(
            parsing: """
                {"Name": "n", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar",
                "Args": ["a"], "Properties": [{"Key": "k", "Value": "v"}]}}
                """)
        let config = try StepConfig(json: json)
        #expect(config.hadoopJarStep == HadoopJarStep(jar: "command-runner.jar", args: ["a"], properties: ["k": "v"]))
        #expect(config.hadoopJarStep.json["Properties"] == ["k": "v"], "a list in the request, a map in the answer")
        #expect(throws: ShapeError("Step.HadoopJarStep.Jar", expected: "string", found: nil)) {
            try StepConfig(json: ["Name": "n", "HadoopJarStep": [:]])
        }
        #expect(throws: EMRError.self) {
            try StepConfig(json: ["Name": "n", "ActionOnFailure": "EXPLODE", "HadoopJarStep": ["Jar": "x"]])
        }
    }

    @Test("lengths are limited as EMR limits them")
    func limits() {
        #expect(throws: EMRError.self) { try TestRoom.bash("x", name: String(repeating: "n", count: 257)).validate() }
        #expect(throws: EMRError.self) { try TestRoom.bash(String(repeating: "x", count: 10240)).validate() }
    }

    @Test("steps are listed newest first, 50 a page, or by id")
    func listing() async throws {
        let room = try TestRoom()
        try await room.clusters.start()
        let configs = (0..<60).map { TestRoom.bash("true", name: "n\($0)") }
        let ids = try await room.clusters.addSteps(configs, to: TestRoom.clusterID)
        let page = try room.clusters.listSteps(of: TestRoom.clusterID)
        #expect(page["Steps"]?.array?.count == 50)
        #expect(page["Steps"]?[0]?["Id"]?.string == ids[59])
        let rest = try room.clusters.listSteps(of: TestRoom.clusterID, marker: page["Marker"]?.string)
        #expect(rest["Steps"]?.array?.compactMap { $0["Id"]?.string } == ids[..<10].reversed())
        #expect(rest["Marker"] == nil)
        let some = try room.clusters.listSteps(of: TestRoom.clusterID, ids: [ids[3], ids[1]])
        #expect(some["Steps"]?.array?.compactMap { $0["Name"]?.string } == ["n3", "n1"])
        #expect(throws: EMRError.noStep("s-X")) { try room.clusters.listSteps(of: TestRoom.clusterID, ids: ["s-X"]) }
    }

    @Test("more than 256 steps that wait or run are refused")
    func tooMany() async throws {
        let room = try TestRoom()
        try await room.clusters.start()
        _ = try await room.clusters.addSteps((0..<256).map { _ in TestRoom.bash("true") }, to: TestRoom.clusterID)
        await #expect(throws: EMRError.tooManySteps) { try await room.add(TestRoom.bash("true")) }
    }

    @Test("an unknown cluster is refused in EMR's words")
    func unknown() async throws {
        let room = try TestRoom()
        try await room.clusters.start()
        await #expect(throws: EMRError.noCluster("j-NONE")) {
            try await room.clusters.addSteps([TestRoom.bash("true")], to: "j-NONE")
        }
        #expect(EMRError.noCluster("j-NONE").message == "Cluster id 'j-NONE' is not valid.")
    }

    @Test("a job-flow id made from a name is always the same, and looks like one")
    func jobFlowID() {
        let id = ClusterConfiguration.jobFlowID(forName: "Etl")
        #expect(id == ClusterConfiguration.jobFlowID(forName: "Etl"))
        #expect(id != ClusterConfiguration.jobFlowID(forName: "Etl2"))
        #expect(id.hasPrefix("j-") && id.utf8.count == 15)
    }
}
