import Events
import Testing

@Suite("Base64")
struct Base64Tests {
    @Test(
        "the specification's examples, both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func examples(plain: String, text: String) {
        #expect(Array(plain.utf8).base64 == text)
        #expect([UInt8](base64: text) == Array(plain.utf8))
    }

    @Test("what is no base64 is told apart", arguments: ["Zg", "Zg=", "Z===", "Zg=a", "Zm9v!", "=", "Zm9v===="])
    func faults(text: String) { #expect([UInt8](base64: text) == nil) }
}
