import Events
import FunctionRuntime
import Validation

/// The rows that are kept apart: the rejected ones, and the others, each as an object of its own in the object's format.
struct RowCopies {
    private let rejectedUpload: S3Upload?
    private let acceptedUpload: S3Upload?

    init(_ settings: GateSettings, _ object: S3Object) {
        // Rows are stored as they were read: without compression.
        var key = object.key
        let suffixes = [".gz", ".gzip", ".zst", ".zstd"]
        if let suffix = suffixes.first(where: { key.lowercased().hasSuffix($0) }) { key.removeLast(suffix.count) }
        rejectedUpload = settings.quarantine.map { S3Upload(bucket: $0.bucket, key: $0.key(for: key)) }
        acceptedUpload = settings.accepted.map { S3Upload(bucket: $0.bucket, key: $0.key(for: key)) }
    }

    var quarantine: ((UnsafeRawBufferPointer) throws -> Void)? { rejectedUpload.map { $0.write } }
    var accepted: ((UnsafeRawBufferPointer) throws -> Void)? { acceptedUpload.map { $0.write } }

    /// Puts in place what there is to keep; where it is, by `quarantine` and `accepted`.
    func finish(_ report: ValidationReport) throws -> JSONObject {
        var written = JSONObject()
        if let rejectedUpload, report.rejected > 0 {
            try rejectedUpload.finish()
            written["quarantine"] = .string(rejectedUpload.uri)
        }
        // Where the file as a whole is at fault no row of it is known to be good.
        if let acceptedUpload, report.failsOnlyByRows {
            try acceptedUpload.finish()
            written["accepted"] = .string(acceptedUpload.uri)
        }
        return written
    }
}
