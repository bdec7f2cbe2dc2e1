"""The smallest worker: what a request costs that asks for nothing."""

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("h" * 100)
