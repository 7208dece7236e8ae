# SPDX-License-Identifier: Apache-2.0
"""A system of its own: this machine's, booted by systemd-nspawn, with nothing written to it.

The root folder is an overlay of the machine's on a tmpfs, in a mount namespace that ends with
the container. It has no network but its loopback interface.
"""

import os
import pathlib
import shutil
import subprocess
import time

BOOT = """
set -e
mount -t tmpfs -o size=2g,mode=755 tmpfs "$1"
mkdir "$1/lower" "$1/upper" "$1/work" "$1/root"
mount --bind / "$1/lower"
mount -o remount,bind,ro "$1/lower"
mount -t overlay -o "xino=on,lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
echo uninitialized >"$1/root/etc/machine-id"
rm -f "$1/root/usr/sbin/policy-rc.d"
# There is no network to wait for.
for unit in systemd-networkd-wait-online NetworkManager-wait-online; do
  ln -sf /dev/null "$1/root/etc/systemd/system/$unit.service"
done
exec systemd-nspawn --directory="$1/root" --boot --register=no --keep-unit --private-network \\
  --console=pipe --link-journal=no --machine="$2" systemd.unit=basic.target
"""

TOOLS = ("systemd-nspawn", "unshare", "nsenter", "dpkg")


def missing():
    """Why this machine cannot boot one, or None."""
    if os.geteuid() != 0:
        return "only root may boot a container"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(lacking)}: not installed (tools/setup package)" if lacking else None


class NoBoot(Exception):
    """The machine has all it takes, and yet systemd does not come up in a container."""


class Container:
    def __init__(self, folder):
        root = pathlib.Path(folder) / "machine"
        root.mkdir()
        self.console = pathlib.Path(folder) / "console.log"
        with open(self.console, "wb") as console:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", BOOT, "boot", str(root),
                 f"dateline-{os.getpid()}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self.init = None
        try:
            self._await(self._find_init, "its first process")
            self._await(self._is_up, "basic.target")
        except NoBoot:
            self.close()
            raise

    def _await(self, condition, what):
        end = time.monotonic() + 60
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                raise NoBoot(f"no {what} within 60 s; the console says: "
                             f"{self.console.read_text(errors='replace')[-500:]}")
            time.sleep(0.1)

    def _find_init(self):
        """The process that is number 1 in there."""
        pid = self.process.pid
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                status = pathlib.Path(f"/proc/{child}/status").read_text()
            except FileNotFoundError:
                continue
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
            if len(numbers) == 3 and numbers[2] == "1":
                self.init = child
        return self.init is not None

    def _is_up(self):
        return self.run("systemctl", "is-active", "basic.target", check=False).stdout == "active\n"

    def run(self, *command, check=True, stdin=None):
        """Runs a command in there; its output as text."""
        result = subprocess.run(["nsenter", "--target", self.init, "--all", "--", *command],
                                capture_output=True, text=True, input=stdin, timeout=120,
                                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {result.returncode}:\n"
                                 f"{result.stdout}\n{result.stderr}")
        return result

    def output(self, *command):
        return self.run(*command).stdout.strip()

    def write(self, path, text, mode="644"):
        self.run("install", "-D", f"--mode={mode}", "/dev/stdin", path, stdin=text)

    def copy(self, source, path):
        """A file from outside."""
        with open(source, "rb") as file:
            subprocess.run(["nsenter", "--target", self.init, "--all", "--", "dd", f"of={path}"],
                           stdin=file, check=True, capture_output=True)

    def close(self):
        """Halts it, and ends it where it does not."""
        for patience in (30, 10):
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(patience)
                except subprocess.TimeoutExpired:
                    continue
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
