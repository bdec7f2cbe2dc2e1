"""A self-signed certificate for `--local-protocol https`."""

import datetime
import ipaddress
import os
import ssl
from contextlib import suppress
from pathlib import Path

__all__ = ["local_tls_context"]

_VALID = datetime.timedelta(days=365)
_RENEW_BEFORE = datetime.timedelta(days=7)


def local_tls_context(folder: Path) -> ssl.SSLContext:
    """Return a server context for localhost and `*.localhost`.

    Key and certificate are kept in `folder` (readable by the user alone) and renewed when they
    are about to expire, so that a browser's exception holds.
    """
    key_file, certificate_file = folder / "key.pem", folder / "certificate.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if _is_fresh(certificate_file):
        # Files that are no pair, or that somebody has cut short, are written anew.
        with suppress(OSError, ssl.SSLError):
            context.load_cert_chain(certificate_file, key_file)
            return context
    _write_pair(folder, key_file, certificate_file)
    context.load_cert_chain(certificate_file, key_file)
    return context


def _is_fresh(certificate_file: Path) -> bool:
    # Imported here: only https pays for loading the library.
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    except (OSError, ValueError):
        return False
    return datetime.datetime.now(datetime.UTC) < certificate.not_valid_after_utc - _RENEW_BEFORE


def _write_pair(folder: Path, key_file: Path, certificate_file: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [
        x509.DNSName("localhost"),
        x509.DNSName("*.localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
