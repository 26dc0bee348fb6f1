// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

/// A room for one AWS service: it knows the values, the store, and no other room.
func room(_ name: String, _ more: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: ["Events", "Storage", grdb] + more, exclude: exclude, swiftSettings: settings)
}

/// A program; `path` where it lies elsewhere than in Sources.
func program(_ name: String, _ dependencies: [Target.Dependency], path: String) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

/// A Lambda function: its folder in functions/ is the template's CodeUri, its product what runs there.
func function(_ name: String, exclude: [String] = []) -> Target {
    .executableTarget(
        name: name, dependencies: ["Events", "FunctionRuntime", "Validation", "ValidationGate"],
        path: "functions/\(name)",
        exclude: exclude,
        swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let services: [Target.Dependency] = ["CloudWatch", "EMR", "EventBridge", "Lambda", "S3", "StepFunctions"]

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["Sluice"]),
        // For the tests: makes system calls of a program fail.
        .library(name: "faults", type: .dynamic, targets: ["faults"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // Values and the store.
        .target(name: "Events", dependencies: ["CExtendedAttributes"], swiftSettings: settings),
        .systemLibrary(name: "CExtendedAttributes"),
        .target(name: "Storage", dependencies: ["Events", grdb], swiftSettings: settings),

        // One room for each AWS service.
        room("CloudWatch"),
        room("EMR", ["CStepProcess"], exclude: ["Resources"]),
        room("EventBridge"),
        room("Lambda", ["CFunctionProcess"]),
        room("S3", [crypto]),
        room("StepFunctions", [crypto]),
        .target(name: "CFunctionProcess"),
        .target(name: "CStepProcess"),

        // The template, the port, the command.
        .target(
            name: "Template", dependencies: ["Events", .product(name: "Yams", package: "Yams")], swiftSettings: settings
        ),
        .target(name: "Gateway", dependencies: ["Events", "Lambda"] + nio, swiftSettings: settings),
        program(
            "Sluice",
            ["Events", "FunctionRuntime", "Gateway", "Storage", "Template", "Validation", argumentParser] + services,
            path: "Sources/Sluice"),

        // For function authors.
        .target(name: "Validation", dependencies: ["CScan"], swiftSettings: settings),
        .target(name: "CScan"),
        .target(
            name: "FunctionRuntime", dependencies: ["CFunctionRuntime", "CZlib", "Events"], swiftSettings: settings,
            linkerSettings: [.linkedLibrary(":libz.a")]),
        .target(
            name: "ValidationGate", dependencies: ["Events", "FunctionRuntime", "Validation"], swiftSettings: settings),
        .target(name: "CFunctionRuntime"),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

        // The functions that ship.
        function("validate-flights"),
        function("validate-table"),

        // Benchmarks.
        program("BenchFunction", ["Events", "FunctionRuntime"], path: "Sources/Benchmarks/BenchFunction"),
        program("HostBench", [], path: "Sources/Benchmarks/HostBench"),
        .executableTarget(
            name: "ValidationBench", dependencies: ["Validation"], path: "Sources/Benchmarks/ValidationBench",
            exclude: ["peers.py"],
            swiftSettings: settings),

        // Tests.
        tests("ArchitectureTests", []),
        tests("CloudWatchTests", ["CloudWatch", "Events", "Storage", grdb]),
        tests("EMRTests", ["EMR", "Events", "Storage"]),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "CloudWatch", "EventBridge", "Events", "Gateway", "Lambda", "S3", "StepFunctions", "Storage",
                "Template",
            ] + nio,
            exclude: ["Corpus"], swiftSettings: settings),
        tests("EventBridgeTests", ["EventBridge", "Events", "Storage", grdb]),
        tests("EventsTests", ["Events"]),
        tests(
            "EndToEndTests",
            ["EMR", "Events", "Sluice", "echo-function", "validate-flights", "validate-table", crypto, grdb]),
        tests(
            "FunctionTests",
            ["CZlib", "Events", "FunctionRuntime", "ValidationGate", "validate-flights", "validate-table"]),
        tests("FunctionRuntimeTests", ["CZlib", "Events", "FunctionRuntime", "echo-function"]),
        tests(
            "GatewayTests", ["Events", "Gateway", "Lambda", .product(name: "NIOEmbedded", package: "swift-nio")] + nio),
        tests("LambdaTests", ["CFunctionProcess", "Events", "Lambda", "Storage", grdb]),
        tests("S3Tests", ["Events", "S3", "Storage", grdb]),
        tests("StepFunctionsTests", ["Events", "StepFunctions", "Storage", grdb]),
        tests("StorageTests", ["Events", "Storage", grdb]),
        tests("TemplateTests", ["Events", "Template"]),
        .testTarget(
            name: "ValidationTests", dependencies: ["CScan", "Validation"], exclude: ["Conformance"],
            swiftSettings: settings),
        .target(name: "faults", path: "Tests/Helpers/faults"),
        program("echo-function", ["FunctionRuntime"], path: "Tests/Helpers/echo-function"),
        program("validation-probe", ["Validation"], path: "Tests/ValidationProbe"),
    ]
)
