import Glibc
import NIOCore

/// Stops to listen for a second where the process has no descriptor or memory for the next client, who waits in the kernel's queue.
///
/// The socket stays readable all that time; without the pause the loop would try again at once, and for ever.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = Channel

    private let pause: TimeAmount
    init(pause: TimeAmount = .seconds(1)) { self.pause = pause }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let code = (error as? IOError)?.errnoCode, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) else {
            return context.fireErrorCaught(error)
        }
        let channel = context.channel
        channel.setOption(.autoRead, value: false).whenSuccess { [pause] in
            channel.eventLoop.scheduleTask(in: pause) { _ = channel.setOption(.autoRead, value: true) }
        }
    }
}
