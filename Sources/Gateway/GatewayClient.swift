import Events
public import Lambda
import NIOCore
import NIOHTTP1
import NIOPosix

/// Calls the gateway of a running host, as any AWS client would.
public struct GatewayClient: Sendable {
    /// The port on the loopback address.
    public let port: Int

    public init(port: Int) { self.port = port }

    /// Lambda's `Invoke`. Throws ``AWSError`` where the host answers with one.
    public func invoke(
        function: String, payload: [UInt8], type: InvocationType = .requestResponse, logTail: Bool = false
    ) async throws -> InvokeResult {
        var headers: HTTPHeaders = ["X-Amz-Invocation-Type": type.rawValue, "Content-Type": "application/json"]
        if logTail { headers.add(name: "X-Amz-Log-Type", value: "Tail") }
        let path = "/2015-03-31/functions/\(PercentEncoding.encode(function))/invocations"
        let response = try await send(.POST, path, headers: headers, body: payload)
        if response.status.code >= 300 {
            let body = String(decoding: response.body, as: UTF8.self)
            throw AWSError(
                response.status, response.headers.first(name: "x-amzn-ErrorType") ?? "\(response.status.code)",
                (try? JSON(parsing: body))?["message"]?.string ?? body)
        }
        return InvokeResult(
            statusCode: Int(response.status.code), functionError: response.headers.first(name: "X-Amz-Function-Error"),
            payload: response.body, logResult: response.headers.first(name: "X-Amz-Log-Result"),
            requestID: response.headers.first(name: "x-amzn-RequestId") ?? "")
    }

    /// One request on a connection of its own.
    func send(_ method: HTTPMethod, _ path: String, headers: HTTPHeaders, body: [UInt8]) async throws -> HTTPResponse {
        let group = MultiThreadedEventLoopGroup.singleton
        let channel = try await ClientBootstrap(group: group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHTTPClientHandlers() }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let promise = channel.eventLoop.makePromise(of: HTTPResponse.self)
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(ResponseCollector(promise: promise))
        }.get()
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
        head.headers.replaceOrAdd(name: "Host", value: "127.0.0.1:\(port)")
        head.headers.replaceOrAdd(name: "Content-Length", value: "\(body.count)")
        head.headers.replaceOrAdd(name: "Connection", value: "close")
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(channel.allocator.buffer(bytes: body))), promise: nil)
        try await channel.writeAndFlush(HTTPClientRequestPart.end(nil))
        let response = try await promise.futureResult.get()
        try? await channel.close()
        return response
    }
}

/// Collects one answer.
private final class ResponseCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<HTTPResponse>
    private var response = HTTPResponse(status: .ok)
    private var isDone = false

    init(promise: EventLoopPromise<HTTPResponse>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head) where head.status.code >= 200:
            response.status = head.status
            response.headers = head.headers
        case .head: break
        case .body(let buffer): response.body.append(contentsOf: buffer.readableBytesView)
        case .end:
            isDone = true
            promise.succeed(response)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isDone { promise.fail(ChannelError.eof) }
        isDone = true
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isDone { promise.fail(error) }
        isDone = true
        context.close(promise: nil)
    }
}
