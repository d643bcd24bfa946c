# SPDX-License-Identifier: GPL-2.0-or-later
"""The contenders: how each is configured, started and stopped. One thread each, on the proxy's CPU.

All serve the same sites, with the same certificates, and are held to the same suite and group; after
the start this is checked with openssl s_client, and a contender that negotiates otherwise is refused.
"""
import os
import resource
import shutil
import subprocess

import account
from rig import BACK_IP, ORIGIN_IP, PROXY_IP, RigError, wait_until

SUITE13, SUITE12 = "TLS_AES_256_GCM_SHA384", "AES256-GCM-SHA384"
CURVE = "X25519"


def max_connections():
    """A kernel proxy needs two files a connection; what we may not raise we live with."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 12000 if hard == resource.RLIM_INFINITY else min(12000, (hard - 300) // 2)


class Site:
    def __init__(self, name, port, cert, mutual=False, tickets=False, version="1.3"):
        self.name, self.port, self.cert = name, port, cert
        self.mutual, self.tickets, self.version = mutual, tickets, version


SITES = {s.name: s for s in (
    Site("ecdsa", 443, "server-ecdsa"),
    Site("rsa", 444, "server-rsa"),
    Site("mutual", 445, "server-ecdsa", mutual=True),
    Site("tickets", 446, "server-ecdsa", tickets=True),
    Site("tickets12", 447, "server-ecdsa", tickets=True, version="1.2"),
)}


class Peer:
    """One contender in one wire mode."""

    name = ""
    binary = ""
    offloads = False
    cannot = {}  # need: why; see scenarios.py

    def __init__(self, rig):
        self.rig = rig
        self.process = None
        self.ctl = None
        self.options = {}  # of the growth scenarios

    def missing(self):
        return None if shutil.which(self.binary) else "%s is not installed" % self.binary

    def version(self):
        return ""

    def write_config(self):
        """Writes the configuration and returns the command line."""
        raise NotImplementedError

    def file(self, name):
        return self.rig.path("%s.%s" % (self.name, name))

    def write(self, name, text):
        with open(self.file(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.file(name)

    def pem(self, cert):
        """Certificate, chain and key in one file."""
        out = self.rig.path(cert + "-all.pem")
        if not os.path.exists(out):
            with open(out, "w", encoding="ascii") as f:
                for part in ("pem", "key"):
                    with open(self.rig.path("pki", "%s.%s" % (cert, part)), encoding="ascii") as g:
                        f.write(g.read())
        return out

    def start(self):
        self.rig.kernel_address(True)
        self.rig.offloads(self.offloads)
        self.process = self.rig.start_in("gate", self.write_config(), self.file("log"),
                                         self.rig.lb_cpu)
        self.await_service()

    def stop(self):
        self.rig.end(self.process)
        self.process = None
        self.rig.kernel_address(False)

    def pids(self):
        return self.rig.tree(self.process)

    def fail(self, what):
        with open(self.file("log"), encoding="utf-8", errors="replace") as f:
            raise RigError("%s: %s\n%s" % (self.name, what, f.read()[-2000:]))

    def await_service(self):
        """Serves the right bytes, and speaks what it was told to."""
        down, url = self.rig.path("down"), "https://%s:%d/1m" % (PROXY_IP, SITES["ecdsa"].port)
        get = ["curl", "-skf", "--max-time", "2", "-o", down, url]
        if not wait_until(20, lambda: self.process.poll() is not None or
                          self.rig.run_in("client", get).returncode == 0):
            self.fail("does not serve")
        if self.process.poll() is not None:
            self.fail("ended with %d" % self.process.returncode)
        with open(down, "rb") as a, open(self.rig.path("www", "1m"), "rb") as b:
            if a.read() != b.read():
                self.fail("what came is not what was sent")
        for site in SITES.values():
            if self.serves(site):
                self.check_suite(site)

    def serves(self, site):
        return not (site.mutual and "mutual" in self.cannot)

    def check_suite(self, site):
        argv = ["openssl", "s_client", "-connect", "%s:%d" % (PROXY_IP, site.port), "-servername",
                "shop.example", "-groups"]
        # Under 1.2 the groups also say which ECDSA certificates the client can verify.
        argv += [CURVE + ":P-256", "-tls1_2"] if site.version == "1.2" else [CURVE, "-tls1_3"]
        if site.mutual:
            argv += self.client_cert_args("-cert", "-key")
        text = self.rig.run_in("client", argv, stdin=subprocess.DEVNULL).stdout
        want = SUITE12 if site.version == "1.2" else SUITE13
        cipher = next((l for l in text.splitlines() if "Cipher is" in l), "no session")
        if want not in cipher or "X25519" not in text:
            self.fail("%s: wanted %s and %s, got: %s" % (site.name, want, CURVE, cipher))

    def client_cert_args(self, cert_option, key_option):
        return [cert_option, self.rig.path("pki/alice.pem"), key_option,
                self.rig.path("pki/alice.key")]


class Haproxy(Peer):
    name = "haproxy"
    binary = "haproxy"

    def version(self):
        text = subprocess.run(["haproxy", "-vv"], check=False, text=True, capture_output=True).stdout
        lines = text.splitlines()
        tls = next((l.split(":")[1].strip() for l in lines if l.startswith("Running on OpenSSL")), "")
        return "HAProxy %s, %s" % (lines[0].split()[2], tls) if lines else ""

    def write_config(self):
        text = """global
    nbthread 1
    maxconn %d
    ssl-default-bind-ciphersuites %s
    ssl-default-bind-ciphers ECDHE-ECDSA-%s:ECDHE-RSA-%s
    ssl-default-bind-curves %s
    tune.ssl.cachesize 0
