"""The self-signed certificate of `--local-protocol https`."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from runtime._http.certificates import local_tls_context


def certificate_of(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())


def test_it_is_for_localhost_and_every_name_under_it(tmp_path: Path) -> None:
    local_tls_context(tmp_path / "tls")

    certificate = certificate_of(tmp_path / "tls")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "*.localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=300) < left < datetime.timedelta(days=398)


def test_only_its_owner_can_read_the_key(tmp_path: Path) -> None:
    local_tls_context(tmp_path / "tls")

    assert (tmp_path / "tls" / "key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700


def test_it_is_kept_so_that_a_browsers_exception_holds(tmp_path: Path) -> None:
    local_tls_context(tmp_path)
    before = certificate_of(tmp_path)

    local_tls_context(tmp_path)

    assert certificate_of(tmp_path) == before


@pytest.mark.parametrize("spoilt", ["key.pem", "certificate.pem"])
@pytest.mark.parametrize("text", [None, "", "garbage"])
def test_what_is_lost_or_spoilt_is_made_anew(tmp_path: Path, spoilt: str, text: str | None) -> None:
    local_tls_context(tmp_path)
    before = certificate_of(tmp_path)
    if text is None:
        (tmp_path / spoilt).unlink()
    else:
        (tmp_path / spoilt).write_text(text)

    context = local_tls_context(tmp_path)

    assert isinstance(context, ssl.SSLContext)
    assert certificate_of(tmp_path) != before


def test_a_key_of_another_certificate_is_made_anew(tmp_path: Path) -> None:
    local_tls_context(tmp_path / "one")
    local_tls_context(tmp_path / "two")
    (tmp_path / "two" / "key.pem").write_bytes((tmp_path / "one" / "key.pem").read_bytes())
    before = certificate_of(tmp_path / "two")

    local_tls_context(tmp_path / "two")

    assert certificate_of(tmp_path / "two") != before
