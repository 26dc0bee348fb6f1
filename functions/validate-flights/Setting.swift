import FunctionRuntime

/// What the template may set, under the function's `Environment`.
enum Setting {
    /// `REFERENCE_PREFIX`: where airlines.csv and airports.csv lie, `s3://bucket/prefix/`; by default `reference/` in the
    /// object's own bucket.
    static func referencePrefix(of object: S3Object) -> String {
        FunctionEnvironment["REFERENCE_PREFIX"] ?? "s3://\(object.bucket)/reference/"
    }

    /// `REPORT_BUCKET`: where the report is to be stored as well, as `<key>.validation.json`; by default nowhere.
    static var reportBucket: String? { FunctionEnvironment["REPORT_BUCKET"] }
}