defaults
    mode http
    timeout client 120s
    timeout server 120s
    timeout connect 5s
    http-reuse always
backend web
    # Connections to an origin that has ended shall not wait for the next one's requests.
    server a %s:80 pool-purge-delay 100ms
""" % (max_connections(), SUITE13, SUITE12, SUITE12, CURVE, ORIGIN_IP)
        for s in SITES.values():
            words = ["bind %s:%d ssl crt %s" % (PROXY_IP, s.port, self.pem(s.cert)),
                     "ssl-min-ver TLSv%s ssl-max-ver TLSv%s" % (s.version, s.version)]
            if not s.tickets:
                words.append("no-tls-tickets")
            if s.mutual:
                words.append("verify required ca-file %s" % self.rig.path("pki/client-ca.pem"))
            text += "frontend %s\n    %s\n    default_backend web\n" % (s.name, " ".join(words))
        return ["haproxy", "-db", "-f", self.write("cfg", text)]


class Nginx(Peer):
    name = "nginx"
    binary = "nginx"

    def version(self):
        text = subprocess.run(["nginx", "-V"], check=False, text=True, capture_output=True).stderr
        lines = text.splitlines()
        tls = next((l for l in lines if "OpenSSL" in l), "").replace("built with ", "")
        return "%s, %s" % (lines[0].replace("nginx version: ", ""), tls) if lines else ""

    def write_config(self):
        text = """user root;
