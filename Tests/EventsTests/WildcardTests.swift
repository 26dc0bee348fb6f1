import Events
import Testing

@Suite("Wildcards")
struct WildcardTests {
    @Test(
        "an asterisk stands for any run of characters, and a backslash takes its meaning away",
        arguments: [
            ("log-*.txt", "log-2013.txt", true), ("log-*.txt", "log-.txt", true),
            ("log-*.txt", "log-2013.txt.gz", false),
            ("*", "", true), ("", "", true), ("", "x", false), ("a*b*c", "abbc", true), ("a*b*c", "ac", false),
            ("ab*ba", "aba", false), (#"a\*b"#, "a*b", true), (#"a\*b"#, "axb", false), (#"a\\*"#, #"a\x"#, true),
            ("**", "anything", true), ("*ünï*", "x ünï y", true),
        ])
    func matches(pattern: String, text: String, fits: Bool) { #expect(Wildcard(pattern).matches(text) == fits) }
}
