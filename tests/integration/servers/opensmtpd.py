# SPDX-License-Identifier: Apache-2.0
"""OpenSMTPD, which tells its log to syslog(3)."""

import shutil

from servers.root import DOMAIN, OWNER, Root, Server, Syslog, encrypted, unpacked

CONFIGURATION = """
{tls}
table mailboxes file:/etc/mailboxes
table owners file:/etc/owners
{settings}
listen on 127.0.0.1 port {port} hostname relay.{domain} {listen}
action "store" maildir "/mail/%{{rcpt.user}}" userbase <owners>
match {whom} from any for domain "{domain}" action "store"
"""
PKI = """
pki here cert "/etc/server.pem"
pki here key "/etc/server.key"
table passwords file:/etc/passwords
"""


class OpenSmtpd(Server):
    name = "OpenSMTPD"

    def __init__(self, *, users, settings="", listen="", certificate=None, password=None):
        """users have mailboxes; settings are more lines, listen more words for the
        listener; certificate: (key, certificate) for STARTTLS; password: (user, password)
        without which nobody may send."""
        self._syslog = None
        unpacked("opensmtpd")
        super().__init__(Root({"opensmtpd": 5001, "opensmtpq": 5002}))
        try:
            self._furnish(users, certificate, password)
            if password:
                listen += " tls-require pki here auth <passwords>"
            elif certificate:
                listen += " tls pki here"
            self.root.write("etc/smtpd.conf", CONFIGURATION.format(
                domain=DOMAIN, port=self.port, tls=PKI if certificate else "", listen=listen,
                settings=settings, whom="auth" if password else ""))
            self._syslog = Syslog(self.root)
            self.start("/usr/sbin/smtpd", "-F")
        except BaseException:
            self.close()
            raise

    def _furnish(self, users, certificate, password):
        root = self.root
        root.bring("opensmtpd", "usr/sbin/smtpd", "usr/sbin/smtpctl", "usr/libexec/opensmtpd")
        root.bring_shell()
        root.own("var/lib/opensmtpd/empty", "root", 0o711)
        root.own("var/spool/smtpd", "root", 0o711)
        root.write("etc/mailboxes", "".join(f"{user}\n" for user in users))
        root.write("etc/owners", "".join(f"{user} {OWNER}:{OWNER}:/mail\n" for user in users))
        for path, name in zip(certificate or (), ("server.key", "server.pem")):
            shutil.copy(path, root.folder / "etc" / name)
            root.own(f"etc/{name}", "root", 0o600)
        if certificate:
            root.write("etc/passwords", "", 0o600)
        if password:
            root.write("etc/passwords", f"{password[0]} {encrypted(password[1])}\n", 0o640)
            root.own("etc/passwords", "root", 0o640, "opensmtpd")

    def close(self):
        super().close()
        if self._syslog is not None:
            self._syslog.close()
