"""Hosts as network namespaces, each on a port of one switch by a veth pair, and the switch: it can delay, lose and block.

The switch is a thread of this process that carries frames between the far ends of the pairs, so nothing is asked of the
kernel but veth: no bridge, no netem, no packet filter.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import pathlib
import random
import select
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4
SIOCETHTOOL = 0x8946
# Offloads that would let the far end see frames without checksums, or larger than a frame: tx checksum, TSO, GSO.
OFFLOADS = (0x17, 0x1f, 0x24)
SUBNET = "10.213.7"


def run(*command) -> None:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


@contextlib.contextmanager
def inside(namespace: str):
    """This thread within the namespace; sockets made there stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns to {namespace}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


class Switch(threading.Thread):
    """Carries every frame to all other ports. What it does to them may change at any time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ports: dict[str, socket.socket] = {}
        self.delay_s = 0.0
        self.loss = 0.0  # Share of the frames.
        self.blocked: set[tuple[str, str]] = set()  # (from, to)
        self.lost = self.carried = 0
        self.random = random.Random(1)
        self.waiting: list[tuple[float, int, str, bytes]] = []
        self.running = True

    def add_port(self, host: str, interface: str) -> None:
        port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        port.bind((interface, 0))
        self.ports[host] = port

    def block(self, *ways: tuple[str, str]) -> None:
        self.blocked = set(ways)

    def stop(self) -> None:
        self.running = False
        self.join()
        for port in self.ports.values():
            port.close()

    def run(self) -> None:
        names = {port.fileno(): host for host, port in self.ports.items()}
        while self.running:
            wait = min(0.1, max(0.0, self.waiting[0][0] - time.monotonic())) if self.waiting else 0.1
            for fd in select.select(list(names), [], [], wait)[0]:
                with contextlib.suppress(OSError):
                    frame, address = self.ports[names[fd]].recvfrom(65536)
                    if address[2] != PACKET_OUTGOING:
                        self.take(names[fd], frame)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, host, frame = heapq.heappop(self.waiting)
                with contextlib.suppress(OSError):  # Its interface may be down.
                    self.ports[host].send(frame)

    def take(self, source: str, frame: bytes) -> None:
        for host in self.ports:
            if host == source or (source, host) in self.blocked:
                continue
            self.carried += 1
            if self.random.random() < self.loss:
                self.lost += 1
                continue
            heapq.heappush(self.waiting, (time.monotonic() + self.delay_s, self.carried, host, frame))


class Network:
    """Hosts with the addresses SUBNET.1, .2, ... in the order of their names."""

    def __init__(self, *hosts: str):
        self.prefix = f"tr{os.getpid()}-"
        self.hosts = hosts
        self.address = {host: f"{SUBNET}.{i + 1}" for i, host in enumerate(hosts)}
        self.switch = Switch()

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        middle = self.prefix + "switch"
        run("ip", "netns", "add", middle)
        for i, host in enumerate(self.hosts):
            name = self.prefix + host
            run("ip", "netns", "add", name)
            # A file of the namespace's own that `ip netns exec` puts in the place of /etc/hosts.
            pathlib.Path("/etc/netns", name).mkdir(parents=True)
            self.hosts_file(host).write_text("127.0.0.1 localhost\n")
            run("ip", "link", "add", f"p{i}", "netns", middle, "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "-n", middle, "link", "set", f"p{i}", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
            with inside(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                for offload in OFFLOADS:
                    value = ctypes.create_string_buffer(struct.pack("II", offload, 0))
                    fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", b"eth0", ctypes.addressof(value)))
            with inside(middle):
                self.switch.add_port(host, f"p{i}")
            self.give_address(host, self.address[host])
        self.switch.start()

    def __exit__(self, *_):
        if self.switch.is_alive():
            self.switch.stop()
        for host in (*self.hosts, "switch"):
            subprocess.run(["ip", "netns", "del", self.prefix + host], capture_output=True)
            with contextlib.suppress(OSError):
                self.hosts_file(host).unlink()
            with contextlib.suppress(OSError):
                self.hosts_file(host).parent.rmdir()
        with contextlib.suppress(OSError):
            pathlib.Path("/etc/netns").rmdir()

    def hosts_file(self, host: str) -> pathlib.Path:
        return pathlib.Path("/etc/netns", self.prefix + host, "hosts")

    def name_server(self, name: str, address: str) -> None:
        """What `name` means, on every host. The file is written in place, as it is mounted."""
        for host in self.hosts:
            self.hosts_file(host).write_text(f"127.0.0.1 localhost\n{address} {name}\n")

    def give_address(self, host: str, address: str) -> None:
        """The one address of the host from now on."""
        namespace = self.prefix + host
        run("ip", "-n", namespace, "addr", "flush", "dev", "eth0")
        run("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", namespace, "link", "set", "eth0", "up")
        self.address[host] = address

    def link(self, host: str, up: bool) -> None:
        """Pulls the cable, or plugs it in."""
        i = self.hosts.index(host)
        run("ip", "-n", self.prefix + "switch", "link", "set", f"p{i}", "up" if up else "down")

    def command(self, host: str, *command) -> list[str]:
        return ["ip", "netns", "exec", self.prefix + host, *map(str, command)]
