import ArgumentParser
import EMR
import Events
import Glibc
import Lambda
import Storage
import Template

/// `sluice doctor`: what is missing on this machine.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is missing on this machine, and how to get it.",
        discussion: """
              sluice doctor
              sluice doctor --json | jq '.[] | select(.ok == false)'

            Exits with 1 where something is missing that the host or its steps need.
            """)

    /// One thing that was looked at.
    struct Finding {
        var name: String
        var ok: Bool
        var detail: String
        /// How to mend it, where it is not well.
        var remedy: String?
    }

    @Option(help: "The port that the host is to listen on.")
    var port = 4566
    @OptionGroup var project: Project.Options
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let project = try project.find()
        let findings = [
            template(project), state(project), database(project), lock(project), lake(project), space(project),
            descriptors(), processes(), isolation(), watches(), clock(project), spark(), python(), swift(),
            listening(project),
        ]
        if output.json {
            Terminal.output.line(
                JSON.array(
                    findings.map {
                        .compact([
                            "name": .string($0.name), "ok": JSON($0.ok), "detail": .string($0.detail),
                            "remedy": $0.ok ? nil : $0.remedy.map(JSON.string),
                        ])
                    }
                ).pretty)
        } else {
            for finding in findings {
                let mark = finding.ok ? Terminal.output.paint("✓", .green) : Terminal.output.paint("✗", .red)
                Terminal.output.line("\(mark) \(finding.name.padded(10)) \(finding.detail)")
                if !finding.ok, let remedy = finding.remedy { Terminal.output.line("             → \(remedy)") }
            }
        }
        if findings.contains(where: { !$0.ok }) { throw ExitStatus.failed }
    }

    private func template(_ project: Project) -> Finding {
        let faults = PipelineConfiguration.check(project)
        let errors = faults.filter { $0.severity == .error }
        return Finding(
            name: "template", ok: errors.isEmpty,
            detail: errors.first.map { "\($0)" } ?? project.template, remedy: "'sluice check' lists all \(errors.count)"
        )
    }

    /// Nothing that is missing: functions run without, and say less about what they leave.
    private func isolation() -> Finding {
        Finding(
            name: "isolation", ok: true,
            detail: LambdaService.grantsNamespaces()
                ? "each function has processes and mounts of its own"
                : "this machine grants no namespaces: functions see the machine's processes, and their code is not read-only"
        )
    }

    /// The folder itself, or the one above it where it is to be made.
    private func state(_ project: Project) -> Finding {
        var status = stat()
        let exists = stat(project.state, &status) == 0
        if exists, status.st_mode & S_IFMT != S_IFDIR {
            return Finding(
                name: "state", ok: false, detail: "\(project.state) is a file",
                remedy: "move it away, or name another state folder with --state")
        }
        let folder = exists ? project.state : project.root
        let space = FileSystemSpace(folder)
        if access(folder, W_OK | X_OK) != 0 {
            return Finding(
                name: "state", ok: false, detail: "\(MachineFault(errno: errno, path: project.state))",
                remedy: "until then only commands that read work")
        }
        var log = stat()
        let waiting = stat(project.database + "-wal", &log) == 0 ? Int64(log.st_size) : 0
        let need = max(512 << 20, waiting * 2)
        return Finding(
            name: "state", ok: space.free > need && space.freeFiles != 0,
            detail: "\(project.state), on \(space)".trimmed,
            remedy: "make room: with less than \(Feed.bytes(need)) free it may soon be full, and then everything waits")
    }

    private func database(_ project: Project) -> Finding {
        let remedy = "restore a backup with 'sluice restore'"
        do {
            let store = try Records.open(project)
            defer { store.close() }
            let faults = try store.quickCheck()
            var status = stat()
            stat(project.database, &status)
            return Finding(
                name: "database", ok: faults == ["ok"],
                detail: faults == ["ok"]
                    ? "\(project.database), sound, \(Feed.bytes(Int64(status.st_size)))"
                    : faults.prefix(2).joined(separator: "; "),
                remedy: remedy)
        } catch StoreError.missing {
            return Finding(name: "database", ok: true, detail: "none yet; 'sluice up' makes it")
        } catch {
            return Finding(name: "database", ok: false, detail: "\(error)", remedy: remedy)
        }
    }

    private func lock(_ project: Project) -> Finding {
        if HostLock.works(in: project) == false {
            return Finding(
                name: "lock", ok: false, detail: "the file system of \(project.state) can't lock files",
                remedy: "put the state folder on a local disk with --state")
        }
        let holder = HostLock.holder(of: project)
        return Finding(
            name: "lock", ok: true,
            detail: holder.map { "held by process \($0.processID) since \($0.started.iso8601)" } ?? "free")
    }

    private func space(_ project: Project) -> Finding {
        let folder = access(project.lake, F_OK) == 0 ? project.lake : project.root
        let space = FileSystemSpace(folder)
        return Finding(
            name: "lake space", ok: space.free > 64 << 20 && !space.isReadOnly && space.freeFiles != 0,
            detail: "\(folder), on \(space)\(space.isReadOnly ? " read-only" : "")".trimmed,
            remedy: space.isReadOnly
                ? "mount it for writing (mount -o remount,rw \(space.mountPoint)); until then uploads and what jobs write fail"
                : "make room: uploads and what functions and jobs write would fail")
    }

    private func descriptors() -> Finding {
        let limit = ProcessLimits.descriptors
        return Finding(
            name: "files", ok: limit.maximum >= 1024,
            detail: "\(limit.current) open files, which the host raises to \(min(limit.maximum, 65536))",
            remedy: "ulimit -Hn 65536, or LimitNOFILE=65536 in the systemd unit")
    }

    private func processes() -> Finding {
        let limit = ProcessLimits.processes.current
        let isBounded = limit < 1 << 32 && geteuid() != 0
        return Finding(
            name: "processes", ok: !isBounded || limit >= 256,
            detail: isBounded ? "\(limit) processes and threads for this user" : "not limited for this user",
            remedy: "ulimit -u 4096, or LimitNPROC=4096 and TasksMax=4096 in the systemd unit")
    }

    /// A clock that was set back makes events older than what is recorded already.
    private func clock(_ project: Project) -> Finding {
        var newest: Int64 = 0
        for suffix in ["", "-wal"] {
            var status = stat()
            if stat(project.database + suffix, &status) == 0 { newest = max(newest, Int64(status.st_mtim.tv_sec)) }
        }
        let now = Timestamp.now
        let ahead = newest - now.milliseconds / 1000
        let isPast = now.milliseconds < 1_700_000_000_000
        return Finding(
            name: "clock", ok: ahead < 60 && !isPast,
            detail: now.iso8601 + (ahead >= 60 ? ", but the database was written \(ahead) s later than that" : ""),
            remedy: "set the clock (timedatectl set-ntp true)")
    }

    private func lake(_ project: Project) -> Finding {
        guard access(project.lake, F_OK) == 0 else {
            return Finding(name: "lake", ok: true, detail: "\(project.lake), not there yet; 'sluice up' makes it")
        }
        guard access(project.lake, R_OK | X_OK) == 0 else {
            return Finding(
                name: "lake", ok: false, detail: "\(project.lake) can't be read: \(String(cString: strerror(errno)))",
                remedy: "give this user read permission (chmod -R u+rX)")
        }
        let name = FileSystemSpace(project.lake).type
        if ["nfs", "nfs4", "cifs", "smb3", "9p", "vboxsf", "afs", "ceph"].contains(name) || name.hasPrefix("fuse") {
            return Finding(
                name: "lake", ok: false,
                detail: "\(project.lake) lies on \(name), whose changes by others are not told to this machine",
                remedy: "put the lake on a local disk with --lake; here it is looked through every 30 seconds instead")
        }
        return Finding(name: "lake", ok: true, detail: project.lake)
    }

    private func watches() -> Finding {
        func number(_ name: String) -> Int {
            let text =
                (try? FileBytes.read("/proc/sys/fs/inotify/\(name)")).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return Int(text.split(separator: "\n").first ?? "") ?? 0
        }
        let watches = number("max_user_watches")
        return Finding(
            name: "inotify", ok: watches >= 8192 && number("max_user_instances") >= 8,
            detail: "\(watches) folders can be watched, \(number("max_queued_events")) events queued",
            remedy: "sudo sysctl fs.inotify.max_user_watches=262144")
    }

    private func spark() -> Finding {
        do {
            let found = try SparkInstallation.find(environment: HostIdentity.environment)
            return Finding(name: "spark", ok: true, detail: "Apache Spark \(found.sparkVersion) in \(found.sparkHome)")
        } catch {
            return Finding(
                name: "spark", ok: false,
                detail: error.missing.joined(separator: ", ") + " is missing: steps will fail",
                remedy: "make setup, in a checkout of Sluice (about 320 MB)")
        }
    }

    private func python() -> Finding {
        let found = Self.inPath("python3")
        return Finding(
            name: "python3", ok: found != nil, detail: found ?? "not found: functions with a python3 runtime can't run",
            remedy: "apt-get install python3")
    }

    private func swift() -> Finding {
        let found = Self.inPath("swift")
        return Finding(
            name: "swift", ok: found != nil, detail: found ?? "not found: functions can't be built here",
            remedy: "https://www.swift.org/install")
    }

    private func listening(_ project: Project) -> Finding {
        if let holder = HostLock.holder(of: project) {
            return Finding(
                name: "host", ok: true,
                detail: "runs as process \(holder.processID)" + (holder.port.map { ", port \($0)" } ?? ""))
        }
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var one: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let free = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        return Finding(
            name: "host", ok: free,
            detail: free
                ? "not running; port \(port) is free" : "not running, and port \(port) is taken by another program",
            remedy: "stop the other program, or use 'sluice up --port'")
    }

    private static func inPath(_ program: String) -> String? {
        (HostIdentity.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }.first {
            access($0, X_OK) == 0
        }
    }
}

extension String {
    /// Without the comma that a description inside a sentence ends with.
    fileprivate var trimmed: String { hasSuffix(",") ? String(dropLast()) : self }
}
