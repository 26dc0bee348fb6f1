import Events
import Foundation
import Testing

/// Kills the host with SIGKILL at random moments while files come, change and go, and compares what it did with a plain model.
///
/// `make torture KILLS=300 FILES=2000 SEED=1` runs it at length; the suite runs a little of it.
@Suite("Torture")
struct TortureTests {
    private static func setting(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }

    @Test("SIGKILL at random moments: every version has its one outcome, and no step runs twice")
    func torture() async throws {
        let (kills, files) = (Self.setting("KILLS", 10), Self.setting("FILES", 60))
        let seed = Self.setting("SEED", Int.random(in: 1...1_000_000))
        let phases = max(1, min(kills / 5, 40))
        let project = try TestProject.chain(thenSteps: "case $key in *[02468ACE]) sleep 0.05;; esac")
        try project.install("echo-function", as: "gate")
        let ledger = project.ledger
        var dice = Dice(UInt64(seed))
        var writer = TortureWriter(bucket: project.lake + "/raw", aside: project.root + "/aside")
        let program = ["up", "--project", project.root, "--port", "0", "--json"]
        var killed = 0
        let speaks = kills > 50
        for phase in 1...phases {
            while killed < kills * phase / phases {
                for _ in 0..<dice.below(4) { writer.step(&dice) }
                guard let host = TortureHost(program, environment: project.sparkEnvironment) else {
                    throw HostProcess.Failure("sluice could not be started")
                }
                let steps = max(1, files / kills)
                let isEarly = dice.chance(25)
                if !isEarly { host.wait(lines: 1, milliseconds: 60_000) }
                for _ in 0..<dice.below(2 * steps) + 1 {
                    writer.step(&dice)
                    if dice.chance(20) {
                        host.wait(lines: host.lines + 1 + dice.below(6), milliseconds: dice.below(80))
                    }
                }
                // Somewhere between the start and the last step's end.
                if isEarly {
                    host.wait(lines: 1, milliseconds: dice.below(300))
                } else {
                    host.wait(lines: host.lines + dice.below(10 * steps), milliseconds: dice.below(600))
                }
                if dice.chance(10) {
                    let isReady = host.isReady
                    let status = host.end(SIGTERM)
                    if isReady {
                        #expect(status == 0, "SIGTERM ended the host with the wait status \(status); SEED=\(seed)")
                    }
                } else {
                    let status = host.end(SIGKILL)
                    #expect(
                        status == SIGKILL, "the host had ended by itself with the wait status \(status); SEED=\(seed)")
                    killed += 1
                }
            }
            writer.settle()
            let result = try await project.sluice(
                "up", "--port", "0", "--until-idle", environment: project.sparkEnvironment)
            #expect(result.status == 0, "\(result.error) SEED=\(seed)")
            let model = try TortureModel(project, writer, ledger)
            let violations = model.violations()
            if speaks {
                // To standard error, which is not held back.
                let line = "torture: SEED=\(seed), \(killed) of \(kills) kills: \(model.summary)\n"
                FileHandle.standardError.write(Data(line.utf8))
            }
            #expect(
                violations.isEmpty,
                "SEED=\(seed), after \(killed) kills, \(violations.count) violations: \(violations.prefix(10))")
            if !violations.isEmpty { return }
        }
    }
}
