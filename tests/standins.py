"""Programs that stand in for tiup, pd-server and tikv-server where there are none.

Each is strict about its arguments, which are those that ``tiup playground`` gives and takes; pd-server and tikv-server
become the mini-cluster's own processes, tiup runs those two and answers on its port as TiUP's playground does.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["free_port", "make_binaries", "make_tiup"]

PD = """
import argparse, os, sys, tomllib
p = argparse.ArgumentParser(allow_abbrev=False)
for name in ("name", "data-dir", "peer-urls", "advertise-peer-urls", "client-urls", "advertise-client-urls",
             "log-file", "initial-cluster", "config"):
    p.add_argument("--" + name, required=True)
a = p.parse_args()
client, peer = a.client_urls, a.peer_urls
assert client.startswith("http://") and a.advertise_client_urls == client, "client urls"
assert peer != client and a.advertise_peer_urls == peer and a.initial_cluster == f"{a.name}={peer}", "peer urls"
config = tomllib.load(open(a.config, "rb"))
assert config["schedule"]["merge-schedule-limit"] == 0, "small Regions would be merged"
assert not [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy")] or "no_proxy" in os.environ
own = f"{a.data_dir}/{os.getpid()}"
os.makedirs(own)
open(a.log_file, "a").write("[INFO] Welcome to Placement Driver (PD)\\n")
command = [sys.executable, "-m", "ycsbpy.minicluster", "pd", "--dir", own, "--addr", client[7:]]
os.execv(command[0], [*command, "--name", a.name])
"""
TIKV = """
import argparse, os, sys, tomllib
p = argparse.ArgumentParser(allow_abbrev=False)
for name in ("addr", "advertise-addr", "status-addr", "pd-endpoints", "config", "data-dir", "log-file"):
    p.add_argument("--" + name, required=True)
a = p.parse_args()
config = tomllib.load(open(a.config, "rb"))
open(a.log_file, "a").write("[INFO] Welcome to TiKV\\n")
assert a.advertise_addr == a.addr != a.status_addr
if config["rocksdb"]["max-open-files"] != 256 or config["raftdb"]["max-open-files"] != 256:
    sys.exit("[FATAL] the maximum number of open file descriptors is too small")
assert config["server"]["graceful-shutdown-timeout"] == "0s", "stops would take 20 s"
marks = os.path.dirname(os.path.abspath(__file__))
if os.path.exists(marks + "/no-more-stores"):
    sys.exit("[FATAL] failed to open the engine")
endpoints = a.pd_endpoints.split(",")
assert all(one.startswith("http://") for one in endpoints)
os.makedirs(a.data_dir, exist_ok=True)
own = f"{a.data_dir}/{os.getpid()}"  # each start is a new store: that data outlive a restart is the real ones' matter
command = [sys.executable, "-m", "ycsbpy.minicluster", "store", "--dir", own, "--addr", a.addr]
command += ["--pd", ",".join(one[7:] for one in endpoints), "--region-heartbeat=5"]
for name, size in config.get("coprocessor", {}).items():  # region-split-size and region-max-size
    command += [f"--{name}={int(size[:-3]) * {'KiB': 2**10, 'MiB': 2**20, 'GiB': 2**30}[size[-3:]]}"]
os.execv(command[0], command)
"""
TIUP = """
import argparse, http.server, json, os, shutil, signal, socket, subprocess, sys, threading, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
HOME = os.environ.get("TIUP_HOME") or os.path.expanduser("~/.tiup")

if sys.argv[1:] == ["--version"]:
    print("1.16.5 tiup\\nGo Version: go1.21.13")
    sys.exit(0)
if sys.argv[1] == "clean":
    folder = os.path.join(HOME, "data", sys.argv[2])
    print(f"Clean instance of `playground`, directory: {folder}")
    shutil.rmtree(folder)
    sys.exit(0)
if sys.argv[1] == "playground":  # tiup proper waits for the component, and leaves Ctrl-C to it
    child = subprocess.Popen([sys.executable, os.path.abspath(__file__), "tiup-playground", *sys.argv[2:]])
    signal.signal(signal.SIGINT, lambda *_: None)
    sys.exit(child.wait())
assert sys.argv[1] == "tiup-playground", sys.argv

p = argparse.ArgumentParser(allow_abbrev=False)
p.add_argument("version", nargs="?", default="v8.5.0")
p.add_argument("--tag", required=True)
p.add_argument("--mode", choices=["tikv-slim"], required=True)
p.add_argument("--kv", type=int, default=1)
p.add_argument("--pd", type=int, default=1)
p.add_argument("--host", default="127.0.0.1")
p.add_argument("--pd.port", dest="pd_port", type=int, default=2379)
p.add_argument("--kv.port", dest="kv_port", type=int, default=20160)
p.add_argument("--kv.config", dest="kv_config")
p.add_argument("--pd.config", dest="pd_config")
p.add_argument("--kv.binpath", dest="kv_binpath", default=HERE + "/tikv-server")
p.add_argument("--pd.binpath", dest="pd_binpath", default=HERE + "/pd-server")
p.add_argument("--without-monitor", action="store_true")
a = p.parse_args(sys.argv[2:])
folder = os.path.join(HOME, "data", a.tag)
os.makedirs(folder, exist_ok=True)
given = set()


def port(wanted):
    while True:
        with socket.socket() as s:
            try:
                if wanted not in given:
                    s.bind((a.host, wanted))
                    given.add(wanted)
                    return wanted
            except OSError:
                pass
        wanted += 1


class Instance:
    def __init__(self, role, number, command):
        self.role, self.number, self.began = role, number, time.time()
        self.command = command
        self.folder = os.path.join(folder, f"{role}-{number}")
        os.makedirs(self.folder, exist_ok=True)
        print(f"Start {role} instance: {a.version}", flush=True)
        self.process = subprocess.Popen(command, stdout=open(self.folder + "/out", "ab"), stderr=subprocess.STDOUT)


def pd():
    where = os.path.join(folder, "pd-0")
    client = port(a.pd_port)
    peer, url = f"http://{a.host}:{port(client + 1)}", f"http://{a.host}:{client}"
    return f"{a.host}:{client}", Instance("pd", 0, [a.pd_binpath, "--name=pd-0", f"--data-dir={where}/data",
        f"--peer-urls={peer}", f"--advertise-peer-urls={peer}", f"--client-urls={url}",
        f"--advertise-client-urls={url}", f"--log-file={where}/pd.log", f"--initial-cluster=pd-0={peer}",
        f"--config={a.pd_config}"])


def kv(number, config):
    where = os.path.join(folder, f"tikv-{number}")
    addr, status = f"{a.host}:{port(a.kv_port)}", f"{a.host}:{port(a.kv_port + 20)}"
    return Instance("tikv", number, [a.kv_binpath, f"--addr={addr}", f"--advertise-addr={addr}",
        f"--status-addr={status}", f"--pd-endpoints=http://{endpoint}", f"--config={config}",
        f"--data-dir={where}/data", f"--log-file={where}/tikv.log"])


class Commands(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_error(405)

    def do_POST(self):
        assert self.path == "/command"
        command = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, text = 200, ""
        if command["CommandType"] == "display":
            text = "Pid    Role  Uptime\\n---    ----  ------\\n"
            for one in instances:
                done = one.process.poll()
                uptime = f"{time.time() - one.began:.9f}s" if done is None else f"exit status {done}"
                text += f"{one.process.pid}  {one.role}  {uptime}\\n"
        elif command["CommandType"] == "scale-out" and command["ComponentID"] == "tikv":
            instances.append(kv(sum(one.role == "tikv" for one in instances), command["ConfigPath"]))
        elif command["CommandType"] == "scale-in":
            found = [one for one in instances if one.process.pid == command["PID"]]
            status, text = (200, "tikv will be stop when tombstone") if found else (
                403, f"no instance with id: {command['PID']}")
        else:
            status, text = 403, "unknown command"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


endpoint, first = pd()
instances = [first]
instances += [kv(number, a.kv_config) for number in range(a.kv)]
print(f"\\033]0;TiUP Playground: {a.tag}\\a", end="")
server = http.server.ThreadingHTTPServer(("127.0.0.1", port(9527)), Commands)
open(os.path.join(folder, "port"), "w").write(str(server.server_port))
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"\\033[1mPD Endpoints:   \\033[0m{endpoint}", flush=True)
caught = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, lambda *_: caught.set())
while not caught.wait(0.1):
    pass
print("Playground receive signal: interrupt", flush=True)
for one in reversed(instances):
    print(f"Wait {one.role}({one.process.pid}) to quit...", flush=True)
    if one.process.poll() is None:
        one.process.send_signal(signal.SIGTERM)
    one.process.wait()
    print(f"{one.role}-{one.number} quit", flush=True)
"""


def free_port() -> int:
    """The first of a run of ports below the system's own range, so that none is taken by a connection meanwhile."""
    for base in range(21000 + os.getpid() % 90 * 100, 32000, 100):
        if all(_free(port) for port in range(base, base + 30)):
            return base
    raise AssertionError("no free ports")


def _free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def make_binaries(folder: Path) -> Path:
    """Write pd-server and tikv-server into ``folder``; a file ``no-more-stores`` there makes every new store fail."""
    _write(folder / "pd-server", PD)
    _write(folder / "tikv-server", TIKV)
    return folder


def make_tiup(folder: Path) -> Path:
    """Write tiup, and what it runs, into ``folder``; return its path."""
    make_binaries(folder)
    return _write(folder / "tiup", TIUP)


def _write(path: Path, source: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}{source}")
    path.chmod(0o755)
    return path