worker_processes 1;
daemon off;
pid %(dir)s/nginx-peer.pid;
error_log %(dir)s/nginx-peer-error.log error;
events { worker_connections %(max)d; }
http {
    access_log off;
    client_max_body_size 0;
    keepalive_requests 1000000000;
    keepalive_timeout 120s;
    client_body_temp_path %(dir)s/peer-body;
    proxy_temp_path %(dir)s/peer-proxy;
    fastcgi_temp_path %(dir)s/peer-fcgi;
    uwsgi_temp_path %(dir)s/peer-uwsgi;
    scgi_temp_path %(dir)s/peer-scgi;
    upstream web { server %(origin)s:80; keepalive 256; keepalive_requests 1000000000; }
    ssl_session_cache off;
    ssl_ecdh_curve %(curve)s;
    ssl_ciphers ECDHE-ECDSA-%(suite12)s:ECDHE-RSA-%(suite12)s;
    ssl_conf_command Ciphersuites %(suite13)s;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
""" % {"dir": self.rig.dir, "origin": ORIGIN_IP, "curve": CURVE, "suite12": SUITE12,
       "suite13": SUITE13, "max": 2 * max_connections()}
        for s in SITES.values():
            text += "    server {\n        listen %s:%d ssl;\n" % (PROXY_IP, s.port)
            text += "        ssl_certificate %s;\n        ssl_certificate_key %s;\n" % (
                self.rig.path("pki", s.cert + ".pem"), self.rig.path("pki", s.cert + ".key"))
            text += "        ssl_protocols TLSv%s;\n" % s.version
            text += "        ssl_session_tickets %s;\n" % ("on" if s.tickets else "off")
            if s.mutual:
                text += ("        ssl_verify_client on;\n        ssl_verify_depth 4;\n"
                         "        ssl_client_certificate %s;\n" % self.rig.path("pki/client-ca.pem"))
            text += "        location / { proxy_pass http://web; }\n    }\n"
        return ["nginx", "-c", self.write("conf", text + "}\n")]


class Hitch(Peer):
    name = "hitch"
    binary = "hitch"
    cannot = {"mutual": "hitch 1.7 has no client certificates"}

    def version(self):
        r = subprocess.run(["hitch", "--version"], check=False, text=True, capture_output=True)
        return (r.stdout + r.stderr).strip().splitlines()[0]

    def write_config(self):
        text = """backend = "[%s]:80"
workers = 1
daemon = off
quiet = on
user = "root"
backlog = 4096
prefer-server-ciphers = on
ciphersuites = "%s"
ciphers = "ECDHE-ECDSA-%s:ECDHE-RSA-%s"
ecdh-curve = "%s"
""" % (ORIGIN_IP, SUITE13, SUITE12, SUITE12, CURVE)
        for s in SITES.values():
            if self.serves(s):
                text += ('frontend = {\n    host = "%s"\n    port = "%d"\n    pem-file = "%s"\n'
                         '    tls-protos = TLSv%s\n}\n' %
                         (PROXY_IP, s.port, self.pem(s.cert), s.version))
        return ["hitch", "--config=%s" % self.write("conf", text)]


    def await_service(self):
        """A worker of hitch binds itself to the CPU of its number, the first one to CPU 0, whatever it was
        given: that is the generator's. It is brought back, with its parent and its OCSP process."""
        super().await_service()
        for pid in self.pids():
            os.sched_setaffinity(pid, {self.rig.lb_cpu})


class HaproxyNative(Haproxy):
    name = "haproxy-native"
    offloads = True


class NginxNative(Nginx):
    name = "nginx-native"
    offloads = True


class Lockgate(Peer):
    name = "lockgate"

    def __init__(self, rig):
        super().__init__(rig)
        self.ctl = account.Lockgatectl(rig.bin + "/control/lockgatectl", rig.path("lockgate.sock"))
        # idle, max_connections, max_backends, timeouts (YAML), handshake_budget, memory (MiB), hugepages, workers, certs (list of names), client_ca,
        # ports (name, device, address), routes (one; to, via), proxy_ip, origin_ip
        self.options = {}

    def missing(self):
        path = self.rig.bin + "/control/lockgate"
        return None if os.access(path, os.X_OK) else "%s is not built" % path

    def write_config(self):
        o = self.options
        ports = o.get("ports", (("front", "af_xdp:lg-front", PROXY_IP),
                                ("back", "af_xdp:lg-back", BACK_IP)))
        text = """global:
  workers: %s
  control_cpu: 0
  idle: %s
  memory: %dMiB
  hugepages: %s
  max_connections: %d
  max_backend_connections: %d
%s  drain_timeout: 2s
  control_socket: %s
  file_prefix: lg%s
ports:
%s%spools:
  - {name: web, backends: [{name: a, address: "%s:80"}], keepalive: {max: 256}}
listeners:
""" % (o.get("workers", [self.rig.lb_cpu]), o.get("idle", "adaptive"), o.get("memory", 768),
       o.get("hugepages", has_huge(o.get("memory", 768))),
       o.get("max_connections", max_connections()), o.get("max_backends", 0),
       "  handshake_budget: %s\n" % o["handshake_budget"] if "handshake_budget" in o else "",
       self.rig.path("lockgate.sock"), self.rig.id,
       "".join('  - {name: %s, device: "%s", addresses: [%s/24]}\n' % p for p in ports),
       "".join("routes:\n  - {to: %s, via: %s}\n" % r for r in o.get("routes", ())),
       o.get("origin_ip", ORIGIN_IP))
        for s in SITES.values():
            names = o.get("certs") if s.name == "ecdsa" and o.get("certs") else [s.cert]
            certs = ", ".join("{cert: %s, key: %s}" % (self.rig.path("pki", n + ".pem"),
                                                       self.rig.path("pki", n + ".key"))
                              for n in names)
            text += """  - name: %s
    type: https
    bind: ["%s:%d"]
    pool: web
    timeouts: %s
    tls:
      min_version: "%s"
      max_version: "%s"
      certificates: [%s]
""" % (s.name, o.get("proxy_ip", PROXY_IP), s.port,
       o.get("timeouts", "{keepalive: 120s, idle: 300s}"), s.version, s.version, certs)
            if s.mutual:
                text += "      client_auth: required\n      client_ca: %s\n" % (
                    o.get("client_ca", self.rig.path("pki/client-ca.pem")))
        return [self.rig.bin + "/control/lockgate", "-c", self.write("yaml", text)]

    def start(self):
        self.rig.offloads(False)
        # It pins its workers itself, and must be allowed to.
        self.process = self.rig.start_in("gate", self.write_config(), self.file("log"),
                                         "0-%d" % self.rig.lb_cpu)
        self.await_service()
        self.rig.pin_xdp()

    def stop(self):
        self.rig.end(self.process)
        self.process = None


def has_huge(mib):
    """"true" when so much memory can be had in hugepages, with some left for others, else "false"."""
    try:
        with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", encoding="ascii") as f:
            return "true" if 2 * int(f.read()) >= mib + 256 else "false"
    except OSError:
        return "false"


ALL = (Lockgate, Haproxy, Nginx, Hitch, HaproxyNative, NginxNative)
