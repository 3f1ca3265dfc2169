"""TLS between machines for the control channel: both sides must hold the shared secret.

The key pair and its certificate are derived from the secret, so every machine that has the
secret has the very same certificate (Ed25519 signatures are deterministic, RFC 8032) and
trusts that one only. Nothing is issued, copied or renewed by hand; another secret is
another certificate. What follows inside is the same greeting as on a Unix socket.
"""

from __future__ import annotations

import datetime
import os
import ssl
import tempfile
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID

_PURPOSE: Final = b"pavilion control tls 1"
_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pavilion control")])
# Fixed, because the certificate must come out the same everywhere; its end is the secret's.
_FROM: Final = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_TO: Final = datetime.datetime(2119, 12, 31, tzinfo=datetime.UTC)


def _key(secret: bytes) -> Ed25519PrivateKey:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=_PURPOSE).derive(secret)
    return Ed25519PrivateKey.from_private_bytes(derived)


def certificate(secret: bytes) -> bytes:
    """The certificate of ``secret``, PEM."""
    key = _key(secret)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_FROM)
        .not_valid_after(_TO)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    return builder.sign(key, None).public_bytes(serialization.Encoding.PEM)


def _context(side: int, secret: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Who one talks to is proved by the key, whatever its address is called.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    pem = certificate(secret)
    context.load_verify_locations(cadata=pem.decode())
    private = _key(secret).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # ssl takes a chain from a file only. Mode 0600, in memory where the system has that.
    room = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.NamedTemporaryFile(dir=room) as file:
        file.write(private + pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def server_context(secret: bytes) -> ssl.SSLContext:
    """For the media worker: admits only those who hold ``secret``."""
    return _context(ssl.PROTOCOL_TLS_SERVER, secret)


def client_context(secret: bytes) -> ssl.SSLContext:
    """For the hub: talks only to a worker that holds ``secret``."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, secret)
