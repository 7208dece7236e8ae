# SPDX-License-Identifier: Apache-2.0
"""What people would use instead, under the same loads and against the same sink."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import machine
import workload
from machine import Failed, Unavailable, run_to_end
from office import counting_sink, wait_until
from run import Run

HERE = pathlib.Path(__file__).parent
NODEMAILER = "nodemailer@10.6.0"
MODULES = pathlib.Path(os.environ.get("DATELINE_BUILDDIR", ".")) / "bench-peers"


def find(name):
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        raise Unavailable(f"{name} is not installed (tools/setup bench)")
    return path


def against_sink(load, command):
    """Runs command(port, size); its rate is by the seconds that it prints, or else by its own
    whole life."""
    with machine.temporary() as folder, counting_sink(folder, load) as sink:
        arguments, environment = command(str(sink.port), str(workload.wire_size(load.size)))
        output, took, cpu = run_to_end(arguments, env=dict(os.environ, **environment))
        if sink.totals()["messages"] != load.messages:
            raise Failed(f"{arguments[0]}: the sink has {sink.totals()} of {load.messages}")
    return Run(load.messages / float(output.strip() or took), cpu / load.messages)


def smtp_source(load):
    """Postfix's load generator: the same constant bytes, no record."""
    program = find("smtp-source")
    return against_sink(load, lambda port, size: ([
        program, "-d", "-s", str(load.connections), "-m", str(load.messages), "-l", size,
        "-f", "press@example.org", "-t", "reader@example.org", f"127.0.0.1:{port}"], {}))


def smtplib(load):
    return against_sink(load, lambda port, size: ([
        sys.executable, str(HERE / "peer_smtplib.py"), port, str(load.connections),
        str(load.messages), size], {}))


def nodemailer(load):
    node = find("node")
    install_nodemailer()
    return against_sink(load, lambda port, size: ([
        node, str(HERE / "peer_nodemailer.js"), port, str(load.connections), str(load.messages),
        size], {"NODE_PATH": str(MODULES / "node_modules")}))


def install_nodemailer():
    """Into the build folder, once."""
    if (MODULES / "node_modules" / "nodemailer").exists():
        return
    MODULES.mkdir(parents=True, exist_ok=True)
    npm = find("npm")
    try:
        run_to_end([npm, "install", "--prefix", str(MODULES), "--ignore-scripts", "--no-audit",
                    "--no-fund", "--silent", NODEMAILER])
    except Failed as error:
        raise Unavailable(f"{NODEMAILER} could not be installed: {error}") from error


MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
myhostname = bench.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{relay}
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = none
disable_dns_lookups = yes
biff = no
alias_maps =
alias_database =
local_recipient_maps =
default_process_limit = {connections}
default_destination_concurrency_limit = {connections}
initial_destination_concurrency = {connections}
smtp_connection_cache_destinations = [127.0.0.1]:{relay}
defer_transports = smtp
"""

MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def postfix(load):
    """Postfix of its own relays a queue that was filled beforehand. It is given as many
    processes and as much concurrency as we have connections, and a cache of connections."""
    program, source = find("postfix"), find("smtp-source")
    if os.geteuid() != 0:
        raise Unavailable("Postfix starts for root only")
    with machine.temporary() as folder, counting_sink(folder, load) as sink:
        port = write_postfix(folder, sink.port, load)
        tool = [program, "-c", folder]
        run_to_end([*tool, "check"])
        # Without the script around it, which would leave it behind when it is ended. It ends
        # its own processes, as a group.
        home = run_to_end([find("postconf"), "-c", folder, "-h", "daemon_directory"])[0].strip()
        master = subprocess.Popen([f"{home}/master", "-c", folder, "-d"], start_new_session=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: listens(port), "Postfix listens")
            size = str(workload.wire_size(load.size))
            run_to_end([source, "-d", "-s", "10", "-m", str(load.messages), "-l", size, "-f",
                        "press@example.org", "-t", "reader@example.org", f"127.0.0.1:{port}"])
            wait_until(lambda: deferred(folder) == load.messages, "Postfix has queued all")
            return Run(release_queue(folder, tool, sink, load.messages), None)
        finally:
            master.terminate()
            try:
                master.wait(20)
            except subprocess.TimeoutExpired:
                master.kill()
                master.wait()


def write_postfix(folder, relay, load):
    """Returns the port on which it will listen."""
    os.chmod(folder, 0o755)
    main, master = pathlib.Path(folder) / "main.cf", pathlib.Path(folder) / "master.cf"
    port = free_port()
    main.write_text(MAIN_CF.format(folder=folder, relay=relay, connections=load.connections))
    master.write_text(MASTER_CF.format(port=port))
    for name in ("queue", "data"):
        (pathlib.Path(folder) / name).mkdir()
    shutil.chown(pathlib.Path(folder) / "data", "postfix")
    return port


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def deferred(folder):
    return sum(len(names) for _, _, names in os.walk(os.path.join(folder, "queue", "deferred")))


def release_queue(folder, tool, sink, messages):
    """Lets the queue go; messages a second from the first to the last at the sink."""
    main = pathlib.Path(folder) / "main.cf"
    main.write_text(re.sub("(?m)^defer_transports.*$", "", main.read_text()))
    run_to_end([*tool, "reload"])
    time.sleep(1)  # The queue manager starts anew; nothing tells when it is ready.
    run_to_end([*tool, "flush"])
    wait_until(lambda: sink.totals()["messages"] > 0, "the first message of Postfix", 60)
    begin, already = time.monotonic(), sink.totals()["messages"]
    wait_until(lambda: sink.totals()["messages"] >= messages, "the last message of Postfix", 300)
    return (messages - already) / (time.monotonic() - begin)
