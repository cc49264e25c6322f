"""Dask workers of one thread each, several in a process: `python -m tests.fleet.workers ADDRESS COUNT FOLDER`."""

from __future__ import annotations

import asyncio
import sys

import distributed


async def main(address: str, count: int, folder: str) -> None:
    """Until the process is killed."""
    workers = [
        distributed.Worker(address, nthreads=1, host="127.0.0.1", dashboard=False, local_directory=folder)
        for _ in range(count)
    ]
    for worker in workers:
        await worker
    await asyncio.gather(*(worker.finished() for worker in workers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
