// Tables of cases, one a line.
// swift-format-ignore-file
import Testing

@testable import Validation

private let cases: [(schema: String, good: [String], bad: [String])] = [
    ("true", ["1", "null"], []), ("false", [], ["1", "{}"]), ("{}", ["1"], []),
    ("{\"type\": \"integer\"}", ["1", "1.0", "-2e3"], ["1.5", "\"1\"", "true", "null"]),
    ("{\"type\": [\"string\", \"null\"]}", ["\"a\"", "null"], ["1", "[]"]),
    ("{\"enum\": [1, {\"a\": [1.0]}]}", ["1.0", "{\"a\":[1]}"], ["2", "{\"a\":[1,1]}", "\"1\""]),
    ("{\"const\": {\"a\": 1, \"b\": 2}}", ["{\"b\":2,\"a\":1}"], ["{\"a\":1}"]),
    ("{\"multipleOf\": 0.01}", ["4.02", "0", "1e300", "\"x\""], ["4.021", "1e-3"]),
    ("{\"multipleOf\": 3}", ["9", "300000000000000000000000000000"], ["10", "100000000000000000000000000000"]),
    ("{\"minimum\": 1, \"exclusiveMaximum\": 2}", ["1", "1.99999999999999999999999"], ["0.9999999999999999999999", "2", "2.0"]),
    ("{\"minLength\": 2, \"maxLength\": 3}", ["\"éa\"", "1"], ["\"a\"", "\"abcd\""]),
    ("{\"pattern\": \"b+\"}", ["\"abbc\"", "\"b\\n\"", "1"], ["\"ac\""]), ("{\"pattern\": \"^b$\"}", ["\"b\""], ["\"ab\"", "\"bb\""]),
    ("{\"items\": {\"type\": \"integer\"}}", ["[]", "[1, 2]", "{}"], ["[1, \"2\"]"]),
    ("{\"prefixItems\": [{\"type\": \"integer\"}], \"items\": false}", ["[]", "[1]"], ["[\"a\"]", "[1, 2]"]),
    ("{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"items\": [{\"type\": \"integer\"}], \"additionalItems\": {\"type\": \"string\"}}", ["[1, \"a\"]"], ["[1, 2]"]),
    ("{\"contains\": {\"const\": 1}, \"minContains\": 2, \"maxContains\": 3}", ["[1, 0, 1]", "[1, 1, 1]"], ["[1]", "[1, 1, 1, 1]", "[]"]),
    ("{\"contains\": {\"const\": 1}}", ["[0, 1]"], ["[]", "[0]"]), ("{\"contains\": true, \"minContains\": 0}", ["[]"], []),
    ("{\"minItems\": 1, \"maxItems\": 2, \"uniqueItems\": true}", ["[1]", "[1, true]"], ["[]", "[1, 2, 3]", "[1, 1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]"]),
    ("{\"minProperties\": 1, \"maxProperties\": 1}", ["{\"a\": 1}"], ["{}", "{\"a\": 1, \"b\": 2}"]),
    ("{\"required\": [\"a\"]}", ["{\"a\": null}", "[]"], ["{}"]),
    ("{\"properties\": {\"a\": {\"type\": \"string\"}}, \"patternProperties\": {\"^x\": {\"type\": \"integer\"}}, \"additionalProperties\": false}",
     ["{\"a\": \"s\", \"x1\": 2}", "{}"], ["{\"a\": 1}", "{\"x1\": \"2\"}", "{\"b\": 1}"]),
    ("{\"propertyNames\": {\"maxLength\": 2}}", ["{\"ab\": 1}"], ["{\"abc\": 1}"]),
    ("{\"dependentRequired\": {\"a\": [\"b\"]}}", ["{}", "{\"a\": 1, \"b\": 1}"], ["{\"a\": 1}"]),
    ("{\"dependentSchemas\": {\"a\": {\"required\": [\"b\"]}}}", ["{\"b\": 1}"], ["{\"a\": 1}"]),
    ("{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"dependencies\": {\"a\": [\"b\"], \"c\": {\"minProperties\": 2}}}", ["{\"a\": 1, \"b\": 1}"], ["{\"a\": 1}", "{\"c\": 1}"]),
    ("{\"allOf\": [{\"minimum\": 1}, {\"maximum\": 2}]}", ["1", "2"], ["0", "3"]), ("{\"anyOf\": [{\"const\": 1}, {\"const\": 2}]}", ["1", "2"], ["3"]),
    ("{\"oneOf\": [{\"minimum\": 1}, {\"minimum\": 2}]}", ["1"], ["0", "2"]), ("{\"not\": {\"type\": \"null\"}}", ["1"], ["null"]),
    ("{\"if\": {\"type\": \"integer\"}, \"then\": {\"minimum\": 5}, \"else\": {\"type\": \"string\"}}", ["5", "\"a\""], ["4", "null"]),
    ("{\"$defs\": {\"node\": {\"type\": \"object\", \"properties\": {\"next\": {\"$ref\": \"#/$defs/node\"}}, \"additionalProperties\": false}}, \"$ref\": \"#/$defs/node\"}",
     ["{}", "{\"next\": {\"next\": {}}}"], ["{\"next\": {\"nxt\": {}}}", "1"]),
    ("{\"definitions\": {\"a/b\": {\"$anchor\": \"here\", \"const\": 1}}, \"anyOf\": [{\"$ref\": \"#/definitions/a~1b\"}, {\"$ref\": \"#here\", \"maximum\": 0}]}", ["1"], ["2"]),
    ("{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"definitions\": {\"a\": {\"type\": \"integer\"}}, \"$ref\": \"#/definitions/a\", \"maximum\": 1}", ["5"], ["\"a\""]),
    ("{\"$id\": \"https://example.org/s\", \"properties\": {\"a\": {\"$ref\": \"https://example.org/s#/$defs/n\"}}, \"$defs\": {\"n\": {\"type\": \"null\"}}}", ["{\"a\": null}"], ["{\"a\": 1}"]),
    ("{\"pattern\": \"^\\\\d$\"}", ["\"1\""], ["\"٣\""]),
    ("{\"format\": \"date\", \"default\": 1, \"unknownKeyword\": 3, \"x-own\": 1}", ["1", "\"no date\""], []),
    ("{\"required\": [\"a\"], \"properties\": {\"a\": {\"const\": 2}}}", ["{\"a\": 1, \"a\": 2}"], ["{\"a\": 2, \"a\": 1}"]),
]

@Test("a JSON Schema allows what its draft says", arguments: cases)
func jsonSchemas(schema: String, good: [String], bad: [String]) throws {
    let compiled = try JSONSchema(JSONParser.parse(schema))
    for text in good { #expect(try compiled.allows(JSONParser.parse(text)), "\(schema) allows \(text)") }
    for text in bad { #expect(try !compiled.allows(JSONParser.parse(text)), "\(schema) refuses \(text)") }
}
