import NIOCore
import NIOHTTP1

/// Collects a request, asks for its answer, and writes it. One request at a time on a connection: NIO's pipelining handler
/// in front of it holds the next one back.
final class HTTPExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Bodies beyond this are refused: Lambda's own limit of 6 MB for a synchronous payload, and the room it leaves for its envelope.
    static let bodyLimit = 6_291_556

    private let respond: @Sendable (HTTPRequest) async -> HTTPResponse
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false

    init(respond: @escaping @Sendable (HTTPRequest) async -> HTTPResponse) { self.respond = respond }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            isTooLarge = false
            // botocore waits up to a second for this before it sends a body.
            if head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }) {
                context.writeAndFlush(
                    wrapOutboundOut(.head(.init(version: head.version, status: .continue))), promise: nil)
            }
        case .body(let buffer):
            if body.count + buffer.readableBytes > Self.bodyLimit {
                isTooLarge = true
                body = []
            } else if !isTooLarge {
                body.append(contentsOf: buffer.readableBytesView)
            }
        case .end:
            guard let head else { return }
            self.head = nil
            answer(HTTPRequest(head: head, body: body), keepAlive: head.isKeepAlive, context: context)
            body = []
        }
    }

    private func answer(_ request: HTTPRequest, keepAlive: Bool, context: ChannelHandlerContext) {
        let channel = context.channel
        let isHead = request.method == .HEAD
        if isTooLarge {
            let error = AWSError(
                .payloadTooLarge, "RequestTooLargeException",
                "Request must be smaller than \(Self.bodyLimit) bytes for the InvokeFunction operation")
            Self.write(error.response(), withoutBody: isHead, keepAlive: keepAlive, to: channel)
            return
        }
        Task.answer(request, with: respond) { response in
            HTTPExchangeHandler.write(response, withoutBody: isHead, keepAlive: keepAlive, to: channel)
        }
    }

    private static func write(_ response: HTTPResponse, withoutBody: Bool, keepAlive: Bool, to channel: any Channel) {
        var head = HTTPResponseHead(version: .http1_1, status: response.status, headers: response.headers)
        if response.status != .noContent {
            head.headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.count)")
        }
        if !keepAlive { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if !response.body.isEmpty, !withoutBody {
            let body = channel.allocator.buffer(bytes: response.body)
            channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        }
        let end = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        if !keepAlive { end.whenComplete { _ in channel.close(promise: nil) } }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension Task where Success == Void, Failure == Never {
    /// Asks for an answer and hands it on.
    fileprivate static func answer(
        _ request: HTTPRequest, with respond: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
        then write: @escaping @Sendable (HTTPResponse) -> Void
    ) {
        Task { write(await respond(request)) }
    }
}
