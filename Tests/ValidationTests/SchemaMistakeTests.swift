// Tables of cases, one a line.
// swift-format-ignore-file
import Testing

@testable import Validation

private let mistakes: [(schema: String, line: Int, expected: String)] = [
    ("", 1, "ends where a value was expected"), ("[]", 1, "is an object, not an array"),
    ("{\"feilds\": []}", 1, "no \"fields\", but \"feilds\""), ("{\n\"fields\": {}}", 2, "\"fields\" is an array"),
    ("{\"fields\": [\n\"a\"]}", 2, "a field is an object"), ("{\"fields\": [\n{\"name\": 1}]}", 2, "is a string"),
    (field("\"type\": \"integr\""), 2, "did you mean \"integer\"?"), (field("\"type\": \"int\""), 2, "did you mean \"integer\"?"),
    (field("\"type\": \"Date\""), 2, "did you mean \"date\"?"), (field("\"type\": \"timestamp\""), 2, "did you mean \"datetime\"?"),
    (field("\"type\": 3"), 2, "\"type\" is a string, not the number 3"),
    (field("\"format\": \"emial\", \"type\": \"string\""), 2, "did you mean \"email\"?"),
    (field("\"type\": \"integer\", \"format\": \"hex\""), 2, "expected default"),
    (field("\"type\": \"date\", \"format\": \"dd/mm/yyyy\""), 2, "expected default, any or a pattern such as %d/%m/%Y"),
    (field("\"type\": \"date\", \"format\": \"%d/%Q\""), 2, "expected one of %Y"),
    (field("\"type\": \"list\", \"itemType\": \"bool\""), 2, "did you mean \"boolean\"?"),
    (field("\"type\": \"list\", \"delimiter\": \"\""), 2, "at least one character"),
    (field("\"type\": \"number\", \"decimalChar\": \",\", \"groupChar\": \",\""), 2, "are both \",\""),
    (field("\"type\": \"number\", \"decimalChar\": \"--\""), 2, "is one character"),
    (field("\"type\": \"number\", \"bareNumber\": \"yes\""), 2, "is true or false"),
    (field("\"type\": \"boolean\", \"trueValues\": [\"1\"], \"falseValues\": [\"1\"]"), 2, "in \"trueValues\" and in"),
    (field("\"type\": \"boolean\", \"trueValues\": \"y\""), 2, "is an array"),
    (field("\"missingValues\": \"NA\""), 2, "is an array"), (field("\"missingValues\": [{\"label\": \"x\"}]"), 2, "needs its \"value\""),
    (field("\"type\": \"date\", \"categories\": [\"a\"]"), 2, "for strings and integers"),
    (field("\"type\": \"string\", \"categories\": [\"a\", \"a\"]"), 2, "stands there twice"),
    (field("\"type\": \"integer\", \"categories\": [\"a\"]"), 2, "is not an integer"),
    (field("\"type\": \"string\", \"categories\": [\"a\"], \"categoriesOrdered\": 1"), 2, "is true or false"),
    (constraint("\"requried\": true"), 2, "did you mean \"required\"?"), (constraint("\"min\": 1"), 2, "did you mean \"minimum\"?"),
    (constraint("\"required\": \"yes\""), 2, "is true or false"), (constraint("\"required\": null"), 2, "is null"),
    (constraint("\"minLength\": -1", "string"), 2, "whole number from 0"), (constraint("\"minLength\": 1.5", "string"), 2, "whole number"),
    (constraint("\"minLength\": 1"), 2, "does not apply to an integer"), (constraint("\"minimum\": 1", "string"), 2, "does not apply"),
    (constraint("\"minimum\": \"1,5\""), 2, "the bound \"1,5\" is not an integer"), (constraint("\"pattern\": \"a\""), 2, "does not apply"),
    (constraint("\"pattern\": \"a(\"", "string"), 2, "a ( without its )"), (constraint("\"enum\": []", "string"), 2, "at least one"),
    (constraint("\"pattern\": \"\\\\p{IsBasicLatin}+\"", "string"), 2, "the Unicode block IsBasicLatin is not supported"),
    (constraint("\"pattern\": \"[[:alpha:]]+\"", "string"), 2, "POSIX classes such as [:alpha:] are not supported"),
    (constraint("\"pattern\": \"\\\\p{Lx}\"", "string"), 2, "Lx is no general category"),
    (field("\"type\": \"date\", \"format\": \"%d/%d/%Y\""), 2, "asks for one part twice"),
    (field("\"type\": \"time\", \"format\": \"%T %H\""), 2, "asks for one part twice"),
    (constraint("\"enum\": [\"x\"]"), 2, "is not an integer"), (constraint("\"enum\": \"x\"", "string"), 2, "is an array"),
    (constraint("\"jsonSchema\": {}", "string"), 2, "does not apply to a string"),
    (constraint("\"jsonSchema\": {\n\"type\": \"strin\"}", "object"), 3, "did you mean \"string\"?"),
    (constraint("\"jsonSchema\": {\n\"propertys\": {}}", "object"), 3, "did you mean \"properties\"?"),
    (constraint("\"jsonSchema\": {\n\"unevaluatedProperties\": false}", "object"), 3, "is not supported"),
    (constraint("\"jsonSchema\": {\n\"$ref\": \"#/$defs/x\"}", "object"), 3, "there is no #/$defs/x"),
    (constraint("\"jsonSchema\": {\n\"$ref\": \"https://example.org/x\"}", "object"), 3, "a place within this schema"),
    (constraint("\"jsonSchema\": {\n\"$ref\": \"#\"}", "object"), 3, "refers to itself"),
    (constraint("\"jsonSchema\": {\n\"multipleOf\": 0}", "object"), 3, "over 0"),
    (constraint("\"jsonSchema\": {\n\"pattern\": \"(\"}", "object"), 3, "without its )"),
    ("{\"fields\": [{\"name\": \"a\"}],\n\"primaryKey\": []}", 2, "names no column"),
    ("{\"fields\": [{\"name\": \"a\"}],\n\"uniqueKeys\": [\"b\"]}", 2, "not declared"),
    ("{\"fields\": [{\"name\": \"a\"}],\n\"fieldsMatch\": \"supersets\"}", 2, "did you mean \"superset\"?"),
    ("{\"fields\": [{\"name\": \"a\"}],\n\"foreignKeys\": [{\"fields\": \"a\"}]}", 2, "a \"reference\" with \"fields\""),
    ("{\"fields\": [{\"name\": \"a\"}],\n\"foreignKeys\": [{\"fields\": \"a\", \"reference\": {\"fields\": [\"a\", \"b\"]}}]}", 2, "refers to 2"),
    (key("\"fields\": \"a\", \"reference\": {\"fields\": \"zz\"}"), 2, "refers to the column zz of the table itself"),
    ("{\"fields\": [{\"name\": \"a\"}],\n\"uniqueKeys\": []}", 2, "at least one key"),
    ("{\"fields\": [{\"name\": \"a\"}],\n\"missingValues\": [\"\", \"-\", \"\"]}", 2, "the missing value \"\" stands there twice"),
    (field("\"missingValues\": [{\"value\": \"-\"}, {\"value\": \"-\"}]"), 2, "stands there twice"),
    ("\u{feff}{\"fields\": [\n{\"name\": \"a\", \"type\": \"int\"}]}", 2, "did you mean \"integer\"?"),
    (field("\"typ\": \"integer\""), 2, "\"typ\" is no property of a field; did you mean \"type\"?"),
    (field("\"Type\": \"integer\""), 2, "did you mean \"type\"?"), (field("\"fromat\": \"uri\""), 2, "did you mean \"format\"?"),
    (field("\"constraint\": {\"required\": true}"), 2, "did you mean \"constraints\"?"), (field("\"contraints\": {}"), 2, "did you mean \"constraints\"?"),
    (field("\"missing_values\": [\"-\"]"), 2, "did you mean \"missingValues\"?"), (field("\"trueValue\": [\"y\"]"), 2, "did you mean \"trueValues\"?"),
    (field("\"decimalchar\": \",\""), 2, "did you mean \"decimalChar\"?"), (field("\"categorys\": [\"y\"]"), 2, "did you mean \"categories\"?"),
    (field("\"required\": true"), 2, "\"required\" is no property of a field: the constraint \"required\" belongs in the field's \"constraints\""),
    (field("\"minimum\": 1"), 2, "belongs in the field's \"constraints\""), (field("\"min_length\": 1"), 2, "\"minLength\" belongs in the field's"),
    (field("\"enum\": [1]"), 2, "belongs in the field's \"constraints\""),
    (top("primarykey", "\"a\""), 2, "\"primarykey\" is no property of a Table Schema; did you mean \"primaryKey\"?"),
    (top("primaryKeys", "[\"a\"]"), 2, "did you mean \"primaryKey\"?"), (top("uniquekeys", "[[\"a\"]]"), 2, "did you mean \"uniqueKeys\"?"),
    (top("missingValue", "[\"-\"]"), 2, "did you mean \"missingValues\"?"), (top("foreignKey", "[]"), 2, "did you mean \"foreignKeys\"?"),
    (top("fieldMatch", "\"subset\""), 2, "did you mean \"fieldsMatch\"?"), (top("fields_match", "\"subset\""), 2, "did you mean \"fieldsMatch\"?"),
    (key("\"field\": \"a\", \"reference\": {\"fields\": \"a\"}"), 2, "\"field\" is no property of a foreign key; did you mean \"fields\"?"),
    (key("\"fields\": \"a\", \"reference\": {\"resouce\": \"r\", \"fields\": \"a\"}"), 2, "did you mean \"resource\"?"),
    ("{\"schema\": {\"fields\": []},\n\"dialects\": {\"delimiter\": \";\"}}", 2, "\"dialects\" is no property of a resource"),
    ("{\"schema\": {\"fields\": []},\n\"dialect\": {\"delimiter\": \"ab\"}}", 2, "one ASCII character"),
    ("{\"schema\": {\"fields\": []},\n\"dialect\": {\"delimeter\": \";\"}}", 2, "did you mean \"delimiter\"?"),
    ("{\"schema\": {\"fields\": []},\n\"encoding\": \"latin1\"}", 2, "expected utf-8"),
    ("{\"schema\": {\"fields\": []},\n\"format\": \"xlsx\"}", 2, "is not read"),
]

