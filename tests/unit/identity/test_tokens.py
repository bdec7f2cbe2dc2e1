import time
from collections.abc import Callable
from itertools import count

import jwt
import pytest

from identity import TokenError, hash_token, issue_token, proper_form, verify_token

SECRET = "a secret of thirty-two bytes or so"
ISSUER = "auth.idling.app"


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    known = {"sub": "user_1", "iss": ISSUER, "exp": int(time.time()) + 60}
    return jwt.encode({**known, **claims}, secret, algorithm=algorithm)


def test_a_token_has_its_claims_in_order() -> None:
    token, claims = issue_token(
        SECRET, issuer=ISSUER, user_id="user_1", email="a@b.c", customer_id="cust_1", now=1000.9
    )

    payload = jwt.decode(token, options={"verify_signature": False})
    assert list(payload) == [
        *("sub", "iss", "aud", "exp", "iat", "jti", "email", "email_verified"),
        *("userId", "customerId", "csrf"),
    ]
    assert payload == dict(claims.all)
    assert (payload["sub"], payload["userId"], payload["aud"]) == ("user_1", "user_1", "cust_1")
    assert (payload["iat"], payload["exp"]) == (1000, 1000 + 25_200)
    assert payload["email_verified"] is True
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_no_two_tokens_are_the_same() -> None:
    tokens = {
        issue_token(SECRET, issuer=ISSUER, user_id="u", email="a@b.c", customer_id=None, now=0)[0]
        for _ in range(5)
    }

    assert len(tokens) == 5


def test_a_token_of_no_customer_is_meant_for_default() -> None:
    _, claims = issue_token(SECRET, issuer=ISSUER, user_id="u", email="a@b.c", customer_id=None)

    assert claims.all["aud"] == "default"
    assert claims.customer_id == ""


def test_an_issued_token_verifies() -> None:
    token, claims = issue_token(
        SECRET, issuer=ISSUER, user_id="user_1", email="a@b.c", customer_id="cust_1"
    )

    assert verify_token(token, SECRET, issuer=ISSUER) == claims


def test_the_token_of_the_vectors_verifies(vectors) -> None:
    claims = verify_token(vectors["token"], vectors["secret"], issuer=ISSUER)

    assert claims.all == vectors["payload"]
    assert (claims.user_id, claims.customer_id) == ("user_0123456789ab", "cust_0123456789ab")
    assert (claims.email, claims.exp) == ("alice@example.com", 4102444800)


def test_a_signature_in_the_faulty_alphabet_verifies(vectors) -> None:
    vector = vectors["tokenWithSlashInSignature"]

    claims = verify_token(vector["token"], vector["secret"], issuer=None)

    assert "/" in vector["token"]
    assert claims.sub == "u1"


def test_the_faulty_alphabet_is_no_way_around_the_signature(vectors) -> None:
    vector = vectors["tokenWithSlashInSignature"]

    with pytest.raises(TokenError):
        verify_token(vector["token"].replace("/", "A"), vector["secret"], issuer=None)


def rewritten(token: str, change: Callable[[str], str]) -> str:
    """Return a token with its signature written in another way."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{change(signature)}"


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: f"{signature}=",
        lambda signature: f"{signature}==",
        lambda signature: f"{signature}\n",
        lambda signature: f"{signature[:5]}!{signature[5:]}",
        lambda signature: signature.replace("-", "+"),
        # Only four of the last digit's six bits count.
        lambda signature: signature[:-1] + chr(ord(signature[-1]) + 1),
    ],
    ids=range(6),
)
def test_a_signature_can_be_written_in_no_other_way(change) -> None:
    # A token that was revoked would be valid again.
    tokens = (signed(sub=f"user_{number}") for number in count())
    token = next(
        token for token in tokens if "-" in token.rpartition(".")[2] and token[-1] in "AEIMQU"
    )
    verify_token(token, SECRET, issuer=ISSUER)

    with pytest.raises(TokenError):
        verify_token(rewritten(token, change), SECRET, issuer=ISSUER)


def test_a_token_in_the_faulty_alphabet_is_the_one_in_the_proper_one() -> None:
    tokens = (signed(sub=f"user_{number}") for number in count())
    token = next(token for token in tokens if token.rpartition(".")[2].count("_") > 1)

    for change in (lambda s: s.replace("_", "/"), lambda s: s.replace("_", "/", 1)):
        faulty = rewritten(token, change)
        assert proper_form(faulty) == token == proper_form(token)
        assert verify_token(faulty, SECRET, issuer=ISSUER).sub.startswith("user_")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"exp": "soon"},
        {"sub": None},
        {"sub": 5},
        {"iss": ""},
        {"iss": "evil.example"},
    ],
    ids=str,
)
def test_a_claim_that_is_not_right_is_refused(claims) -> None:
    token = signed(**claims)

    with pytest.raises(TokenError):
        verify_token(token, SECRET, issuer=ISSUER)


def test_there_is_no_leeway(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TokenError, match="expired"):
        verify_token(signed(exp=int(time.time())), SECRET, issuer=ISSUER)


@pytest.mark.parametrize("missing", ["exp", "sub", "iss"])
def test_a_claim_that_is_missing_is_refused(missing: str) -> None:
    claims = {"sub": "user_1", "iss": ISSUER, "exp": int(time.time()) + 60}
    del claims[missing]

    with pytest.raises(TokenError):
        verify_token(jwt.encode(claims, SECRET, algorithm="HS256"), SECRET, issuer=ISSUER)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_algorithm_is_refused(algorithm: str) -> None:
    token = signed("" if algorithm == "none" else SECRET, algorithm)

    with pytest.raises(TokenError):
        verify_token(token, SECRET, issuer=ISSUER)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "ä.ö.ü", "\ud800", "x" * 10_000, "e30.e30.", "e30.e30.e30.e30"],
    ids=range(9),
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        verify_token(token, SECRET, issuer=ISSUER)


def test_another_secret_is_refused_without_a_word_of_it() -> None:
    token = signed("another secret of thirty-two bytes")

    with pytest.raises(TokenError) as caught:
        verify_token(token, SECRET, issuer=ISSUER)

    assert SECRET not in str(caught.value)
    assert token not in str(caught.value)


def test_claims_of_odd_types_are_as_good_as_missing() -> None:
    token = signed(email=["a@b.c"], userId=5, customerId=None, iat="x")

    claims = verify_token(token, SECRET, issuer=ISSUER)

    assert (claims.email, claims.user_id, claims.customer_id, claims.iat) == ("", "", "", 0)


def test_a_token_is_stored_as_its_hash(vectors) -> None:
    assert hash_token(vectors["token"]) == vectors["enc"]["tokenHash"]


def test_the_caller_may_tell_the_time() -> None:
    token, claims = issue_token(
        SECRET, issuer=ISSUER, user_id="u", email="a@b.c", customer_id=None, now=1000
    )

    assert verify_token(token, SECRET, issuer=ISSUER, now=claims.exp - 0.5) == claims
    with pytest.raises(TokenError, match="expired"):
        verify_token(token, SECRET, issuer=ISSUER, now=claims.exp)


@pytest.mark.parametrize(
    "claims", [{"nbf": 2001}, {"nbf": "soon"}, {"exp": "late"}, {"exp": float("inf")}, {"exp": []}]
)
def test_a_time_that_has_not_come_or_is_none_is_refused(claims: dict[str, object]) -> None:
    token = signed(**{"exp": 3000, **claims})

    with pytest.raises(TokenError):
        verify_token(token, SECRET, issuer=ISSUER, now=2000)
