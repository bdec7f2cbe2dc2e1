"""Functions and binding stubs that one worker hands to another."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import workers
from workers import python_from_rpc, python_to_rpc
from workers._host import current_host


def stub_of(function: Callable[..., Any]) -> Any:
    return python_from_rpc(python_to_rpc(function))


async def test_a_function_arrives_as_a_callable_whose_result_is_awaited() -> None:
    stub = stub_of(lambda: "test")

    assert callable(stub)
    assert await stub() == "test"


async def test_it_keeps_the_state_of_its_closure() -> None:
    count = 0

    def increment(amount: int = 0) -> int:
        nonlocal count
        count += amount
        return count

    stub = stub_of(increment)

    assert [await stub(2), await stub(1), await stub(amount=-5)] == [2, 3, -2]


async def test_coroutine_functions_and_other_awaitables_are_awaited_there() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    def later() -> asyncio.Future[str]:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "done")
        return future

    class Callable_:
        async def __call__(self) -> str:
            return "called"

    assert await stub_of(double)(21) == 42
    assert await stub_of(later)() == "done"
    assert await stub_of(Callable_())() == "called"


def test_it_is_truthy_and_neither_sized_nor_iterable() -> None:
    stub = stub_of(lambda: None)

    assert bool(stub)
    with pytest.raises(TypeError, match="has no len"):
        len(stub)
    with pytest.raises(TypeError, match="is not iterable"):
        list(stub)
    assert not hasattr(stub, "other")


async def test_it_can_be_passed_on_in_any_depth() -> None:
    stub = stub_of(lambda: "test")

    [passed] = python_to_rpc({"list": [stub]})["list"]

    assert passed is stub
    assert await passed() == "test"


async def test_arguments_and_results_go_by_value() -> None:
    kept: list[Any] = []
    result = {"n": {"m": 1}}

    def keep(*args: Any, **kwargs: Any) -> dict[str, Any]:
        kept.extend([*args, kwargs])
        return result

    argument = {"a": [1]}
    received = await stub_of(keep)(argument, b"x", named=argument)

    assert kept[0] == argument and kept[0] is not argument
    assert kept[0].a == [1]
    assert isinstance(kept[1], memoryview)
    assert kept[2]["named"] == argument
    assert received.n.m == 1 and received is not result


async def test_a_function_can_be_an_argument_and_a_result() -> None:
    async def twice(function: Callable[[], Any]) -> Callable[[], Any]:
        await function()
        await function()
        return lambda: "both"

    calls: list[int] = []
    done = await stub_of(twice)(lambda: calls.append(1))

    assert calls == [1, 1]
    assert await done() == "both"


def test_what_cannot_be_sent_is_refused_at_the_call() -> None:
    stub = stub_of(lambda *args: None)

    with pytest.raises(TypeError, match="cannot be sent over RPC"):
        stub((1, 2))
    with pytest.raises(TypeError, match="^DataCloneError"):
        stub(named=1j)


async def test_what_cannot_be_returned_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be sent over RPC"):
        await stub_of(lambda: (1, 2))()


async def test_a_builtin_exception_of_the_function_arrives() -> None:
    def fail() -> None:
        raise KeyError("name")

    with pytest.raises(KeyError, match="name"):
        await stub_of(fail)()


async def test_an_exception_of_a_class_of_its_own_arrives_as_a_builtin_one() -> None:
    class ShopError(LookupError):
        pass

    async def fail() -> None:
        raise ShopError("sold out")

    with pytest.raises(LookupError, match="^sold out$") as caught:
        await stub_of(fail)()

    assert type(caught.value) is LookupError
    assert isinstance(caught.value.__cause__, ShopError)


async def test_the_function_runs_in_the_worker_that_sent_it(host, make_host) -> None:
    async def name_of_worker() -> str:
        await asyncio.sleep(0)
        return workers.env.NAME

    stubs = [stub_of(name_of_worker), stub_of(lambda: workers.env.NAME)]
    token = current_host.set(make_host(NAME="receiver"))

    try:
        assert [await stub() for stub in stubs] == ["value", "value"]
        assert workers.env.NAME == "receiver"
    finally:
        current_host.reset(token)


async def test_what_the_function_returns_is_a_stub_of_its_worker(host, make_host) -> None:
    stub = stub_of(lambda: lambda: workers.env.NAME)
    token = current_host.set(make_host(NAME="receiver"))

    try:
        inner = await stub()
        assert await inner() == "value"
    finally:
        current_host.reset(token)


async def test_calls_may_run_at_the_same_time() -> None:
    gate = asyncio.Event()

    async def wait(number: int) -> int:
        await gate.wait()
        return number

    stub = stub_of(wait)
    calls = asyncio.gather(stub(1), stub(2))
    await asyncio.sleep(0)
    gate.set()

    assert await calls == [1, 2]


async def test_cancelling_a_call_cancels_what_it_awaits() -> None:
    log: list[str] = []
    started = asyncio.Event()

    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            log.append("stopped")

    call = asyncio.create_task(stub_of(wait)())
    await started.wait()
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert log == ["stopped"]


class Namespace:
    """A binding: it answers for every attribute, and passes as it is."""

    __rpc_stub__ = True

    def __getattr__(self, name: str) -> str:
        return name


def test_binding_stubs_pass_as_they_are() -> None:
    binding = Namespace()

    assert python_to_rpc(binding) is binding
    assert python_to_rpc({"kv": [binding]}).kv[0] is binding
    assert python_to_rpc({binding}) == {binding}


def test_an_instance_cannot_claim_to_be_a_stub() -> None:
    class Claims:
        def __getattr__(self, name: str) -> bool:
            return True

    with pytest.raises(TypeError, match="^DataCloneError"):
        python_to_rpc(Claims())


def test_its_repr_names_the_function() -> None:
    def greet() -> None: ...

    class Greeter:
        def __call__(self) -> None: ...

    assert repr(stub_of(greet)).startswith("<RPC stub of test_its_repr")
    assert repr(stub_of(greet)).endswith("greet>")
    assert repr(stub_of(Greeter())) == "<RPC stub of Greeter>"
