import CloudWatch
import EMR
import EventBridge
import Events
import Glibc
import Lambda
import S3
import StepFunctions
import Storage

/// The database as commands read it, whether a host runs or not.
enum Records {
    /// The tables of all rooms.
    static let schemas: [Schema] = [
        S3Store.schema, LambdaStore.schema, CloudWatchStore.schema, EventBridgeStore.schema, StepFunctionsStore.schema,
        StepFunctionsStore.jobSchema, EMRStore.schema,
    ]

    /// Opens a project's database for reading. Throws `StoreError`.
    static func open(_ project: Project) throws -> Store {
        try Store(path: project.database, schemas: schemas, mode: .readOnly)
    }
}
