public import Events

/// A Lambda function: one type, one file.
///
/// ```swift
/// import Events
/// import FunctionRuntime
///
/// @main
/// struct CountBytes: LambdaFunction {
///     func handle(_ event: S3Event, context: LambdaContext) async throws -> JSON {
///         var bytes = 0
///         for record in event.records {
///             bytes += try S3Object.open(record).readAll().count
///         }
///         return ["bytes": JSON(bytes)]
///     }
/// }
/// ```
///
/// `init()` runs once for each execution environment, in Lambda's INIT phase: load and compile there what every event
/// needs. ``handle(_:context:)`` runs for one event at a time, so long synchronous work in it is fine. What it returns is the
/// invocation's response; what it throws is a function error, which Lambda retries if the invocation was asynchronous.
///
/// `Event` may be an `S3Event`, `JSON`, ``Payload`` (the bytes as they are), anything `Decodable`, or a ``FunctionEvent`` of
/// your own. `Output` may be `JSON`, ``Payload``, anything `Encodable`, a ``FunctionOutput`` of your own, or `Void`.
public protocol LambdaFunction: Sendable {
    /// What one invocation brings.
    associatedtype Event
    /// What it answers.
    associatedtype Output

    /// Work that is done once, before the first event. An error thrown here ends the environment (`init/error`).
    init() async throws

    /// Handles one event.
    func handle(_ event: Event, context: LambdaContext) async throws -> Output

    /// Makes an event of a request's bytes; there is an implementation for every type named above.
    static func decode(_ payload: [UInt8]) throws -> Event

    /// Makes a response's bytes of an output; there is an implementation for every type named above.
    static func encode(_ output: Output) throws -> [UInt8]
}

extension LambdaFunction {
    /// The program: asks Lambda for events and answers them until the environment is shut down.
    public static func main() async {
        await LambdaRuntime.run(Self.self)
    }
}

/// An event that reads itself off the request's bytes.
public protocol FunctionEvent {
    /// Throws where the bytes are not such an event.
    init(payload: [UInt8]) throws
}

/// An output that writes itself as the response's bytes, which have to be JSON.
public protocol FunctionOutput {
    /// The response.
    func payload() throws -> [UInt8]
}

/// A request or a response as bytes, passed on as they are.
public struct Payload: Sendable, Hashable, FunctionEvent, FunctionOutput {
    /// JSON in UTF-8, as AWS requires it of both directions.
    public var bytes: [UInt8]

    /// Takes the bytes as they are.
    public init(payload: [UInt8]) { bytes = payload }

    /// The bytes as they are.
    public func payload() -> [UInt8] { bytes }
}

extension JSON: FunctionEvent, FunctionOutput {
    /// Parses the bytes; throws `JSONSyntaxError` with line and column.
    public init(payload: [UInt8]) throws { try self.init(parsing: payload) }

    /// The value as one line.
    public func payload() -> [UInt8] { serialized() }
}

extension S3Event: FunctionEvent {
    /// Parses the bytes; throws `JSONSyntaxError` or `ShapeError`.
    ///
    /// The test event that S3 sends when a notification configuration is saved, `{"Event":"s3:TestEvent",…}`, is an event
    /// without records: there is nothing to do, and it is no error.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
    public init(payload: [UInt8]) throws {
        let json = try JSON(parsing: payload)
        if json["Event"] == "s3:TestEvent", json["Records"] == nil {
            self.init(records: [])
        } else {
            try self.init(json: json)
        }
    }
}

extension LambdaFunction where Event: FunctionEvent {
    /// Lets the event read itself.
    public static func decode(_ payload: [UInt8]) throws -> Event { try Event(payload: payload) }
}

extension LambdaFunction where Event: Decodable {
    /// Decodes JSON; throws `JSONSyntaxError`, `ShapeError` with the place, or what the type itself throws.
    public static func decode(_ payload: [UInt8]) throws -> Event {
        try Event(from: JSONDecoding(JSON(parsing: payload)))
    }
}

extension LambdaFunction where Event: FunctionEvent & Decodable {
    /// Lets the event read itself.
    public static func decode(_ payload: [UInt8]) throws -> Event { try Event(payload: payload) }
}

extension LambdaFunction where Output: FunctionOutput {
    /// Lets the output write itself.
    public static func encode(_ output: Output) throws -> [UInt8] { try output.payload() }
}

extension LambdaFunction where Output: Encodable {
    /// Encodes as JSON; throws `EncodingError` for a number that JSON can't hold.
    public static func encode(_ output: Output) throws -> [UInt8] {
        try JSONEncoding.json(of: output).serialized()
    }
}

extension LambdaFunction where Output: FunctionOutput & Encodable {
    /// Lets the output write itself.
    public static func encode(_ output: Output) throws -> [UInt8] { try output.payload() }
}

extension LambdaFunction where Output == Void {
    /// `null`.
    public static func encode(_ output: Output) throws -> [UInt8] { Array("null".utf8) }
}
