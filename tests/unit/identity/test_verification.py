import pytest

from identity import Claims, TokenError, TokenVerifier, issue_token

SECRET = "a secret of at least thirty-two bytes"
ISSUER = "auth.idling.app"
NOW = 1_000_000


def issued(user_id: str = "u") -> tuple[str, Claims]:
    return issue_token(
        SECRET, issuer=ISSUER, user_id=user_id, email="a@b.c", customer_id=None, now=NOW
    )


def test_what_a_valid_token_says_is_remembered() -> None:
    token, claims = issued()
    verifier = TokenVerifier(clock=lambda: NOW)

    first = verifier.verify(token, SECRET, issuer=ISSUER)

    assert first == claims
    assert verifier.verify(token, SECRET, issuer=ISSUER) is first


def test_a_token_that_was_valid_expires() -> None:
    token, claims = issued()
    now = [float(NOW)]
    verifier = TokenVerifier(clock=lambda: now[0])
    verifier.verify(token, SECRET, issuer=ISSUER)

    now[0] = claims.exp - 0.5
    verifier.verify(token, SECRET, issuer=ISSUER)
    now[0] = claims.exp
    with pytest.raises(TokenError, match="expired"):
        verifier.verify(token, SECRET, issuer=ISSUER)


def test_a_token_that_was_valid_is_not_for_another_secret_or_issuer() -> None:
    token, _ = issued()
    verifier = TokenVerifier(clock=lambda: NOW)
    verifier.verify(token, SECRET, issuer=ISSUER)

    with pytest.raises(TokenError):
        verifier.verify(token, SECRET[::-1], issuer=ISSUER)
    with pytest.raises(TokenError):
        verifier.verify(token, SECRET, issuer="evil.example")


def test_a_token_that_is_not_valid_is_refused_each_time() -> None:
    verifier = TokenVerifier(clock=lambda: NOW)

    for _ in range(2):
        with pytest.raises(TokenError):
            verifier.verify("a.b.c", SECRET, issuer=ISSUER)


def test_tokens_are_bounded_and_the_least_used_goes() -> None:
    (alice, _), (bob, _), (carol, _) = (issued(name) for name in ("alice", "bob", "carol"))
    verifier = TokenVerifier(max_tokens=2, clock=lambda: NOW)
    first = {token: verifier.verify(token, SECRET, issuer=ISSUER) for token in (alice, bob)}

    for token in (alice, carol):
        verifier.verify(token, SECRET, issuer=ISSUER)

    assert verifier.verify(alice, SECRET, issuer=ISSUER) is first[alice]
    assert verifier.verify(bob, SECRET, issuer=ISSUER) is not first[bob]
