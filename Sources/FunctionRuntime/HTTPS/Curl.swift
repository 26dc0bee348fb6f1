import CFunctionRuntime
import Glibc

/// One HTTPS transfer through libcurl, which every Lambda base image has; it is loaded when the first object is opened on AWS.
///
/// Pulled, not pushed: bytes are fetched from the network only while the caller asks for some.
final class Curl {
    /// A transfer that failed below HTTP.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        /// Whether to try again makes sense: not where a name or a certificate is wrong.
        let isTransient: Bool
    }

    /// libcurl's numbers, from its stable interface (curl.h).
    private enum Option {
        static let writeData: Int32 = 10_001
        static let url: Int32 = 10_002
        static let readData: Int32 = 10_009
        static let httpHeader: Int32 = 10_023
        static let headerData: Int32 = 10_029
        static let writeFunction: Int32 = 20_011
        static let readFunction: Int32 = 20_012
        static let headerFunction: Int32 = 20_079
        static let upload: Int32 = 46
        static let noSignal: Int32 = 99
        static let lowSpeedLimit: Int32 = 19
        static let lowSpeedTime: Int32 = 20
        static let connectTimeout: Int32 = 78
        static let caInfo: Int32 = 10_065
        static let inFileSizeLarge: Int32 = 30_115
        static let pathAsIs: Int32 = 234
        static let responseCode: Int32 = 0x20_0002
    }

    private struct Library {
        typealias Handle = UnsafeMutableRawPointer
        let easyInit: @convention(c) () -> Handle?
        let easyCleanup: @convention(c) (Handle?) -> Void
        let setopt: UnsafeMutableRawPointer
        let getinfo: UnsafeMutableRawPointer
        let errorText: @convention(c) (Int32) -> UnsafePointer<CChar>
        let listAppend: @convention(c) (Handle?, UnsafePointer<CChar>) -> Handle?
        let listFree: @convention(c) (Handle?) -> Void
        let multiInit: @convention(c) () -> Handle?
        let multiAdd: @convention(c) (Handle?, Handle?) -> Int32
        let multiRemove: @convention(c) (Handle?, Handle?) -> Int32
        let multiPerform: @convention(c) (Handle?, UnsafeMutablePointer<Int32>) -> Int32
        let multiWait: @convention(c) (Handle?, Handle?, UInt32, Int32, UnsafeMutablePointer<Int32>?) -> Int32
        let multiInfo: @convention(c) (Handle?, UnsafeMutablePointer<Int32>) -> UnsafeRawPointer?
        let multiCleanup: @convention(c) (Handle?) -> Int32

        init() throws {
            let library = try DynamicLibrary("libcurl.so.4")
            func find<Function>(_ name: String) throws -> Function {
                unsafeBitCast(try library.symbol(name), to: Function.self)
            }
            easyInit = try find("curl_easy_init")
            easyCleanup = try find("curl_easy_cleanup")
            setopt = try library.symbol("curl_easy_setopt")
            getinfo = try library.symbol("curl_easy_getinfo")
            errorText = try find("curl_easy_strerror")
            listAppend = try find("curl_slist_append")
            listFree = try find("curl_slist_free_all")
            multiInit = try find("curl_multi_init")
            multiAdd = try find("curl_multi_add_handle")
            multiRemove = try find("curl_multi_remove_handle")
            multiPerform = try find("curl_multi_perform")
            multiWait = try find("curl_multi_wait")
            multiInfo = try find("curl_multi_info_read")
            multiCleanup = try find("curl_multi_cleanup")
        }
    }

    /// `CURLMsg`; the result is a union's first member.
    private struct Message {
        var kind: Int32
        var handle: UnsafeMutableRawPointer?
        var result: Int32
    }

    /// What libcurl's callbacks fill and empty.
    private final class Transfer {
        var received: [UInt8] = []
        var taken = 0
        var headers: [String: String] = [:]
        var upload: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    }

    private let library: Library
    private let easy: UnsafeMutableRawPointer
    private let multi: UnsafeMutableRawPointer
    private var headerList: UnsafeMutableRawPointer?
    private let transfer = Transfer()
    private var isComplete = false
    /// Response headers, names in lower case; complete once ``start()`` has returned.
    var headers: [String: String] { transfer.headers }

    /// Prepares a request. `upload` makes it a PUT, and must live until ``start()`` has returned.
    init(url: String, headers: [String: String], upload: UnsafeRawBufferPointer? = nil) throws {
        library = try Library()
        guard let easy = library.easyInit(), let multi = library.multiInit() else {
            throw Failure(description: "libcurl has no memory", isTransient: false)
        }
        self.easy = easy
        self.multi = multi
        for (name, value) in headers where name != "host" {
            headerList = library.listAppend(headerList, "\(name): \(value)")
        }
        // Without these curl would wait for a 100 before a body, and name a type of its own.
        if upload != nil { headerList = library.listAppend(headerList, "Expect:") }
        set(Option.url, url)
        set(Option.httpHeader, UnsafeRawPointer(headerList))
        set(Option.noSignal, 1)
        // A key may hold `.` and `..`; curl would fold them.
        set(Option.pathAsIs, 1)
        set(Option.connectTimeout, 10)
        set(Option.lowSpeedLimit, 1)
        set(Option.lowSpeedTime, 60)
        if let bundle = FunctionEnvironment["AWS_CA_BUNDLE"] { set(Option.caInfo, bundle) }

        let context = UnsafeRawPointer(Unmanaged.passUnretained(transfer).toOpaque())
        let receive: @convention(c) (UnsafeRawPointer, Int, Int, UnsafeRawPointer) -> Int = {
            bytes, size, count, data in
            let transfer = Unmanaged<Transfer>.fromOpaque(data).takeUnretainedValue()
            transfer.received.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        }
        let header: @convention(c) (UnsafeRawPointer, Int, Int, UnsafeRawPointer) -> Int = { bytes, size, count, data in
            let transfer = Unmanaged<Transfer>.fromOpaque(data).takeUnretainedValue()
            let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: size * count), as: UTF8.self)
            if line.hasPrefix("HTTP/") { transfer.headers = [:] }
            if let colon = line.firstIndex(of: ":") {
                let value = line[line.index(after: colon)...].drop { $0 == " " }
                transfer.headers[line[..<colon].lowercased()] = String(value.prefix { !$0.isNewline })
            }
            return size * count
        }
        set(Option.writeFunction, unsafeBitCast(receive, to: UnsafeRawPointer.self))
        set(Option.writeData, context)
        set(Option.headerFunction, unsafeBitCast(header, to: UnsafeRawPointer.self))
        set(Option.headerData, context)
        if let upload {
            transfer.upload = upload
            let send: @convention(c) (UnsafeMutableRawPointer, Int, Int, UnsafeRawPointer) -> Int = {
                buffer, size, count, data in
                let transfer = Unmanaged<Transfer>.fromOpaque(data).takeUnretainedValue()
                let part = transfer.upload.prefix(size * count)
                UnsafeMutableRawBufferPointer(start: buffer, count: size * count).copyBytes(from: part)
                transfer.upload = UnsafeRawBufferPointer(rebasing: transfer.upload.dropFirst(part.count))
                return part.count
            }
            set(Option.upload, 1)
            set(Option.inFileSizeLarge, upload.count)
            set(Option.readFunction, unsafeBitCast(send, to: UnsafeRawPointer.self))
            set(Option.readData, context)
        }
        _ = library.multiAdd(multi, easy)
    }

    deinit {
        _ = library.multiRemove(multi, easy)
        library.easyCleanup(easy)
        _ = library.multiCleanup(multi)
        library.listFree(headerList)
    }

    private func set(_ option: Int32, _ value: Int) {
        _ = function_runtime_setopt_long(library.setopt, easy, option, value)
    }
    private func set(_ option: Int32, _ value: UnsafeRawPointer?) {
        _ = function_runtime_setopt_pointer(library.setopt, easy, option, value)
    }
    private func set(_ option: Int32, _ text: String) {
        // curl copies strings.
        text.withCString { set(option, UnsafeRawPointer($0)) }
    }

    /// Runs the transfer until the body's first bytes are there, or its end; the response's status.
    func start() throws -> Int {
        try fill()
        var status = 0
        _ = function_runtime_getinfo_long(library.getinfo, easy, Option.responseCode, &status)
        return status
    }

    /// The body's next bytes; 0 at its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try fill()
        let count = min(buffer.count, transfer.received.count - transfer.taken)
        transfer.received.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[transfer.taken..<transfer.taken + count]))
        }
        transfer.taken += count
        return count
    }

    private func fill() throws {
        guard transfer.taken == transfer.received.count else { return }
        transfer.received.removeAll(keepingCapacity: true)
        transfer.taken = 0
        while transfer.received.isEmpty, !isComplete {
            var running: Int32 = 0
            _ = library.multiPerform(multi, &running)
            var left: Int32 = 0
            while let message = library.multiInfo(multi, &left) {
                isComplete = true
                let result = message.load(as: Message.self).result
                // No such protocol, bad address, unknown host, certificate problems: the same again tomorrow.
                guard result == 0 else {
                    throw Failure(
                        description: String(cString: library.errorText(result)),
                        isTransient: ![1, 3, 6, 35, 51, 58, 60, 77].contains(result))
                }
            }
            if transfer.received.isEmpty, !isComplete { _ = library.multiWait(multi, nil, 0, 1000, nil) }
        }
    }
}
