import ArgumentParser
import EMR
import Events
import Glibc
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
            template(project), state(project), database(project), lake(project), watches(), spark(), python(), swift(),
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

    private func state(_ project: Project) -> Finding {
        var exists = stat()
        let folder = stat(project.state, &exists) == 0 ? project.state : project.root
        var space = statvfs()
        statvfs(folder, &space)
        let free = Int64(space.f_bavail) * Int64(space.f_frsize)
        let writable = access(folder, W_OK) == 0
        return Finding(
            name: "state", ok: writable && free > 512 << 20,
            detail: "\(project.state)\(writable ? "" : " can't be written"), \(Feed.bytes(free)) free",
            remedy: writable
                ? "make room: with a full disk everything waits" : "give yourself write permission, or use --state")
    }

    private func database(_ project: Project) -> Finding {
        do {
            let store = try Records.open(project)
            defer { store.close() }
            let faults = try store.integrityCheck()
            return Finding(
                name: "database", ok: faults == ["ok"],
                detail: faults == ["ok"] ? "\(project.database), sound" : faults.prefix(2).joined(separator: "; "),
                remedy: "restore a backup with 'sluice restore'")
        } catch StoreError.missing {
            return Finding(name: "database", ok: true, detail: "none yet; 'sluice up' makes it")
        } catch {
            return Finding(
                name: "database", ok: false, detail: "\(error)", remedy: "restore a backup with 'sluice restore'")
        }
    }

    private func lake(_ project: Project) -> Finding {
        guard access(project.lake, F_OK) == 0 else {
            return Finding(name: "lake", ok: true, detail: "\(project.lake), not there yet; 'sluice up' makes it")
        }
        let name = Self.fileSystem(of: project.lake)
        if ["nfs", "nfs4", "cifs", "smb3", "9p", "vboxsf", "afs", "ceph"].contains(name) || name.hasPrefix("fuse") {
            return Finding(
                name: "lake", ok: false,
                detail: "\(project.lake) lies on \(name), whose changes by others are not told to this machine",
                remedy: "put the lake on a local disk with --lake; here it is looked through every 30 seconds instead")
        }
        return Finding(name: "lake", ok: true, detail: project.lake)
    }

    /// The type of the file system that a folder lies on: that of the longest mount point above it, proc_pid_mountinfo(5).
    private static func fileSystem(of path: String) -> String {
        let mounts = (try? FileBytes.read("/proc/self/mountinfo")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        var best = (length: -1, type: "")
        for mount in mounts.split(separator: "\n") {
            let sides = mount.split(separator: " - ", maxSplits: 1)
            let fields = sides[0].split(separator: " ")
            guard sides.count == 2, fields.count > 4, let type = sides[1].split(separator: " ").first else { continue }
            let point = String(fields[4])
            let isAbove = point == "/" || path == point || path.hasPrefix(point + "/")
            if isAbove, point.utf8.count > best.length { best = (point.utf8.count, String(type)) }
        }
        return best.type
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
