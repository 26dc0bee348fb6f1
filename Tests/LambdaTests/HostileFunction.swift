/// A function in plain Python that behaves as badly as its event asks. It speaks the Runtime API by `http.client` alone.
enum HostileFunction {
    static let source = #"""
        #!/usr/bin/env python3
        import ctypes, errno, http.client, json, os, resource, signal, socket, subprocess, sys, time

        def mark(text):
            with open(os.environ["MARK"], "w") as pipe:
                pipe.write(text + "\n")

        init = os.environ.get("INIT", "")
        if init == "exit 7":
            print("dying early", flush=True)
            sys.exit(7)
        if init == "exit 0":
            sys.exit(0)
        if init == "hang":
            mark("init")
            time.sleep(600)
        connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

        def call(method, path, body=None, headers={}):
            connection.request(method, "/2018-06-01/runtime" + path, body, headers,
                               encode_chunked="Transfer-Encoding" in headers)
            answer = connection.getresponse()
            return answer, answer.read()

        if init == "error":
            call("POST", "/init/error", json.dumps({"errorType": "Config.Missing", "errorMessage": "no table"}),
                 {"Lambda-Runtime-Function-Error-Type": "Config.Missing"})
            sys.exit(1)

        def handle(event, headers):
            do = event.get("do")
            if do == "echo":
                return event
            if do == "environment":
                return dict(os.environ)
            if do == "headers":
                return {name: value for name, value in headers}
            if do == "raise":
                raise ValueError("no good")
            if do == "exit":
                print("last words", flush=True)
                os._exit(event["code"])
            if do == "kill":
                os.kill(os.getpid(), event["signal"])
            if do == "hang":
                print("about to hang", flush=True)
                mark("hang")
                time.sleep(600)
            if do == "ignore":
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                subprocess.Popen(["sleep", "600"])
                subprocess.Popen(["sleep", "600"], start_new_session=True)
                mark("hang")
                time.sleep(600)
            if do == "fork":
                while True:
                    if os.fork() == 0:
                        time.sleep(600)
            if do == "flood":
                line = b"x" * 999 + b"\n"
                for _ in range(event["kilobytes"]):
                    os.write(1, line)
                return "flooded"
            if do == "print":
                for line in event["lines"]:
                    os.write(1, bytes(line, "latin-1") + b"\n")
                return "printed"
            if do == "memory file":
                file = os.memfd_create("held")
                for _ in range(event["megabytes"]):
                    os.write(file, b"x" * (1 << 20))
                    time.sleep(0.001)
                return "held"
            if do == "allocate":
                held = []
                for _ in range(event["megabytes"]):
                    held.append(b"x" * (1 << 20))
                    time.sleep(0.002)
                time.sleep(600)
            if do == "files":
                held = []
                try:
                    while True:
                        held.append(open("/dev/null"))
                except OSError as error:
                    return {"opened": len(held), "errno": error.errno}
            if do == "descriptors":
                own = connection.sock.fileno()
                return sorted(int(name) for name in os.listdir("/proc/self/fd") if int(name) not in (own,))
            if do == "reach":
                def attempt(action):
                    try:
                        return action()
                    except OSError as error:
                        return errno.errorcode[error.errno]

                def write(path):
                    with open(path, "w") as file:
                        return file.write("x")

                def mount():
                    library = ctypes.CDLL(None, use_errno=True)
                    if library.mount(b"none", b"/tmp", b"tmpfs", 0, None) != 0:
                        raise OSError(ctypes.get_errno(), "mount")
                    return "mounted"

                code = os.environ["LAMBDA_TASK_ROOT"]
                status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
                return {
                    "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
                    "kill": attempt(lambda: os.kill(event["host"], 0)),
                    "environment": attempt(lambda: len(open("/proc/%d/environ" % event["host"]).read())),
                    "memory": attempt(lambda: open("/proc/%d/mem" % event["host"], "rb") and "opened"),
                    "code": attempt(lambda: write(code + "/planted")),
                    "mode": attempt(lambda: os.chmod(code + "/bootstrap", 0o777)),
                    "own": attempt(lambda: write(os.environ["TMPDIR"] + "/mine")),
                    "sysctl": attempt(lambda: write("/proc/sys/kernel/pid_max")),
                    "sysfs": attempt(lambda: write("/sys/kernel/mm/ksm/run")),
                    "irq": attempt(lambda: write("/proc/irq/default_smp_affinity")),
                    "mount": attempt(mount),
                    "shared": sorted(os.listdir("/dev/shm")),
                    "capabilities": int(status["CapEff"], 16), "privileges": status["NoNewPrivs"],
                    "session": os.getsid(0) == os.getpid(), "folder": os.getcwd() == code,
                    "limits": [resource.getrlimit(resource.RLIMIT_NOFILE)[1], resource.getrlimit(resource.RLIMIT_CORE)[1]],
                    "input": os.readlink("/proc/self/fd/0"),
                }
            if do == "intrude":
                try:
                    other = http.client.HTTPConnection("127.0.0.1", event["port"], timeout=5)
                    other.request("GET", "/2018-06-01/runtime/invocation/next")
                    return other.getresponse().status
                except OSError as error:
                    return type(error).__name__
            return "done"

        while True:
            answer, body = call("GET", "/invocation/next")
            request = answer.getheader("Lambda-Runtime-Aws-Request-Id")
            base = "/invocation/" + request
            event = json.loads(body)
            do = event.get("do")
            try:
                if do == "text":
                    call("POST", base + "/response", "this is no JSON")
                elif do == "large":
                    answer, body = call("POST", base + "/response", b'"' + b"x" * event["bytes"] + b'"')
                    print("large", answer.status, body.decode(), flush=True)
                elif do == "chunked":
                    call("POST", base + "/response", iter([b'{"a":', b'[1,', b'2]}']), {"Transfer-Encoding": "chunked"})
                elif do == "continue":
                    call("POST", base + "/response", b'"waited"', {"Expect": "100-continue"})
                elif do == "twice":
                    call("POST", base + "/response", b'"first"')
                    answer, body = call("POST", base + "/response", b'"second"')
                    mark("twice %d %s" % (answer.status, json.loads(body)["errorType"]))
                elif do == "wrong id":
                    answer, body = call("POST", "/invocation/0000/response", b'"stolen"')
                    call("POST", base + "/response", json.dumps([answer.status, json.loads(body)["errorType"]]))
                elif do == "wander off":
                    call("POST", base + "/response", b'"gone"')
                    mark("wandered")
                    time.sleep(600)
                elif do == "answer and exit":
                    call("POST", base + "/response", b'"bye"')
                    sys.exit(0)
                elif do == "garbage":
                    raw = socket.create_connection(connection.sock.getpeername())
                    raw.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
                    said = raw.recv(100).split(b"\r\n")[0].decode()
                    call("POST", base + "/response", json.dumps(said))
                else:
                    call("POST", base + "/response", json.dumps(handle(event, answer.getheaders())))
            except ValueError as error:
                call("POST", base + "/error",
                     json.dumps({"errorMessage": str(error), "errorType": "ValueError", "stackTrace": []}),
                     {"Lambda-Runtime-Function-Error-Type": "ValueError"})
        """#
}
