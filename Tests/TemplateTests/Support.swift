import Template
import Testing

/// A template with these resources (indented by two) and optional sections in front.
func sam(_ resources: String, before: String = "") -> String {
    """
    AWSTemplateFormatVersion: "2010-09-09"
    Transform: AWS::Serverless-2016-10-31
    \(before)
    Resources:
    \(resources)
    """
}

func read(_ text: String, parameters: [String: String] = [:]) throws -> SAMTemplate {
    try SAMTemplate.parse(text, file: "t.yaml", parameters: parameters)
}

/// The errors of a text, one line each.
func faults(_ text: String, parameters: [String: String] = [:]) -> [String] {
    do throws(TemplateError) {
        _ = try SAMTemplate.parse(text, file: "t.yaml", parameters: parameters)
        return []
    } catch {
        return error.diagnostics.filter { $0.severity == .error }.map(\.description)
    }
}

let function = """
      F:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: f/
          Handler: bootstrap
          Runtime: provided.al2023
    """
