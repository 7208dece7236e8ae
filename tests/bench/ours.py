# SPDX-License-Identifier: Apache-2.0
"""datelined under a load: merged, journalled and synced as it always is."""

import machine
from office import Office, counting_sink, seconds
from run import Run
from workload import contacts, release

PATIENCE = 600


def relay_settings(folder, load):
    settings = f"connections = {load.connections};"
    if load.tls:
        settings += f' tls = "required"; ca_file = "{folder}/ca.pem";'
    if load.depth:
        settings += f" depth = {load.depth};"
    return settings


def check_settings(office, load):
    if load.depth and office.run("config", "check", check=False).returncode != 0:
        raise machine.Unavailable("this dateline has no setting depth for a relay")


def rate_of(first, sent, steady):
    """Messages a second from the first intent to the last outcome; or between the tenth and
    the ninetieth of a hundred."""
    if steady:
        low, high = len(sent) // 10, len(sent) * 9 // 10
        return (high - low) / max(seconds(sent[high]) - seconds(sent[low]), 0.001)
    return len(sent) / max(seconds(sent[-1]) - first, 0.001)


def send(load):
    """One release to load.messages contacts. The CPU is that of all threads from before the
    drop to after the end: reading the list and making the roster count."""
    text = release(load.size)
    with machine.temporary() as folder, counting_sink(folder, load) as sink, \
            Office(folder, sink.port, relay=relay_settings(folder, load)) as office:
        check_settings(office, load)
        office.write_list(contacts(load.messages))
        office.start()
        before = machine.cpu_of(office.daemon.pid)
        office.drop("light.md", text)
        name = office.wait_done(patience=PATIENCE)[0]
        cpu = machine.cpu_of(office.daemon.pid) - before
        first, sent = office.moments(name)
        if office.stop() != 0 or len(sent) != load.messages:
            raise machine.Failed(f"datelined sent {len(sent)} of {load.messages}")
        if sink.totals()["messages"] != load.messages:
            raise machine.Failed(f"the sink has {sink.totals()} of {load.messages}")
    return Run(rate_of(first, sent, load.steady), cpu / load.messages)