private func top(_ name: String, _ value: String) -> String { "{\"fields\": [{\"name\": \"a\"}],\n\"\(name)\": \(value)}" }
private func key(_ text: String) -> String { top("foreignKeys", "[{\(text)}]") }
private func field(_ text: String) -> String { "{\"fields\": [\n{\"name\": \"a\", \(text)}]}" }
private func constraint(_ text: String, _ type: String = "integer") -> String {
    field("\"type\": \"\(type)\", \"constraints\": {\(text)}")
}

@Test("each mistake in a schema is named with its line and what was expected", arguments: mistakes)
func schemaMistakes(schema: String, line: Int, expected: String) throws {
    let error = try #require(throws: RuleError.self, "\(schema)") {
        _ = try Validator(TableSchema(json: schema, name: "table"))
    }
    #expect(error.line == line, "\(error)")
    #expect(error.message.contains(expected), "\(error)")
}

@Test("properties that are not rules are read over")
func ignoredProperties() throws {
    let schema = """
        {"$schema": "https://datapackage.org/profiles/2.0/tableschema.json", "title": "t", "x": {"y": 1},
         "fields": [{"name": "a", "title": "A", "description": "d", "rdfType": "http://schema.org/Country", "example": 1,
                     "type": "integer", "unit": "km", "constraints": {}, "category": "c", "desc": "d", "examples": [1], "label": "l",
                     "x-type": 1, "ex:type": 1, "_format": 1, "notes": "n", "source": "s", "units": "km", "nullable": false,
                     "trueish": 1, "sensitive": true, "order": 1, "style": "s", "group": "g", "decimals": 2}],
         "missingValues": [], "titel": "t", "name": "n", "version": "1", "sources": [], "licenses": [], "profile": "p",
         "created": "2024", "homepage": "h", "x-primaryKey": "a", "field_count": 1}
        """
    #expect(try validate(TableSchema(json: schema, name: "t").rules, "a\n1\n").passed)
}

