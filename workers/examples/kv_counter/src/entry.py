"""Counters in a KV namespace: GET reads one, POST adds one to it, DELETE forgets it.

Try curl -X POST http://localhost:8787/tea
"""

from urllib.parse import unquote, urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        name = unquote(urlsplit(request.url).path).strip("/") or "visits"
        if request.method == "GET":
            return Response.json({"counter": name, "value": await self.value_of(name)})
        if request.method == "POST":
            # KV has no transactions: two increments at one moment may count once.
            value = await self.value_of(name) + 1
            await self.env.COUNTERS.put(name, value)
            return Response.json({"counter": name, "value": value})
        if request.method == "DELETE":
            await self.env.COUNTERS.delete(name)
            return Response(status=204)
        allowed = "GET, POST, DELETE"
        return Response(f"use {allowed}\n", status=405, headers={"Allow": allowed})

    async def value_of(self, name):
        return await self.env.COUNTERS.get(name, "json") or 0
