import Foundation
import Testing

/// The documentation's tables of promises: each names the test that holds it, by its sentence.
@Suite("The promises")
struct PromiseTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func files(in folder: String, ending suffix: String) -> [URL] {
        let start = root.appendingPathComponent(folder)
        var found: [URL] = []
        for case let url as URL in FileManager.default.enumerator(at: start, includingPropertiesForKeys: nil) ?? .init()
        where url.lastPathComponent.hasSuffix(suffix) {
            found.append(url)
        }
        return found
    }

    /// The sentences of all tests.
    private static let sentences: Set<String> = {
        var sentences: Set<String> = []
        for url in files(in: "Tests", ending: ".swift") {
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            for match in text.matches(of: /@Test\(\s*"((?:[^"\\]|\\.)*)"/) { sentences.insert(String(match.1)) }
        }
        return sentences
    }()

    /// A row of a table with a test in its second column.
    struct Promise: Sendable, CustomTestStringConvertible {
        let page: String
        let text: String
        let tests: [String]
        var testDescription: String { "\(page): \(text)" }
    }

    /// Rows of those tables whose second column is headed with the word test.
    private static let promises: [Promise] = {
        var promises: [Promise] = []
        for url in files(in: "Sources", ending: ".md") {
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            var isTable = false
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                guard line.hasPrefix("|") else {
                    isTable = false
                    continue
                }
                let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
                guard cells.count >= 2 else { continue }
                if cells[0].lowercased() == "promise", cells[1].lowercased().contains("test") {
                    isTable = true
                } else if isTable, !cells[1].allSatisfy({ "-: ".contains($0) }) {
                    let tests = cells[1].matches(of: /"((?:[^"\\]|\\.)*)"/).map { String($0.1) }
                    promises.append(Promise(page: url.lastPathComponent, text: cells[0], tests: tests))
                }
            }
        }
        return promises
    }()

    @Test("the tables are found: the rule below does not hold because there was nothing to look at")
    func found() {
        #expect(Self.promises.count > 20)
        #expect(Self.sentences.count > 200)
    }

    @Test("every promise names a test that exists")
    func held() {
        for promise in Self.promises {
            #expect(!promise.tests.isEmpty, "\(promise.testDescription) names no test")
            for test in promise.tests {
                #expect(
                    Self.sentences.contains(test), "\(promise.testDescription) names a test that is not there: \(test)")
            }
        }
    }
}
