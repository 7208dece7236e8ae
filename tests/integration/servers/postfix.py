# SPDX-License-Identifier: Apache-2.0
"""Postfix, with Dovecot for its passwords and Postgrey for its patience."""

import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from servers.root import DOMAIN, OWNER, Root, Server, encrypted, is_program, unpacked
from sink import HeldPort
from station import PATIENCE, wait_until

# How long the server holds back its answer to a client that it has just refused is not what
# is tested here: smtpd_error_sleep_time.
MAIN = """
compatibility_level = 3.6
maillog_file = /var/log/mail
myhostname = relay.{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
smtputf8_enable = no
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = /mail
virtual_mailbox_maps = texthash:/etc/postfix/mailboxes
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
virtual_transport = virtual
default_transport = error:no
tls_random_source = dev:/dev/urandom
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
smtp unix - - n - - smtp
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
QUEUE = {"private": 0o700, "active": 0o700, "bounce": 0o700, "corrupt": 0o700, "defer": 0o700,
         "deferred": 0o700, "flush": 0o700, "hold": 0o700, "incoming": 0o700, "saved": 0o700,
         "trace": 0o700}
TLS = """
smtpd_tls_security_level = {level}
smtpd_tls_cert_file = /etc/postfix/server.pem
smtpd_tls_key_file = /etc/postfix/server.key
"""
SASL = """
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_auth_only = yes
mynetworks =
"""


def name_of(pid):
    """None when the process has ended meanwhile."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


class Postfix(Server):
    name = "Postfix"

    def __init__(self, *, users, settings="", certificate=None, encrypt=False, password=None):
        """users have mailboxes; settings are more lines for main.cf; certificate: (key,
        certificate) for STARTTLS; password: (user, password) without which nobody may send."""
        self.dovecot = None
        unpacked("postfix")
        super().__init__(Root({"postfix": 5001, "postdrop": 5002, "dovecot": 5003,
                               "dovenull": 5004}))
        try:
            self._furnish(users)
            if certificate:
                settings += TLS.format(level="encrypt" if encrypt else "may")
                for path, name in zip(certificate, ("server.key", "server.pem")):
                    shutil.copy(path, self.root.folder / "etc/postfix" / name)
            if password:
                settings += SASL
                self.dovecot = Dovecot(self.root, *password)
            self._write_main(settings)
            # In the foreground, as the leader of its session, whose processes it ends.
            self.start("/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d")
        except BaseException:
            self.close()
            raise

    def _furnish(self, users):
        root = self.root
        root.bring("postfix", "usr/lib/postfix/sbin", "usr/sbin/postqueue")
        root.write("etc/postfix/master.cf", MASTER.format(port=self.port))
        root.write("etc/postfix/mailboxes",
                   "".join(f"{user}@{DOMAIN} {user}/\n" for user in users))
        root.own("var/lib/postfix", "postfix", 0o700)
        root.own("var/spool/postfix", "root")
        root.own("var/spool/postfix/pid", "root")
        for name, mode in QUEUE.items():
            root.own(f"var/spool/postfix/{name}", "postfix", mode)
        root.own("var/spool/postfix/public", "postfix", 0o710, "postdrop")
        root.own("var/spool/postfix/maildrop", "postfix", 0o730, "postdrop")

    def _write_main(self, settings):
        self.root.write("etc/postfix/main.cf", MAIN.format(domain=DOMAIN, owner=OWNER) + settings)

    def reconfigure(self, settings):
        """Other lines for main.cf. What runs keeps to the former until it ends, which max_idle
        makes it do."""
        former = self._servers()
        self._write_main(settings)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not former & self._servers(), lambda: f"other servers; {self.log}")

    def _servers(self):
        return {pid for pid in self.root.processes() if name_of(pid) == "smtpd"}

    def close(self):
        if self.dovecot is not None:
            self.dovecot.close()
        super().close()


DOVECOT = """
protocols =
ssl = no
disable_plaintext_auth = no
log_path = /var/log/dovecot
auth_mechanisms = plain login
service auth {{
  chroot =
  unix_listener /var/spool/postfix/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = scheme=CRYPT /etc/dovecot/passwords
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home=/mail
}}
"""


class Dovecot:
    """Answers whether a password is right. It lives in Postfix's root."""

    def __init__(self, root, user, password):
        folder = unpacked("dovecot-core") / "usr/lib/dovecot"
        root.bring("dovecot-core", "usr/sbin/dovecot", "usr/bin/doveconf",
                   *(f"usr/lib/dovecot/{path.name}" for path in folder.iterdir()
                     if is_program(path) and ".so" not in path.name))
        self._root = root
        root.write("etc/dovecot/dovecot.conf", DOVECOT.format(owner=OWNER))
        self.set_password(user, password)
        with open(root.folder / "var/log/output", "ab") as output:
            self._process = root.popen("/usr/sbin/dovecot", "-F", stdout=output, stderr=output)
        wait_until((root.folder / "var/spool/postfix/private/auth").exists,
                   self._report)

    def _report(self):
        paths = [self._root.folder / "var/log" / name for name in ("output", "dovecot")]
        return "Dovecot listens: " + "".join(p.read_text() for p in paths if p.exists())

    def set_password(self, user, password):
        self._root.write("etc/dovecot/passwords", f"{user}:{encrypted(password)}:::::\n")

    def close(self):
        self._process.terminate()
        self._process.wait(PATIENCE)


class Postgrey:
    """A policy server that asks everybody to come back after a second."""

    def __init__(self):
        package = unpacked("postgrey")
        self._held = HeldPort()
        self.port = self._held.number
        self.folder = tempfile.mkdtemp(prefix="dateline-postgrey-")
        shutil.chown(self.folder, "nobody", "nogroup")
        self._process = subprocess.Popen(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
             "--pdeathsig", "TERM", "perl", "-T", str(package / "usr/sbin/postgrey"), f"--inet=127.0.0.1:{self.port}",
             "--delay=1", f"--dbdir={self.folder}", "--user=nobody", "--group=nogroup",
             "--whitelist-clients=/dev/null", "--whitelist-recipients=/dev/null",
             "--auto-whitelist-clients=0", "--greylist-text=Come back in a moment"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, start_new_session=True)
        try:
            wait_until(self._listens, "Postgrey listens")
        except BaseException:
            self.close()
            raise

    def _listens(self):
        if self._process.poll() is not None:
            pytest.skip(f"Postgrey does not run here: {self._process.stderr.read()}")
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(PATIENCE)
        self._process.stderr.close()
        shutil.rmtree(self.folder)
