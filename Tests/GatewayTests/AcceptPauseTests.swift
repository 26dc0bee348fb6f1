import Glibc
import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

@Suite("Accepting clients")
struct AcceptPauseTests {
    @Test("without descriptors left the listener rests for a second instead of trying again and again")
    func pause() throws {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(AcceptPause())
        func reads() -> Bool {
            channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
        }
        #expect(reads())
        channel.pipeline.fireErrorCaught(IOError(errnoCode: EMFILE, reason: "accept"))
        #expect(!reads())
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(900))
        #expect(!reads())
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(200))
        #expect(reads())
    }
}
