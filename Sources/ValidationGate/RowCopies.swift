import Events
import FunctionRuntime
import Validation

/// The rows that are kept apart: the rejected ones, and the others, each as an object of its own in the object's format.
struct RowCopies {
    private let rejectedUpload: S3Upload?
    private let acceptedUpload: S3Upload?

    /// Throws where the machine can't compress as the object's name promises.
    init(_ settings: GateSettings, _ object: S3Object) throws {
        func upload(_ place: Place?) throws -> S3Upload? {
            // Compressed as the object is, so that it can have the object's name: two objects may differ in their suffix alone.
            try place.map {
                S3Upload(
                    bucket: $0.bucket, key: $0.key(for: object.key),
                    encoder: try Compression(suffixOf: object.key)?.encoder())
            }
        }
        rejectedUpload = try upload(settings.quarantine)
        acceptedUpload = try upload(settings.accepted)
    }

    var quarantine: ((UnsafeRawBufferPointer) throws -> Void)? { rejectedUpload.map { $0.write } }
    var accepted: ((UnsafeRawBufferPointer) throws -> Void)? { acceptedUpload.map { $0.write } }

    /// Puts in place what there is to keep; where it is, by `quarantine` and `accepted`. What an earlier version of the object has
    /// left there goes: it is no part of this one.
    func finish(_ report: ValidationReport) throws -> JSONObject {
        var written = JSONObject()
        func settle(_ upload: S3Upload?, _ name: String, _ isKept: Bool) throws {
            guard let upload else { return }
            guard isKept else { return try upload.remove() }
            try upload.finish()
            written[name] = .string(upload.uri)
        }
        try settle(rejectedUpload, "quarantine", report.rejected > 0)
        // Where the file as a whole is at fault no row of it is known to be good.
        try settle(acceptedUpload, "accepted", report.failsOnlyByRows)
        return written
    }
}
