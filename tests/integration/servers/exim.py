# SPDX-License-Identifier: Apache-2.0
"""Exim, with access control lists that the test may add to."""

import shutil

from servers.root import DOMAIN, Root, Server, unpacked

CONFIGURATION = """
primary_hostname = relay.{domain}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
disable_ipv6 = true
exim_user = mail
exim_group = mail
deliver_drop_privilege = true
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
pid_file_path = /var/spool/exim4/exim.pid
keep_environment =
notifier_socket =
host_lookup =
rfc1413_hosts =
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
never_users =
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
{settings}

begin acl

acl_rcpt:
{at_rcpt}
  require message = 5.1.1 Unknown user
          verify = recipient
  accept

acl_data:
{at_data}
  accept

begin routers

mailbox:
  driver = accept
  domains = {domain}
  local_parts = lsearch;/etc/exim4/mailboxes
  transport = mailbox

begin transports

mailbox:
  driver = appendfile
  directory = /mail/$local_part_data
  maildir_format
  user = mail

begin authenticators

{authenticators}
"""
TLS = """
tls_advertise_hosts = *
tls_certificate = /etc/exim4/server.pem
tls_privatekey = /etc/exim4/server.key
"""
NO_TLS = """
tls_advertise_hosts =
"""
PLAIN = """
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_condition = ${{if and {{{{eq{{$auth2}}{{{user}}}}}\
                               {{eq{{$auth3}}{{${{readfile{{/etc/exim4/password}}}}}}}}}}}}
"""


class Exim(Server):
    name = "Exim"

    def __init__(self, *, users, settings="", at_rcpt="", at_data="", certificate=None,
                 password=None):
        """users have mailboxes; settings are more lines; at_rcpt and at_data are statements of
        the access control lists; certificate: (key, certificate) for STARTTLS; password: (user,
        password) without which nobody may send."""
        unpacked("exim4-daemon-light")
        super().__init__(Root({"Debian-exim": 5001}))
        self.log_path = self.root.folder / "var/log/exim4/mainlog"
        try:
            self._furnish(users, certificate, password)
            authenticators = ""
            if password:
                authenticators = PLAIN.format(user=password[0])
                at_rcpt = "  deny message = 5.7.1 Who are you?\n" \
                          "       !authenticated = *\n" + at_rcpt
            self.root.write("etc/exim4/exim4.conf", CONFIGURATION.format(
                domain=DOMAIN, port=self.port, at_rcpt=at_rcpt, at_data=at_data,
                settings=settings + (TLS if certificate else NO_TLS),
                authenticators=authenticators))
            self.start("/usr/sbin/exim4", "-C", "/etc/exim4/exim4.conf", "-bdf", "-q1s")
        except BaseException:
            self.close()
            raise

    def _furnish(self, users, certificate, password):
        root = self.root
        root.bring("exim4-daemon-light", "usr/sbin/exim4")
        root.write("etc/exim4/mailboxes", "".join(f"{user}: {user}\n" for user in users))
        for name in ("var/spool/exim4", "var/log/exim4"):
            root.own(name, "mail", 0o750)
        for path, name in zip(certificate or (), ("server.key", "server.pem")):
            shutil.copy(path, root.folder / "etc/exim4" / name)
            root.own(f"etc/exim4/{name}", "mail", 0o600)
        if password:
            root.write("etc/exim4/password", password[1], 0o600)
            root.own("etc/exim4/password", "mail", 0o600)
