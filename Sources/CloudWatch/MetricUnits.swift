/// What CloudWatch takes as units and values.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
enum MetricUnits {
    static let all: Set<String> = {
        let sizes = ["", "Kilo", "Mega", "Giga", "Tera"].flatMap { prefix in
            ["bytes", "bits"].map { prefix.isEmpty ? $0.prefix(1).uppercased() + $0.dropFirst() : prefix + $0 }
        }
        return Set(
            ["Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"] + sizes
                + sizes.map { $0 + "/Second" })
    }()

    /// Finite and within 2^360 of zero.
    static func isAllowed(_ value: Double) -> Bool { value.isFinite && abs(value) <= 2.348_542_582_773_833e108 }
}