@Test("fieldsMatch says which columns may be missing, further or in another order", arguments: [
    ("exact", [true, false, false, false, false]), ("equal", [true, true, false, false, false]),
    ("subset", [true, true, true, false, false]), ("superset", [true, true, false, true, false]),
    ("partial", [true, true, true, true, false]),
])
func fieldsMatch(match: String, passes: [Bool]) throws {
    let schema = "{\"fields\": [{\"name\": \"a\"}, {\"name\": \"b\"}], \"fieldsMatch\": \"\(match)\"}"
    for (header, passes) in zip(["a,b", "b,a", "a,b,c", "a", "c"], passes) {
        #expect(try validate(TableSchema(json: schema, name: "t").rules, header + "\n").passed == passes, "\(header)")
    }
}

@Test("categories, labelled missing values and keys of either version are rules")
func versions() throws {
    let schema = """
        {"fields": [
           {"name": "fruit", "type": "integer", "categories": [{"value": 0, "label": "apple"}, {"value": 1}], "categoriesOrdered": true},
           {"name": "n", "type": "integer", "missingValues": [{"value": "-99", "label": "REFUSED"}]}],
         "missingValues": [{"value": "", "label": "OMITTED"}], "primaryKey": "fruit", "uniqueKeys": [["fruit", "n"], "n"]}
        """
    let report = try validate(TableSchema(json: schema, name: "t").rules, "fruit,n\n0,1\n01,1\n2,-99\n,\n")
    #expect(
        report.broken == [
            "fruit is one of 0, 1": 1, "fruit is present": 1, "n is an integer": 1, "no two rows have the same n": 1,
        ])
}

@Test("numbers in a schema are plain, whatever the column's own characters are")
func plainNumbers() throws {
    let schema = """
        {"fields": [{"name": "a", "type": "number", "decimalChar": ",", "groupChar": ".", "bareNumber": false,
          "constraints": {"minimum": 1000.5, "maximum": "2.000,5", "enum": [1500.5, "1.000,5", 2000.5]}},
          {"name": "b", "type": "boolean", "trueValues": ["J"], "falseValues": ["N"], "constraints": {"enum": [true]}}]}
        """
    let report = try validate(
        TableSchema(json: schema, name: "t").rules, "a;b\n€ 1.500,5;J\n1000,5 EUR;N\n2.000,51;J\n1.000,4;J\n",
        dialect: Dialect(delimiter: ";"))
    #expect(
        report.broken == ["a is at least 1000.5": 1, "a is at most 2.000,5": 1, "a is one of 1500.5, 1.000,5, 2000.5": 2, "b is one of true": 1])
}
