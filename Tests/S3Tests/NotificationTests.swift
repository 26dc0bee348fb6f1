import Events
import Storage
import Synchronization
import Testing

@testable import S3

@Suite("Notification configurations")
struct NotificationTests {
    private func one(
        _ id: String, _ events: [String], prefix: String? = nil, suffix: String? = nil
    ) -> LambdaFunctionConfiguration {
        LambdaFunctionConfiguration(
            id: id, events: events, lambdaFunctionArn: AccountRegion().function("f"), prefix: prefix, suffix: suffix)
    }

    @Test("configurations that share an event and a key are refused as S3 refuses them")
    func overlap() throws {
        let created = ["s3:ObjectCreated:*"]
        let put = ["s3:ObjectCreated:Put"]
        let removed = ["s3:ObjectRemoved:*"]
        func check(_ left: LambdaFunctionConfiguration, _ right: LambdaFunctionConfiguration) -> S3Error? {
            do {
                try NotificationConfiguration(lambdaFunctionConfigurations: [left, right]).validate()
                return nil
            } catch { return error }
        }
        let refusal = try #require(check(one("a", created), one("b", put)))
        #expect(refusal.code == "InvalidArgument")
        #expect(
            refusal.message
                == "Configurations overlap. Configurations on the same bucket cannot share a common event type.")
        #expect(check(one("a", created), one("b", removed)) == nil)
        #expect(check(one("a", created, prefix: "in/"), one("b", put, prefix: "in/x")) != nil)
        #expect(check(one("a", created, prefix: "in/"), one("b", put, prefix: "out/")) == nil)
        #expect(
            check(one("a", created, prefix: "in/", suffix: ".csv"), one("b", put, prefix: "in/", suffix: ".gz")) == nil)
        #expect(check(one("a", created, suffix: ".csv"), one("b", put, suffix: "x.csv")) != nil)
        #expect(check(one("a", created, prefix: "in/"), one("b", put, suffix: ".csv")) != nil)
        #expect(check(one("a", created), one("a", removed)) != nil)
        #expect(check(one("a", ["s3:ObjectCreate:*"]), one("b", removed)) != nil)
    }

    @Test("a filter takes keys by their first and last bytes")
    func matching() {
        let filter = one("a", ["s3:ObjectCreated:*"], prefix: "in/", suffix: ".csv")
        #expect(filter.matches(eventName: "ObjectCreated:Put", key: "in/a.csv"))
        #expect(!filter.matches(eventName: "ObjectCreated:Put", key: "in/a.csv.gz"))
        #expect(!filter.matches(eventName: "ObjectRemoved:Delete", key: "in/a.csv"))
        #expect(!filter.matches(eventName: "ObjectCreated:Put", key: "xin/a.csv"))
        #expect(
            !one("a", ["s3:ObjectCreated:*"], prefix: "\u{FC}").matches(eventName: "ObjectCreated:Put", key: "u\u{308}")
        )
    }

    @Test("a configuration comes back from its own JSON")
    func json() throws {
        let configuration = NotificationConfiguration(
            lambdaFunctionConfigurations: [one("a", ["s3:ObjectCreated:*"], prefix: "in/", suffix: "")],
            sendsToEventBridge: true)
        #expect(try NotificationConfiguration(json: configuration.json) == configuration)
        #expect(
            configuration.json["LambdaFunctionConfigurations"]?[0]?["Filter"]?["Key"]?["FilterRules"]?[0]
                == ["Name": "Prefix", "Value": "in/"])
    }

    @Test("a bucket that sends to EventBridge tells each event there in EventBridge's shape")
    func bridge() async throws {
        let lake = try TestLake()
        let events = AsyncStream<EventBridgeEvent>.makeStream()
        let service = try lake.service(
            configuration: .init(sendsToEventBridge: true),
            bus: { event, connection in connection.afterCommit { events.continuation.yield(event) } })
        await service.start()
        await service.scanCompleted()
        lake.script("echo 1 > 'a b'")
        var iterator = events.stream.makeAsyncIterator()
        let created = try #require(await iterator.next())
        lake.script("rm 'a b'")
        let removed = try #require(await iterator.next())
        #expect(created.detailType == "Object Created" && created.source == "aws.s3")
        #expect(created.resources == ["arn:aws:s3:::raw"])
        #expect(created.detail["object"]?["key"] == "a b" && created.detail["object"]?["size"] == 2)
        #expect(created.detail["reason"] == "PutObject")
        #expect(removed.detailType == "Object Deleted" && removed.detail["deletion-type"] == "Permanently Deleted")
        #expect(removed.detail["object"]?["size"] == nil)
        await service.stop()
    }

    @Test("bucket names follow S3's rules")
    func bucketNames() {
        for name in ["raw", "a-b.c", "123", String(repeating: "a", count: 63)] { #expect(BucketName.isValid(name)) }
        for name in [
            "ab", "Raw", "-ab", "ab-", "a..b", "10.0.0.1", "xn--abc", "abc-s3alias", "a_b", ".abc", "",
            String(repeating: "a", count: 64),
        ] { #expect(!BucketName.isValid(name)) }
    }

    @Test("no key leads out of its bucket")
    func keys() throws {
        for key in [
            "", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\0b", ".hidden", "a/.b", "_temporary/a",
            String(repeating: "a", count: 256), String(repeating: "a/", count: 600) + "b",
        ] { #expect(throws: S3Error.self) { try ObjectPath.resolve(lake: "/lake", bucket: "raw", key: key) } }
        #expect(throws: S3Error.self) { try ObjectPath.resolve(lake: "/lake", bucket: "..", key: "a") }
        #expect(try ObjectPath.resolve(lake: "/lake", bucket: "raw", key: "a/b c.csv") == "/lake/raw/a/b c.csv")
    }

    @Test("the order of events grows with time, and never falls")
    func order() {
        let now = Timestamp(year: 2026, month: 1, day: 1)
        let first = Sequencer.next(after: 0, now: now)
        #expect(first >> 32 == now.milliseconds / 1000)
        #expect(Sequencer.next(after: first, now: now) == first + 1)
        #expect(Sequencer.next(after: first, now: now + .seconds(-60)) == first + 1)
        #expect(Sequencer.next(after: first, now: now + .milliseconds(1)) > first + 1)
    }

    @Test("parts are doubled until 10,000 suffice")
    func parts() {
        #expect(ETag.partSize(of: 8 << 20) == 8 << 20)
        #expect(ETag.partSize(of: 10000 * (8 << 20)) == 8 << 20)
        #expect(ETag.partSize(of: 10000 * (8 << 20) + 1) == 16 << 20)
    }
}
