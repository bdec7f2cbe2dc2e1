"""Settings of a worker: read from `env`, typed, and never shown."""

import json
import subprocess
import sys
import traceback
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    Field,
    SecretBytes,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from workerkit import Binding, KitError, KVNamespace, Service, SettingsError, WorkerSettings
from workers.rpc import _EnvWrapper

SECRET = "hunter2hunter2"


class Store:
    """A KV namespace as far as it is looked at."""

    async def get(self, key: str) -> None: ...

    async def put(self, key: str, value: str) -> None: ...

    async def list(self) -> None: ...


class Peer:
    """A service binding: any name is a method."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: None


class Smtp(BaseModel):
    host: str
    port: int = 25
    password: SecretStr | None = None


class Settings(WorkerSettings):
    JWT_SECRET: SecretStr
    ALLOWED_ORIGINS: list[str] = []
    MAX_AGE_S: int = 300
    CUSTOMER_KV: KVNamespace
    CUSTOMER_API: Service | None = None


def env(**bindings: object) -> _EnvWrapper:
    return _EnvWrapper(bindings)


def faults_of(cls: type[WorkerSettings], bindings: dict[str, object]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        cls.from_env(env(**bindings))
    return raised.value.faults


def one_field(annotation: Any, default: object = ...) -> type[WorkerSettings]:
    """Return a class of settings with the field VALUE."""
    return type(
        "One",
        (WorkerSettings,),
        {"__module__": __name__, "__annotations__": {"VALUE": annotation}}
        | ({} if default is ... else {"VALUE": default}),
    )


# What is read


def test_settings_are_what_stands_on_env() -> None:
    store, peer = Store(), Peer()

    settings = Settings.from_env(
        env(
            JWT_SECRET=SECRET,
            ALLOWED_ORIGINS="https://a.example, https://b.example",
            MAX_AGE_S="60",
            CUSTOMER_KV=store,
            CUSTOMER_API=peer,
            NOT_A_FIELD="x",
        )
    )

    assert isinstance(settings, BaseSettings)
    assert settings.JWT_SECRET.get_secret_value() == SECRET
    assert settings.ALLOWED_ORIGINS == ["https://a.example", "https://b.example"]
    assert settings.MAX_AGE_S == 60
    assert settings.CUSTOMER_KV is store
    assert settings.CUSTOMER_API is peer


def test_defaults_stand_for_what_is_not_there() -> None:
    settings = Settings.from_env(env(JWT_SECRET=SECRET, CUSTOMER_KV=Store()))

    assert (settings.ALLOWED_ORIGINS, settings.MAX_AGE_S, settings.CUSTOMER_API) == ([], 300, None)


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        (str, "a,b", "a,b"),
        (str, "", ""),
        (str, "[1]", "[1]"),
        (int, "5", 5),
        (int, 5, 5),
        (float, "0.5", 0.5),
        (bool, "true", True),
        (bool, "0", False),
        (bool, True, True),
        (list[str], "a", ["a"]),
        (list[str], " a , b ,, c", ["a", "b", "c"]),
        (list[str], "", []),
        (list[str], ["a", "b"], ["a", "b"]),
        (list[str], '["a,b", "c"]', ["a,b", "c"]),
        (list[int], "1, 2", [1, 2]),
        (list[list[int]], "[[1], [2]]", [[1], [2]]),
        (set[str], "a,b,a", {"a", "b"}),
        (set[int], [1, 2], {1, 2}),
        (frozenset[str], "a", frozenset({"a"})),
        (tuple[str, ...], "a,b", ("a", "b")),
        (tuple[int, str], "1, x", (1, "x")),
        (list[str] | None, "a,b", ["a", "b"]),
        (list[str] | None, None, None),
        (int | None, "5", 5),
        (Literal["a", "b"], "b", "b"),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Smtp, '{"host": "h"}', Smtp(host="h")),
        (Smtp, {"host": "h", "port": "26"}, Smtp(host="h", port=26)),
        (Smtp | None, '{"host": "h"}', Smtp(host="h")),
        (list[Smtp], '[{"host": "h"}]', [Smtp(host="h")]),
        (SecretBytes, "x", SecretBytes(b"x")),
        (list[SecretStr], "x,y", [SecretStr("x"), SecretStr("y")]),
        (Any, "5", "5"),
    ],
)
def test_texts_and_json_variables_become_what_the_field_wants(
    annotation: Any, given: object, expected: object
) -> None:
    settings = one_field(annotation).from_env(env(VALUE=given))

    assert dict(settings) == {"VALUE": expected}


def test_a_mapping_can_stand_for_env() -> None:
    assert one_field(int).from_env({"VALUE": "5"}).model_dump() == {"VALUE": 5}


def test_json_variables_that_are_javascript_objects_are_converted() -> None:
    """As on Cloudflare, where `env` is a proxy as well, and tells nobody what is on it."""

    class JsProxy:
        def __init__(self, value: object) -> None:
            self._value = value

        def to_py(self) -> object:
            return self._value

    class JsEnv:
        __slots__ = ()

        def __getattr__(self, name: str) -> object:
            found = {"ORIGINS": JsProxy(["a"]), "SMTP": JsProxy({"host": "h"}), "KV": JsProxy("kv")}
            if name not in found:
                raise AttributeError(name)
            return found[name]

    class OnCloudflare(WorkerSettings):
        ORIGINS: list[str]
        SMTP: Smtp
        KV: Annotated[Any, Binding("kv_namespaces")]
        MISSING: int = 1

    settings = OnCloudflare.from_env(JsEnv())

    assert (settings.ORIGINS, settings.SMTP.host, settings.MISSING) == (["a"], "h", 1)
    assert isinstance(settings.KV, JsProxy)


# Names


class Named(WorkerSettings):
    jwt_secret: str = "default"
    Mixed_Case: str = "default"
    aliased: str = Field("default", validation_alias="OTHER_NAME")
    either: str = Field("default", validation_alias=AliasChoices("FIRST", "SECOND"))
    inside: str = Field("default", validation_alias=AliasPath("DOCUMENT", "key"))


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("JWT_SECRET", "x", "jwt_secret"),
        ("jwt_secret", "x", "jwt_secret"),
        ("Mixed_Case", "x", "Mixed_Case"),
        ("MIXED_CASE", "x", "Mixed_Case"),
        ("mixed_case", "x", "Mixed_Case"),
        ("OTHER_NAME", "x", "aliased"),
        ("FIRST", "x", "either"),
        ("SECOND", "x", "either"),
        ("DOCUMENT", {"key": "x"}, "inside"),
    ],
)
def test_a_field_is_found_by_its_name_in_any_case_or_by_its_alias(
    name: str, value: object, field: str
) -> None:
    settings = Named.from_env(env(**{name: value}))

    dumped = settings.model_dump()
    assert dumped.pop(field) == "x"
    assert set(dumped.values()) == {"default"}


def test_an_alias_takes_the_place_of_the_name() -> None:
    assert Named.from_env(env(aliased="x", other_name="x")).aliased == "default"


def test_a_class_may_be_strict_about_case_and_have_a_prefix() -> None:
    class Prefixed(WorkerSettings):
        model_config = SettingsConfigDict(env_prefix="APP_", case_sensitive=True)

        name: str = "default"

    assert Prefixed.from_env(env(APP_name="x", name="y")).name == "x"
    assert Prefixed.from_env(env(APP_NAME="x")).name == "default"


def test_nothing_but_env_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Elsewhere(WorkerSettings):
        model_config = SettingsConfigDict(env_file=".env", secrets_dir=str(tmp_path))

        VALUE: str = "default"

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VALUE", "of the process")
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    (tmp_path / ".env").write_text("VALUE=of a file\n")
    (tmp_path / "VALUE").write_text("of a folder")
    caplog.set_level("DEBUG")

    assert Elsewhere.from_env(env()).VALUE == "default"
    assert Elsewhere.from_env(env(VALUE="of env")).VALUE == "of env"
    assert Elsewhere(VALUE="given").VALUE == "given"
    assert "of env" not in caplog.text


# What is missing or wrong


def test_every_fault_is_named_with_what_was_expected_and_what_sets_it() -> None:
    class Everything(Settings):
        LEVEL: Literal["low", "high"] = "low"
        PORTS: set[int] = set()
        SMTP: Smtp | None = None
        LABELS: dict[str, str] = {}
        RATE: float | int = 1.0

    faults = faults_of(
        Everything,
        {
            "MAX_AGE_S": "many",
            "CUSTOMER_API": "a text",
            "LEVEL": "middle",
            "PORTS": "1,x",
            "SMTP": '{"port": "y"}',
            "LABELS": "no JSON",
        },
    )

    assert faults == (
        "JWT_SECRET is missing: expected a secret. Set it in .dev.vars by a line JWT_SECRET=…, "
        "deployed by: wrangler secret put JWT_SECRET",
        "MAX_AGE_S is wrong: expected a whole number. Input should be a valid integer, unable to "
        "parse string as an integer. Set MAX_AGE_S under [vars] in the config file.",
        "CUSTOMER_KV is missing: expected a binding. Declare it in the config file: "
        '[[kv_namespaces]] with binding = "CUSTOMER_KV".',
        "CUSTOMER_API is wrong: expected a binding. It is plain data and no binding. Declare it in "
        'the config file: [[services]] with binding = "CUSTOMER_API".',
        "LEVEL is wrong: expected one of 'low', 'high'. Input should be 'low' or 'high'. "
        "Set LEVEL under [vars] in the config file.",
        "PORTS[1] is wrong. Input should be a valid integer, unable to parse string as an integer. "
        "Set PORTS under [vars] in the config file.",
        "SMTP.host is missing. Set it in .dev.vars by a line SMTP=…, deployed by: "
        "wrangler secret put SMTP",
        "SMTP.port is wrong. Input should be a valid integer, unable to parse string as an "
        "integer. Set it in .dev.vars by a line SMTP=…, deployed by: wrangler secret put SMTP",
        "LABELS is wrong: expected a JSON object. Input should be a valid dictionary. "
        "Set LABELS under [vars] in the config file.",
    )


def test_the_faults_are_one_error_of_the_kit_that_is_a_value_error_too() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(env(JWT_SECRET=SECRET, MAX_AGE_S="x"))

    lines = str(raised.value).split("\n")
    assert lines[0] == "Settings cannot be made from env:"
    assert lines[1:] == [f"  - {fault}" for fault in raised.value.faults]
    assert len(lines) == 3
    assert isinstance(raised.value, KitError)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, "a text"),
        (int | None, "a whole number"),
        (int | list[int], "a whole number or a list (separated by commas, or JSON)"),
        (Annotated[int, Field(ge=3)] | None, "a whole number"),
        (list[SecretStr], "a list (separated by commas, or JSON)"),
        (complex, "complex"),
    ],
)
def test_what_is_expected_is_said_in_the_words_of_a_config(annotation: Any, expected: str) -> None:
    (fault,) = faults_of(one_field(annotation), {})

    assert fault.startswith(f"VALUE is missing: expected {expected}. ")


def test_the_name_is_the_one_on_env() -> None:
    class Lower(WorkerSettings):
        model_config = SettingsConfigDict(env_prefix="app_")

        jwt_secret: SecretStr
        max_age_s: int = Field(validation_alias="MaxAge")
        retries: int

    faults = faults_of(Lower, {"app_retries": "x"})

    assert [fault.split(" is ")[0] for fault in faults] == [
        "APP_JWT_SECRET",
        "MaxAge",
        "app_retries",
    ]


def test_a_field_in_small_letters_is_told_in_those_of_its_prefix() -> None:
    class Prefixed(WorkerSettings):
        model_config = SettingsConfigDict(env_prefix="APP_")

        jwt_secret: SecretStr

    (fault,) = faults_of(Prefixed, {})

    assert fault.startswith("APP_JWT_SECRET is missing")
    assert Prefixed.from_env(env(APP_jwt_secret="x")).jwt_secret.get_secret_value() == "x"


@pytest.mark.parametrize("annotation", [KVNamespace, Service, KVNamespace | None])
@pytest.mark.parametrize("given", ["text", b"bytes", 5, True, [], {}])
def test_plain_data_is_no_binding(annotation: Any, given: object) -> None:
    (fault,) = faults_of(one_field(annotation), {"VALUE": given})

    assert "It is plain data and no binding." in fault


def test_a_binding_of_another_kind_is_told_by_what_it_cannot_do() -> None:
    (fault,) = faults_of(one_field(Service), {"VALUE": Store()})

    assert fault.startswith("VALUE is wrong: expected a binding. The binding has no method fetch()")


def test_a_binding_that_cannot_be_used_here_is_taken() -> None:
    class Unavailable:
        def __getattr__(self, name: str) -> None:
            raise RuntimeError("nobody serves this kind")

    unavailable = Unavailable()

    class Both(WorkerSettings):
        KV: KVNamespace
        BUCKET: Annotated[Any, Binding("r2_buckets")]
        ANY: Any

    settings = Both.from_env({"KV": unavailable, "BUCKET": unavailable, "ANY": unavailable})

    assert settings.KV is settings.BUCKET is settings.ANY is unavailable


# Nothing shows a value


class Guarded(WorkerSettings):
    KEY: SecretStr = Field(SecretStr("x" * 20), min_length=20)
    PLAIN: str = "default"
    NUMBER: int = 1
    NESTED: Smtp | None = None
    CHECKED: SecretStr = SecretStr("ok")
    RAW: str = "ok"
    ITEMS: list[int] = []

    @field_validator("CHECKED", "RAW", mode="before")
    @classmethod
    def refuse(cls, value: object) -> object:
        if value != "ok" and not isinstance(value, SecretStr):
            raise ValueError(f"refused: {value}")
        return value

    @model_validator(mode="after")
    def refuse_together(self) -> "Guarded":
        if self.PLAIN == SECRET:
            raise ValueError(f"{self.PLAIN} does not go with {self.KEY.get_secret_value()}")
        return self


@pytest.mark.parametrize(
    "bindings",
    [
        {"KEY": SECRET},
        {"NUMBER": SECRET},
        {"NESTED": SECRET},
        {"NESTED": f'{{"host": 5, "port": "{SECRET}"}}'},
        {"NESTED": {"host": "h", "port": SECRET}},
        {"CHECKED": SECRET},
        {"RAW": SECRET},
        {"RAW": f" {SECRET.upper()} "},
        {"ITEMS": f"1,{SECRET}"},
        {"ITEMS": json.dumps([1, SECRET])},
        {"PLAIN": SECRET},
    ],
)
def test_no_value_is_in_the_error_nor_where_a_debugger_looks(bindings: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as raised:
        Guarded.from_env(env(**bindings))

    error = raised.value
    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames.stack[:1] = []
    shown = f"{error} {error!r} {error.args} {vars(error)} {''.join(frames.format())}"
    assert SECRET not in shown.lower()
    assert (error.__cause__, error.__context__) == (None, None)


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=3).map("q{}Z".format))
def test_no_value_of_a_secret_is_ever_told(secret: str) -> None:
    class Secrets(WorkerSettings):
        A: SecretStr = Field(max_length=1)
        B: list[SecretStr] = Field(max_length=0)
        C: Smtp

    faults = faults_of(Secrets, {"A": secret, "B": secret, "C": secret})

    assert len(faults) == 3
    assert secret not in " ".join(faults)


def test_words_of_a_validator_are_told_unless_they_repeat_a_value() -> None:
    class Checked(WorkerSettings):
        PORT: int

        @field_validator("PORT")
        @classmethod
        def check(cls, port: int) -> int:
            assert port != 5, f"not {port}, please."
            if port < 1024:
                raise ValueError("ports below 1024 are for others")
            return port

        @model_validator(mode="after")
        def check_all(self) -> "Checked":
            if self.PORT == 9999:
                raise ValueError("that goes with nothing")
            return self

    (told,) = faults_of(Checked, {"PORT": "80"})
    (not_told,) = faults_of(Checked, {"PORT": 5})
    together = faults_of(Checked, {"PORT": "9999"})

    assert "expected a whole number. Ports below 1024 are for others. Set PORT" in told
    assert "expected a whole number. Set PORT" in not_told
    assert together == ("That goes with nothing.",)


def test_words_about_a_secret_are_told_unless_they_repeat_a_part_of_it() -> None:
    class Checked(WorkerSettings):
        KEY: SecretStr
        PIN: SecretStr = SecretStr("none")

        @model_validator(mode="after")
        def check(self) -> "Checked":
            key = self.KEY.get_secret_value()
            if key.startswith("weak"):
                raise ValueError(f"the key begins with {key[:4]}")
            if self.PIN.get_secret_value() == "7":
                raise ValueError("7 is no good PIN")
            raise ValueError("KEY has 32 bytes at least")

    assert faults_of(Checked, {"KEY": SECRET}) == ("KEY has 32 bytes at least.",)
    not_told = ("They are refused by a validator of the class.",)
    assert faults_of(Checked, {"KEY": "weakling"}) == not_told
    assert faults_of(Checked, {"KEY": SECRET, "PIN": "7"}) == not_told


def test_how_long_a_secret_is_is_not_told() -> None:
    (fault,) = faults_of(Guarded, {"KEY": "seven77"})

    assert "Value should have at least 20 items after validation. Set it" in fault
    assert "7" not in fault


def test_settings_show_the_names_of_their_fields_only() -> None:
    settings = Settings.from_env(env(JWT_SECRET=SECRET, CUSTOMER_KV=Store(), ALLOWED_ORIGINS="a,b"))

    expected = "<Settings JWT_SECRET, ALLOWED_ORIGINS, MAX_AGE_S, CUSTOMER_KV, CUSTOMER_API>"
    assert repr(settings) == str(settings) == f"{settings}" == expected


def test_settings_that_are_given_by_hand_hide_what_is_wrong_with_them() -> None:
    with pytest.raises(ValueError, match="MAX_AGE_S") as raised:
        Settings(JWT_SECRET=SECRET, CUSTOMER_KV=Store(), MAX_AGE_S=SECRET)

    assert SECRET not in str(raised.value)


def test_settings_cannot_be_changed() -> None:
    settings = Settings.from_env(env(JWT_SECRET=SECRET, CUSTOMER_KV=Store()))

    with pytest.raises(ValueError, match="frozen"):
        settings.MAX_AGE_S = 5


# Where it is imported


def test_pydantic_is_imported_only_where_settings_are_used() -> None:
    script = (
        "import sys, workerkit;"
        "workerkit.Router, workerkit.KVNamespace, workerkit.SettingsError;"
        "print('pydantic' in sys.modules);"
        "from workerkit import WorkerSettings;"
        "print('pydantic_settings' in sys.modules);"
        "print(hasattr(workerkit, 'Nothing'))"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert result.stdout == "False\nTrue\nFalse\n"


def test_settings_of_a_worker_in_its_isolated_modules(
    import_isolated: Callable[[dict[str, str], str], ModuleType],
) -> None:
    source = """
from pydantic import BaseModel, SecretStr
from workerkit import WorkerSettings


class Settings(WorkerSettings):
    KEY: SecretStr
    LIMITS: "Limits"


class Limits(BaseModel):
    rate: int
"""
    entry = import_isolated({"entry.py": source}, "entry")

    settings = entry.Settings.from_env(SimpleNamespace(KEY="k", LIMITS='{"rate": 5}'))

    assert settings.LIMITS.rate == 5
    with pytest.raises(SettingsError, match=r"LIMITS\.rate is missing"):
        entry.Settings.from_env(SimpleNamespace(KEY="k", LIMITS="{}"))
