"""Small values over HTTP: GET and PUT of keys that take turns."""

from itertools import cycle

from workers import Response, WorkerEntrypoint

KEYS = cycle([f"key-{number:09}" for number in range(1000)])


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.method == "PUT":
            await self.env.KV.put(next(KEYS), await request.bytes())
            return Response(status=204)
        return Response(await self.env.KV.get(next(KEYS)))
