"""Greets: over HTTP, and by an RPC method that other workers call."""

from urllib.parse import parse_qs, urlsplit

from workers import Response, WorkerEntrypoint


def greeting(name):
    return f"Good day, {name}."


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        name = parse_qs(urlsplit(request.url).query).get("name", ["world"])[0]
        return Response(greeting(name) + "\n")

    async def greet_all(self, names):
        return {name: greeting(name) for name in names}
