"""Customers on their way into CUSTOMER_KV: what is copied, what is left, and what is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_api.app import CustomerApi
from customer_api.layout import index_key, record_key
from customer_api.migration import Finding, MigrationReport, migrate_customers
from kvstore import EngineError, EngineOptions, KVEngine, KVNamespace, open_engine
from workers import Request

ALICE = "alice@example.com"
ALICES_INDEX = "email_to_customer_ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"
TIME = "2024-05-06T07:08:09.000Z"


def id_of(number: int) -> str:
    return f"cust_{number:012x}"


def key_of(number: int) -> str:
    return record_key(id_of(number))


def record_of(number: int, email: str, **fields: Any) -> str:
    """Return a record; the white space tells whether it is copied as it stands."""
    values = {"customerId": id_of(number), "email": email, "status": "active", "createdAt": TIME}
    return json.dumps(values | fields, indent=1)


class Watched:
    """A namespace that remembers what was written, fails when told, and lets others meddle."""

    def __init__(self, kv: KVNamespace) -> None:
        self._kv = kv
        self.written: list[str] = []
        self.fails_after: int | None = None
        self.on_listing: tuple[str, int, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kv, name)

    async def put(self, key: str, value: Any, **options: Any) -> None:
        self._count(key)
        await self._kv.put(key, value, **options)

    async def list(self, **options: Any) -> Any:
        if self.on_listing is not None and options.get("prefix") == self.on_listing[0]:
            prefix, times, meddling = self.on_listing
            self.on_listing = (prefix, times - 1, meddling) if times > 1 else None
            if times == 1:
                await meddling
        return await self._kv.list(**options)

    async def delete(self, key: str) -> None:
        self._count(key)
        await self._kv.delete(key)

    def _count(self, key: str) -> None:
        if self.fails_after is not None and len(self.written) >= self.fails_after:
            raise EngineError("the disk is full")
        self.written.append(key)


class Spaces:
    """A source and a target, and short words for what tests do with them."""

    def __init__(self, engine: KVEngine) -> None:
        self.source = Watched(KVNamespace(engine, "source"))
        self.target = Watched(KVNamespace(engine, "target"))

    async def add(
        self, number: int, email: str | None = None, *, index: bool = True, **fields: Any
    ) -> str:
        """Put a customer into the source, and its index unless told otherwise."""
        email = email or f"user{number}@example.com"
        text = record_of(number, email, **fields)
        await self.source.put(key_of(number), text)
        if index:
            await self.source.put(index_key(email), id_of(number))
        return text

    async def migrate(self, **options: Any) -> MigrationReport:
        """Run it, and forget what was written before."""
        self.source.written.clear()
        self.target.written.clear()
        return await migrate_customers(self.source, self.target, **options)


async def contents(kv: Any) -> dict[str, tuple[str, Any, Any]]:
    """Return all that a namespace holds: values, metadata, expirations."""
    found: dict[str, tuple[str, Any, Any]] = {}
    cursor = None
    while True:
        page = await kv.list(cursor=cursor)
        for key in page["keys"]:
            value = await kv.get(key["name"])
            found[key["name"]] = (value, key.get("metadata"), key.get("expiration"))
        if page["list_complete"]:
            return found
        cursor = page["cursor"]


@pytest.fixture(params=["memory", "leveldb"])
async def spaces(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Spaces]:
    """Two namespaces on each built-in engine."""
    options = EngineOptions(folder=tmp_path / "store", durability="buffered")
    engine = await open_engine(request.param, options)
    yield Spaces(engine)
    await engine.close()


# What is copied


async def test_a_record_is_copied_as_it_stands_with_metadata_and_index_made_anew(spaces) -> None:
    text = record_of(1, " Alice@Example.COM", note="ünverändert", status="suspended")
    await spaces.source.put(key_of(1), text, metadata={"old": 1}, expirationTtl=1000)

    report = await spaces.migrate()

    assert (report.migrated, report.skipped, report.is_complete) == (1, 0, True)
    assert await contents(spaces.target) == {
        key_of(1): (text, {"status": "suspended", "createdAt": TIME}, None),
        ALICES_INDEX: (id_of(1), None, None),
    }


async def test_nothing_but_records_and_their_index_is_copied(spaces) -> None:
    await spaces.add(1)
    others = (
        f"customer_{id_of(1)}_apikeys",
        "customer_cust_XYZ",
        "customer_1",
        "customer_",
        "email_to_customer_alice@example.com",
        f"cust_{id_of(1)}_user_1",
        "apikey_1",
    )
    for key in others:
        await spaces.source.put(key, "{}")

    report = await spaces.migrate(delete_source=True)

    assert report.is_complete
    assert sorted(await contents(spaces.target)) == [key_of(1), index_key("user1@example.com")]
    assert sorted(await contents(spaces.source)) == sorted(others)


async def test_the_source_is_only_read(spaces) -> None:
    await spaces.add(1)
    before = await contents(spaces.source)

    await spaces.migrate()

    assert spaces.source.written == []
    assert await contents(spaces.source) == before


async def test_pages_and_batches_go_on_where_the_last_one_ended(spaces) -> None:
    numbers = range(1234)
    await asyncio.gather(*map(spaces.add, numbers))

    report = await spaces.migrate()

    assert (report.migrated, report.is_complete) == (1234, True)
    found = await contents(spaces.target)
    assert {key for key in found if key.startswith("customer_")} == {*map(key_of, numbers)}
    assert len(found) == 2 * 1234


async def test_a_second_run_writes_nothing(spaces) -> None:
    await asyncio.gather(*map(spaces.add, range(250)))
    await spaces.migrate()
    before = await contents(spaces.target)

    report = await spaces.migrate()

    assert (report.migrated, report.skipped, report.is_complete) == (0, 250, True)
    assert spaces.target.written == []
    assert await contents(spaces.target) == before


async def test_a_record_is_written_before_what_leads_to_it(spaces) -> None:
    await asyncio.gather(*map(spaces.add, range(150)))

    await spaces.migrate()

    place = {key: at for at, key in enumerate(spaces.target.written)}
    for number in range(150):
        assert place[key_of(number)] < place[index_key(f"user{number}@example.com")]


@pytest.mark.parametrize("writes", [0, 1, 99, 100, 101, 250, 399])
async def test_an_interrupted_run_is_gone_on_with(spaces, writes: int) -> None:
    await asyncio.gather(*map(spaces.add, range(200)))
    spaces.target.fails_after = writes
    with pytest.raises(EngineError, match="the disk is full"):
        await spaces.migrate()
    found = await contents(spaces.target)
    assert len(found) == writes
    for key, (value, _, _) in found.items():
        assert key.startswith("customer_") or record_key(value) in found
    spaces.target.fails_after = None

    report = await spaces.migrate()

    assert (report.migrated + report.skipped, report.is_complete) == (200, True)
    # Only what was missing.
    assert len(spaces.target.written) == 400 - writes


async def test_an_index_alone_that_is_missing_is_made(spaces) -> None:
    text = await spaces.add(1)
    await spaces.target.put(key_of(1), text)

    report = await spaces.migrate()

    assert (report.migrated, report.skipped, report.is_complete) == (1, 0, True)
    assert spaces.target.written == [index_key("user1@example.com")]


async def test_the_worker_finds_migrated_customers(spaces) -> None:
    await spaces.add(1, "Alice@example.com", tier="premium", name="Alice")
    await spaces.migrate()
    env = SimpleNamespace(CUSTOMER_KV=spaces.target, JWT_SECRET="s" * 32, SERVICE_API_KEY="key")
    request = Request(f"http://test/customer/by-email/{ALICE}", headers={"X-Service-Key": "key"})

    response = await CustomerApi().answer(request, env)

    found = await response.json()
    assert (found["customerId"], found["tier"]) == (id_of(1), "premium")


async def test_an_empty_source_is_complete(spaces) -> None:
    report = await spaces.migrate()

    assert (report.migrated, report.skipped, report.is_complete) == (0, 0, True)


async def test_it_is_told_how_far_each_step_is(spaces) -> None:
    await asyncio.gather(*map(spaces.add, range(150)))
    told: list[tuple[str, int, int | None]] = []

    await spaces.migrate(delete_source=True, on_progress=lambda *step: told.append(step))

    assert told == [
        ("Copying", 100, None),
        ("Copying", 150, None),
        ("Checking the index", 100, None),
        ("Checking the index", 150, None),
        ("Verifying", 100, 150),
        ("Verifying", 150, 150),
        ("Deleting", 100, 150),
        ("Deleting", 150, 150),
    ]


async def test_a_namespace_is_not_moved_into_itself(spaces) -> None:
    await spaces.add(1)

    with pytest.raises(ValueError, match="another namespace than the one where they are"):
        await migrate_customers(spaces.source, spaces.source, delete_source=True)

    assert len(await contents(spaces.source)) == 2


@pytest.mark.parametrize("space", ["source", "target"])
async def test_a_store_that_cannot_be_read_ends_it(
    spaces, monkeypatch: pytest.MonkeyPatch, space: str
) -> None:
    await spaces.add(1)

    async def fail(*args: object) -> None:
        raise EngineError("the disk has gone")

    monkeypatch.setattr(getattr(spaces, space), "get", fail, raising=False)

    with pytest.raises(EngineError, match="the disk has gone"):
        await spaces.migrate()

    assert spaces.target.written == []


# What stands in the way


async def test_a_differing_record_of_the_target_is_kept_and_reported(spaces) -> None:
    await spaces.add(1, tier="free")
    theirs = record_of(1, "user1@example.com", tier="premium")
    await spaces.target.put(key_of(1), theirs)

    report = await spaces.migrate()

    assert report.conflicts == [
        Finding(key_of(1), "the target has another record of this customer")
    ]
    assert (report.migrated, report.errors, report.is_complete) == (0, [], False)
    assert await contents(spaces.target) == {key_of(1): (theirs, None, None)}


async def test_an_index_of_the_target_that_points_elsewhere_is_kept_and_reported(spaces) -> None:
    await spaces.add(1, ALICE)
    await spaces.target.put(ALICES_INDEX, id_of(9))

    report = await spaces.migrate()

    reason = f"in the target its address leads to {id_of(9)}"
    assert report.conflicts == [Finding(key_of(1), reason)]
    assert await contents(spaces.target) == {ALICES_INDEX: (id_of(9), None, None)}


async def test_an_index_of_the_target_that_holds_no_id_is_kept_and_not_shown(spaces) -> None:
    await spaces.add(1, ALICE)
    await spaces.target.put(ALICES_INDEX, ALICE)

    report = await spaces.migrate()

    assert [one.reason for one in report.conflicts] == [
        "in the target its address leads to what is no customer id"
    ]


@pytest.mark.parametrize("gap", [1, 150])
async def test_of_two_with_one_address_the_one_is_copied_that_the_index_leads_to(
    spaces, gap: int
) -> None:
    await asyncio.gather(*map(spaces.add, range(10, 10 + gap)))
    await spaces.add(1, ALICE, index=False)
    await spaces.add(999, "ALICE@example.com")

    report = await spaces.migrate()

    reason = f"{id_of(999)} has the same address, and the index of the source leads there"
    assert report.conflicts == [Finding(key_of(1), reason)]
    assert (report.migrated, report.errors, report.is_complete) == (gap + 1, [], False)
    found = await contents(spaces.target)
    assert found[ALICES_INDEX][0] == id_of(999)
    assert key_of(1) not in found


@pytest.mark.parametrize("gap", [1, 150])
async def test_of_two_with_one_address_and_no_index_the_first_is_copied(spaces, gap: int) -> None:
    await asyncio.gather(*map(spaces.add, range(10, 10 + gap)))
    await spaces.add(1, ALICE, index=False)
    await spaces.add(999, ALICE, index=False)

    first = await spaces.migrate()
    second = await spaces.migrate()

    reason = f"in the target its address leads to {id_of(1)}"
    assert first.conflicts == second.conflicts == [Finding(key_of(999), reason)]
    assert (first.migrated, second.migrated, second.skipped) == (gap + 1, 0, gap + 1)
    assert spaces.target.written == []
    assert key_of(999) not in await contents(spaces.target)


@pytest.mark.parametrize(
    ("led_to", "reason"),
    [
        (id_of(7), f"leads to {id_of(7)}, which is not there"),
        (id_of(2), f"leads to {id_of(2)}, which has another address"),
        ("", "leads to what is no customer id"),
        ("x" * 600, "leads to what is no customer id"),
        (ALICE, "leads to what is no customer id"),
    ],
)
async def test_an_index_of_the_source_that_leads_wrong_is_reported_and_the_record_copied(
    spaces, led_to: str, reason: str
) -> None:
    await spaces.add(1, ALICE, index=False)
    await spaces.add(2)
    await spaces.source.put(ALICES_INDEX, led_to)

    report = await spaces.migrate()

    assert report.conflicts == [Finding(ALICES_INDEX, reason)]
    assert (report.migrated, report.is_complete) == (2, False)
    assert (await contents(spaces.target))[ALICES_INDEX][0] == id_of(1)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("", "the record is no JSON object"),
        ("{", "the record is no JSON object"),
        ("[]", "the record is no JSON object"),
        ('{"email": "a@example.com", "n": NaN}', "the record is no JSON object"),
        ("[" * 100_000, "the record is no JSON object"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}{}", "the record is no JSON object"),
        ("{}", "the record has no e-mail address"),
        ('{"email": 5}', "the record has no e-mail address"),
        ('{"email": "nobody"}', "the record has no e-mail address"),
        ('{"email": "\\ud800@example.com"}', "the record has no e-mail address"),
        (record_of(2, ALICE), "the record has another customerId than its key"),
        (record_of(1, ALICE, customerId=None), "the record has another customerId than its key"),
        (record_of(1, ALICE, status=["active"]), "status is no text of up to 100 characters"),
        (record_of(1, ALICE, createdAt="x" * 101), "createdAt is no text of up to 100 characters"),
        (b'{"email": "a@example.com", "name": "\xff"}', "the record is not UTF-8"),
    ],
)
async def test_a_record_that_cannot_be_read_is_left_and_reported(
    spaces, record: str | bytes, reason: str
) -> None:
    await spaces.source.put(key_of(1), record)
    await spaces.source.put(ALICES_INDEX, id_of(1))
    await spaces.add(2)

    report = await spaces.migrate(delete_source=True)

    assert report.errors == [Finding(key_of(1), reason)]
    assert (report.migrated, report.conflicts, report.is_complete) == (1, [], False)
    assert key_of(1) not in await contents(spaces.target)
    assert spaces.source.written == []


async def test_the_replacement_character_itself_is_text(spaces) -> None:
    text = await spaces.add(1, name="\N{REPLACEMENT CHARACTER}")

    report = await spaces.migrate()

    assert report.is_complete
    assert (await contents(spaces.target))[key_of(1)][0] == json.dumps(json.loads(text), indent=1)


async def test_a_record_without_its_id_is_that_of_its_key(spaces) -> None:
    await spaces.source.put(key_of(1), f'{{"email": "{ALICE}"}}')

    report = await spaces.migrate()

    assert report.is_complete
    metadata = (await contents(spaces.target))[key_of(1)][1]
    assert metadata == {"status": None, "createdAt": None}


@pytest.mark.parametrize("expires", ["record", "index"])
async def test_what_the_target_will_not_keep_is_not_there(spaces, expires: str) -> None:
    text = await spaces.add(1, ALICE)
    ttl = {"expirationTtl": 1000}
    await spaces.target.put(key_of(1), text, **(ttl if expires == "record" else {}))
    await spaces.target.put(ALICES_INDEX, id_of(1), **(ttl if expires == "index" else {}))

    report = await spaces.migrate()

    reason = "in the target it will expire, and customers are kept for good"
    assert report.conflicts == [Finding(key_of(1), reason)]
    assert spaces.target.written == []


async def test_no_address_stands_in_a_report(spaces) -> None:
    await spaces.add(1, ALICE, index=False)
    await spaces.add(2, ALICE, index=False)
    await spaces.add(3, "bob@example.com")
    await spaces.source.put(key_of(4), '{"email": "carol@example.com"')
    await spaces.source.put(ALICES_INDEX, ALICE)
    await spaces.target.put(key_of(3), '{"email": "bob@example.com"}')

    report = await spaces.migrate()

    assert (len(report.conflicts), len(report.errors)) == (3, 1)
    assert "@" not in repr(report)


async def test_values_that_are_too_much_at_once_are_read_in_parts(spaces) -> None:
    large = "x" * 9_000_000
    texts = [await spaces.add(number, note=large) for number in range(4)]

    report = await spaces.migrate()

    assert (report.migrated, report.is_complete) == (4, True)
    assert [await spaces.target.get(key_of(number)) for number in range(4)] == texts


# A dry run


async def test_a_dry_run_writes_nothing_and_is_complete_where_nothing_is_to_do(spaces) -> None:
    await spaces.add(1)

    before = await spaces.migrate(dry_run=True, delete_source=True)
    written = [*spaces.source.written, *spaces.target.written]
    await spaces.migrate()
    after = await spaces.migrate(dry_run=True, delete_source=True)

    assert (before.migrated, before.skipped, before.is_complete) == (1, 0, False)
    assert (after.migrated, after.skipped, after.is_complete) == (0, 1, True)
    assert (after.deleted, written) == (0, [])
    assert await contents(spaces.source) != {}


_NUMBERS = st.integers(0, 5)
_EMAILS = st.sampled_from(["a@example.com", "A@example.com", "b@example.com", "c@example.com"])
_RECORDS = st.dictionaries(_NUMBERS, st.one_of(_EMAILS, st.just("broken")), max_size=6)
_INDEXES = st.dictionaries(_EMAILS, st.one_of(_NUMBERS, st.just(77)), max_size=4)


async def fill(kv: Any, records: dict[int, str], indexes: dict[str, int]) -> None:
    for number, email in records.items():
        await kv.put(key_of(number), record_of(number, email))
    for email, number in indexes.items():
        await kv.put(index_key(email), id_of(number))


@given(records=_RECORDS, indexes=_INDEXES, target=_RECORDS, target_indexes=_INDEXES)
def test_a_dry_run_tells_what_a_run_does_and_a_run_never_overwrites(
    records: dict[int, str],
    indexes: dict[str, int],
    target: dict[int, str],
    target_indexes: dict[str, int],
) -> None:
    async def check() -> None:
        engine = await open_engine("memory", EngineOptions(folder=Path()))
        spaces = Spaces(engine)
        await fill(spaces.source, records, indexes)
        await fill(spaces.target, target, target_indexes)
        source_before = await contents(spaces.source)
        before = await contents(spaces.target)

        told = await spaces.migrate(dry_run=True)
        assert spaces.target.written == []
        done = await spaces.migrate()
        after = await contents(spaces.target)
        again = await spaces.migrate()

        assert (told.migrated, told.skipped) == (done.migrated, done.skipped)
        assert (told.conflicts, told.errors) == (done.conflicts, done.errors)
        assert {key: after[key] for key in before} == before
        assert (again.conflicts, again.errors) == (done.conflicts, done.errors)
        assert (again.migrated, again.skipped) == (0, done.migrated + done.skipped)
        assert spaces.target.written == []
        equal = [
            number
            for number, email in records.items()
            if after.get(key_of(number), ("",))[0] == source_before[key_of(number)][0]
            and after.get(index_key(email), ("",))[0] == id_of(number)
        ]
        assert len(equal) == done.migrated + done.skipped
        assert not done.is_complete or len(equal) == len(records)
        await engine.close()

    asyncio.run(check())


async def test_what_is_equal_is_skipped_though_the_index_of_the_source_names_another(
    spaces,
) -> None:
    await fill(spaces.source, {0: "a@example.com", 1: "a@example.com"}, {"a@example.com": 1})
    await fill(spaces.target, {0: "a@example.com"}, {"a@example.com": 0})

    report = await spaces.migrate()

    assert (report.migrated, report.skipped) == (0, 1)
    [conflict] = report.conflicts
    assert conflict.key == key_of(1)
    assert "in the target its address leads to" in conflict.reason


# Deleting the source


async def test_the_source_is_deleted_when_all_is_in_the_target(spaces) -> None:
    await asyncio.gather(*map(spaces.add, range(250)))
    await spaces.source.put("user_1", "kept")

    report = await spaces.migrate(delete_source=True)

    assert (report.migrated, report.deleted, report.is_complete) == (250, 250, True)
    assert list(await contents(spaces.source)) == ["user_1"]
    assert len(await contents(spaces.target)) == 500


async def test_nothing_is_deleted_where_anything_is_in_the_way(spaces) -> None:
    await spaces.add(1)
    await spaces.add(2)
    await spaces.target.put(key_of(2), "{}")

    report = await spaces.migrate(delete_source=True)

    assert (report.deleted, len(report.conflicts)) == (0, 1)
    assert spaces.source.written == []


@pytest.mark.parametrize("deletes", [0, 1, 100, 150, 399])
async def test_a_deletion_that_was_interrupted_is_gone_on_with(spaces, deletes: int) -> None:
    await asyncio.gather(*map(spaces.add, range(200)))
    spaces.source.fails_after = deletes
    with pytest.raises(EngineError):
        await spaces.migrate(delete_source=True)
    spaces.source.fails_after = None

    report = await spaces.migrate(delete_source=True)

    assert (report.conflicts, report.errors, report.is_complete) == ([], [], True)
    assert await contents(spaces.source) == {}
    assert len(await contents(spaces.target)) == 400


@pytest.mark.parametrize("before", ["verifying", "deleting"])
@pytest.mark.parametrize(
    ("meddle", "reason"),
    [
        (lambda spaces: spaces.add(149, tier="premium"), "differs in the target"),
        (lambda spaces: spaces.add(500), "is not in the target"),
        (lambda spaces: spaces.target.delete(key_of(149)), "is not in the target"),
        (
            lambda spaces: spaces.target.put(index_key("user149@example.com"), id_of(9)),
            "is not where its address leads in the target",
        ),
        (lambda spaces: spaces.source.put(key_of(149), "{"), "the record is no JSON object"),
    ],
)
async def test_what_changes_meanwhile_is_told_and_not_deleted(
    spaces, before: str, meddle: Any, reason: str
) -> None:
    await asyncio.gather(*map(spaces.add, range(150)))
    # The source's records are listed for copying, for verifying, for deleting.
    spaces.source.on_listing = ("customer_cust_", 2 if before == "verifying" else 3, meddle(spaces))

    report = await spaces.migrate(delete_source=True)

    (error,) = report.errors
    assert reason in error.reason
    assert not report.is_complete
    left = [key for key in await contents(spaces.source) if key.startswith("customer_")]
    assert error.key in left
    assert (len(left) == 1) == (before == "deleting")
