import Events
public import NIOCore
import NIOHTTP1
import NIOPosix

/// AWS's wire protocols on one port.
///
/// It listens on the loopback address only: requests are not authenticated, so nobody else may reach it.
public final class Gateway: Sendable {
    /// The port that is listened on, also where 0 was asked for.
    public let port: Int
    private let channel: any Channel

    /// Listens on `127.0.0.1:port`; 0 takes any free port. Throws ``GatewayError`` where the port is taken.
    public init(port: Int, lambda: LambdaInvocations, on group: any EventLoopGroup) async throws {
        let router = Router(lambda: lambda)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Without descriptors left, the next client is taken after a pause instead of at once again and again.
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause())
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(HTTPExchangeHandler { await router.respond(to: $0) })
                }
            }
        do {
            channel = try await bootstrap.bind(host: "127.0.0.1", port: port).get()
        } catch let error as IOError {
            throw GatewayError.cannotListen(
                port: port, reason: error.errnoCode == EADDRINUSE ? "it is in use" : "\(error)")
        }
        self.port = channel.localAddress?.port ?? port
    }

    /// Stops listening. Requests under way are answered still.
    public func close() async { try? await channel.close() }
}

/// Why the gateway can't serve.
public enum GatewayError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotListen(port: Int, reason: String)

    public var description: String {
        switch self {
        case .cannotListen(let port, let reason):
            "can't listen on 127.0.0.1:\(port): \(reason). Stop the other program, or choose another port with --port."
        }
    }
}

/// Finds who answers a request.
struct Router: Sendable {
    let lambda: LambdaInvocations

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        let requestID = Identifier.uuid()
        var response: HTTPResponse
        do throws(AWSError) {
            if let call = LambdaInvocations.Call(request) {
                response = try await lambda.respond(to: call, request: request)
            } else {
                throw AWSError(
                    .notFound, "UnknownOperationException",
                    "\(request.method.rawValue) \(request.path) is no operation that is served here")
            }
        } catch {
            response = error.response()
        }
        if !response.headers.contains(name: "x-amzn-RequestId") {
            response.headers.add(name: "x-amzn-RequestId", value: requestID)
        }
        return response
    }
}
