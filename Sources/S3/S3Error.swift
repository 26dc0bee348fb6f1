/// A refusal in S3's own words.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
public struct S3Error: Error, Sendable, Hashable, CustomStringConvertible {
    /// For example `InvalidArgument`.
    public let code: String
    /// What is wrong, for a person.
    public let message: String
    /// The argument that is at fault, where S3 names it.
    public let argument: String?

    /// Makes a refusal.
    public init(code: String, message: String, argument: String? = nil) {
        self.code = code
        self.message = message
        self.argument = argument
    }

    /// The code and the message on one line.
    public var description: String { "\(code): \(message)\(argument.map { " (\($0))" } ?? "")" }
}
