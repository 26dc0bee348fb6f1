import Foundation
import Testing

/// The rules of the house, read off the sources: which room may know which, who holds SQL, who starts processes, who speaks HTTP.
@Suite("The house")
struct ArchitectureTests {
    private static let services: Set = ["CloudWatch", "EMR", "EventBridge", "Lambda", "S3", "StepFunctions"]
    private static let rooms: [String: Set<String>] = {
        var rooms: [String: Set<String>] = [
            "Events": [], "Validation": [], "Storage": ["Events"], "FunctionRuntime": ["Events"],
            "Template": ["Events"], "ValidationGate": ["Events", "FunctionRuntime", "Validation"],
            "Gateway": services.union(["Events"]),
        ]
        for service in services { rooms[service] = ["Events", "Storage"] }
        return rooms
    }()

    struct Source: Sendable, CustomTestStringConvertible {
        let room: String
        let name: String
        let text: String
        var testDescription: String { "\(room)/\(name)" }

        /// The modules that the file imports.
        let imports: Set<String>
        /// The code without its comments.
        let code: String

        init(room: String, name: String, text: String) {
            (self.room, self.name, self.text) = (room, name, text)
            let lines = text.split(separator: "\n").filter { !$0.drop(while: \.isWhitespace).hasPrefix("//") }
            code = lines.joined(separator: "\n")
            imports = Set(
                lines.compactMap { line in
                    // `@testable public import struct Module.Name`: the last word, up to a dot.
                    let words = line.split(separator: " ")
                    guard let place = words.firstIndex(of: "import"), let last = words.last, place + 1 < words.count,
                        words[..<place].allSatisfy({ $0.hasPrefix("@") || Self.access.contains($0) })
                    else { return nil }
                    return last.split(separator: ".").first.map(String.init)
                })
        }

        private static let access: Set<Substring> = ["public", "internal", "private", "package", "fileprivate"]

        /// Whether the code has one of the words: a search that is quick, before one by pattern.
        func mentions(_ words: String...) -> Bool { words.contains { code.range(of: $0) != nil } }
    }

    private static let sources: [Source] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("Sources")
        var sources: [Source] = []
        for case let url as URL in FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil) ?? .init()
        {
            guard url.pathExtension == "swift", let text = try? String(contentsOf: url, encoding: .utf8) else {
                continue
            }
            let path = url.path.dropFirst(root.path.count + 1)
            let parts = path.split(separator: "/", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            sources.append(Source(room: parts[0], name: parts[1], text: text))
        }
        return sources
    }()

    @Test("the sources are found: no rule below holds because there was nothing to look at")
    func found() {
        for room in Self.rooms.keys { #expect(Self.sources.contains { $0.room == room }, "\(room) has no sources") }
        let imports = Self.sources.first { $0.testDescription == "Lambda/LambdaService.swift" }?.imports
        #expect(imports?.isSuperset(of: ["Events", "Glibc", "Storage", "Synchronization"]) == true)
    }

    @Test("a room imports only what it may know")
    func imports() {
        let all = Set(Self.rooms.keys).union(["Sluice"])
        for source in Self.sources {
            guard let allowed = Self.rooms[source.room] else { continue }
            let forbidden = source.imports.intersection(all).subtracting(allowed).subtracting([source.room])
            #expect(forbidden.isEmpty, "\(source.testDescription) imports \(forbidden.sorted())")
        }
    }

    @Test("the scanner and the rules know no Foundation")
    func foundation() {
        for source in Self.sources where source.room == "Validation" || source.room == "Events" {
            #expect(!source.imports.contains("Foundation"), "\(source.testDescription) imports Foundation")
        }
    }

    @Test("SQL stands only in Storage and in the services' stores")
    func sql() {
        for source in Self.sources
        where Self.rooms[source.room] != nil && source.room != "Storage" && !source.name.contains("Store")
            && source.mentions("SELECT ", "INTO ", "DELETE FROM", "CREATE TABLE", "UPDATE ")
        {
            let found = source.code.firstMatch(
                of: /"[^"]*\b(SELECT .* FROM|INSERT (OR \w+ )?INTO|DELETE FROM|CREATE TABLE|UPDATE \w+ SET)\b/)
            #expect(found == nil, "\(source.testDescription) holds SQL: \(found.map { String($0.0) } ?? "")")
        }
    }

    @Test("only Lambda and EMR start processes")
    func processes() {
        for source in Self.sources
        where Self.rooms[source.room] != nil && source.room != "Lambda" && source.room != "EMR"
            && source.mentions("spawn", "fork", "exec", "popen", "Process(")
        {
            let found = source.code.firstMatch(of: /\b(posix_spawnp?|v?fork|execve?|popen|Process)\(/)
            #expect(found == nil, "\(source.testDescription) starts a process")
        }
    }

    @Test("only the gateway, and Lambda for its Runtime API, serve HTTP")
    func http() {
        for source in Self.sources
        where Self.rooms[source.room] != nil && source.room != "Gateway" && source.room != "Lambda" {
            let libraries = source.imports.intersection(["NIOHTTP1", "NIOPosix", "NIOCore", "FoundationNetworking"])
            #expect(libraries.isEmpty, "\(source.testDescription) imports \(libraries.sorted())")
        }
    }

    @Test("nothing is unchecked without a reason beside it, and nothing that comes from outside ends the process")
    func unsafe() {
        for source in Self.sources
        where source.room != "Benchmarks"
            && source.mentions("try!", "fatalError(", "@unchecked Sendable", "nonisolated(unsafe)")
        {
            let lines = source.text.split(separator: "\n", omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() {
                let code = line.drop(while: \.isWhitespace)
                guard !code.hasPrefix("//") else { continue }
                let place = "\(source.testDescription):\(index + 1)"
                #expect(!code.contains("try!") && !code.contains("fatalError("), "\(place): \(code)")
                if code.contains("@unchecked Sendable") || code.contains("nonisolated(unsafe)") {
                    let beside = lines[max(0, index - 6)...min(lines.count - 1, index + 3)]
                    #expect(beside.contains { $0.contains("//") }, "\(place) gives no reason")
                }
            }
        }
    }
}
