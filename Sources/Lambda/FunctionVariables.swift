import Events
import Glibc

/// The variables of a function's environment: Lambda's, the host's, the template's. Nothing of the host's own leaks in.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
enum FunctionVariables {
    static func make(
        _ environment: ExecutionEnvironment, _ configuration: FunctionConfiguration, settings: LambdaSettings,
        place: AccountRegion, temporaryFolder: String
    ) -> [String: String] {
        var variables = settings.environment
        variables["TMPDIR"] = temporaryFolder
        variables["HOME"] = temporaryFolder
        variables["TZ"] = ":UTC"
        variables["LANG"] = "en_US.UTF-8"
        variables["PATH"] = "/usr/local/bin:/usr/bin:/bin:/opt/bin"
        variables["LD_LIBRARY_PATH"] =
            "\(configuration.codeFolder):\(configuration.codeFolder)/lib:/lib64:/usr/lib64:/opt/lib"
        variables["AWS_ACCESS_KEY_ID"] = settings.environment["AWS_ACCESS_KEY_ID"] ?? "sluice"
        variables["AWS_SECRET_ACCESS_KEY"] = settings.environment["AWS_SECRET_ACCESS_KEY"] ?? "sluice"
        variables["AWS_SESSION_TOKEN"] = settings.environment["AWS_SESSION_TOKEN"] ?? "sluice"
        variables.merge(configuration.environment) { $1 }
        // Lambda's reserved names come last: nobody overrides them.
        variables["_HANDLER"] = configuration.handler
        variables["AWS_REGION"] = place.region
        variables["AWS_DEFAULT_REGION"] = place.region
        if configuration.isPython {
            let version = configuration.runtime.dropFirst("python".count)
            variables["AWS_EXECUTION_ENV"] = "AWS_Lambda_python\(version)"
        }
        variables["AWS_LAMBDA_FUNCTION_NAME"] = configuration.name
        variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = "\(configuration.memorySize)"
        variables["AWS_LAMBDA_FUNCTION_VERSION"] = "$LATEST"
        variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = "on-demand"
        variables["AWS_LAMBDA_LOG_GROUP_NAME"] = configuration.logGroup
        variables["AWS_LAMBDA_LOG_STREAM_NAME"] = environment.logStream
        variables["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:\(environment.listener.port)"
        variables["LAMBDA_TASK_ROOT"] = configuration.codeFolder
        variables["LAMBDA_RUNTIME_DIR"] = "/var/runtime"
        variables["SLUICE_ENVIRONMENT_ID"] = environment.id
        variables["SLUICE_HOST_ID"] = settings.hostID
        return variables
    }
}
