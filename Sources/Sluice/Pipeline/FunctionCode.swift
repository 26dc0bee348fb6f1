import Events
import Glibc
import Template

/// Finds what a function runs: the `bootstrap` in its folder, or the program that the package builds for it.
///
/// On AWS a `provided` runtime starts the file `bootstrap` of the deployed archive. Here the same program usually lies where
/// the Swift package manager put it, under the name of the function's folder.
struct FunctionCode {
    /// The project's root, which holds `.build`.
    let root: String

    /// The program of a function with a `provided` runtime, or a finding that says what was looked for and how to get it.
    func executable(of function: FunctionResource) -> Result<String, Finding> {
        let bootstrap = function.codePath + "/bootstrap"
        if Self.isExecutable(bootstrap) { return .success(bootstrap) }
        let product = Self.lastComponent(of: function.codePath)
        let built = folders.map { $0 + "/" + product }.filter(Self.isExecutable)
        // Of a debug and a release build the one that was built last is the one that is meant.
        if let newest = built.max(by: { Self.modified($0) < Self.modified($1) }) { return .success(newest) }
        let message =
            access(function.codePath, F_OK) != 0
            ? "there is no \(function.codePath), and no program '\(product)' has been built"
            : access(bootstrap, F_OK) == 0
                ? "\(bootstrap) is not executable"
                : "nothing to run: no \(bootstrap), and no program '\(product)' has been built; "
                    + "build it with 'swift build -c release --product \(product)'"
        return .failure(finding(message, function))
    }

    /// What is wrong with the code of a function with a `python3` runtime, if anything.
    func pythonFinding(of function: FunctionResource) -> Finding? {
        let parts = function.handler.split(separator: ".")
        guard parts.count >= 2 else {
            return Finding(
                diagnostic: Diagnostic(
                    .error, "a Python handler has the form module.function", at: function.location(of: "Handler"),
                    path: function.source.path(of: "Handler")))
        }
        let file = function.codePath + "/" + parts.dropLast().joined(separator: "/") + ".py"
        return access(file, R_OK) == 0
            ? nil : finding("there is no \(file), which the handler '\(function.handler)' names", function)
    }

    /// A finding about the code, at the template's `CodeUri`.
    struct Finding: Error {
        let diagnostic: Diagnostic
    }

    private func finding(_ message: String, _ function: FunctionResource) -> Finding {
        Finding(
            diagnostic: Diagnostic(
                .error, message, at: function.location(of: "CodeUri"), path: function.source.path(of: "CodeUri")))
    }

    private var folders: [String] {
        var folders = [root + "/.build/release", root + "/.build/debug"]
        if let own = Self.ownFolder, !folders.contains(own) { folders.append(own) }
        return folders
    }

    /// The folder of this program: functions that were installed beside it are found there.
    private static let ownFolder: String? = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return nil }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) }
    }()

    private static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    private static func modified(_ path: String) -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else { return 0 }
        return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }

    private static func lastComponent(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
