"""A small IMAP server on loopback with real TLS: enough of RFC 3501 for imaplib."""

import re
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass
class Held:
    """What the mailbox holds, and what was asked of it."""

    port: int = 0
    certificate: str = ""  # file, to be trusted
    password: str = "key-of-the-mailbox"
    messages: dict[int, bytes] = field(default_factory=dict)  # by UID
    seen: set[int] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    die_at: str = ""  # the connection breaks at this command, once

    def deliver(self, raw: bytes) -> int:
        uid = len(self.messages) + 1
        self.messages[uid] = raw
        return uid


def certificate(folder: Path) -> tuple[str, str]:
    """(certificate, key) files for 127.0.0.1, signed by itself."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    return str(folder / "cert.pem"), str(folder / "key.pem")


@contextmanager
def imap(folder: Path):
    """The server, until the end."""
    cert, key = certificate(folder)
    held, listening = Held(certificate=cert), socket.create_server(("127.0.0.1", 0))
    held.port = listening.getsockname()[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_talk, args=(held, connection, context), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield held
    finally:
        listening.close()


def _talk(held: Held, connection: socket.socket, context: ssl.SSLContext) -> None:
    try:
        with context.wrap_socket(connection, server_side=True) as secure:
            stream = secure.makefile("rwb")
            stream.write(b"* OK here\r\n")
            stream.flush()
            for line in stream:
                tag, _, words = line.decode().strip().partition(" ")
                held.asked.append(words.partition(" ")[0] if "LOGIN" in words else words)
                if held.die_at and held.die_at in words:
                    held.die_at = ""
                    return
                stream.write(_answer(held, words) + f"{tag} {_said(held, words)}\r\n".encode())
                stream.flush()
    except (OSError, ValueError):
        return


def _said(held: Held, words: str) -> str:
    wrong = words.startswith("LOGIN") and f'"{held.password}"' not in words
    return "NO [AUTHENTICATIONFAILED] wrong" if wrong else "OK done"


def _answer(held: Held, words: str) -> bytes:
    command = words.upper()
    if command.startswith("CAPABILITY"):
        return b"* CAPABILITY IMAP4rev1\r\n"
    if command.startswith("SELECT"):
        return f"* {len(held.messages)} EXISTS\r\n* OK [UIDVALIDITY 77] here\r\n".encode()
    if command.startswith("UID SEARCH UNSEEN"):
        new = " ".join(str(uid) for uid in held.messages if uid not in held.seen)
        return f"* SEARCH {new}\r\n".encode()
    if found := re.match(r"UID FETCH (\d+) (.*)", words):
        uid = int(found[1])
        raw = held.messages[uid]
        head = "HEADER.FIELDS" in found[2]
        data = raw.partition(b"\n\n")[0] + b"\n\n" if head else raw
        what = "BODY[HEADER.FIELDS (FROM SUBJECT)]" if head else "BODY[]"
        about = f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw)} {what} {{{len(data)}}}\r\n"
        return about.encode() + data + b")\r\n"
    if found := re.match(r"UID STORE (\d+) \+FLAGS", words):
        held.seen.add(int(found[1]))
    return b""
