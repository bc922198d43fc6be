"""The connection to a Ray cluster, and the requests to it."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import signal
import socket
from typing import Any

from self_evolution.config import Cluster, Config, Model
from self_evolution.errors import UserError, first_line

_INSTALL = "Ray is not installed; pip install 'self-evolution[ray]'"

_ALWAYS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
"""Nothing is reported to Ray's makers; an actor without GPUs sees none."""

_HERE = {
    # Ray's switch for systems without clusters: all its ports are then on the loopback address.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # By default Ray's actors give way to all other processes of the machine.
    "RAY_worker_niceness": "0",
}
"""For a cluster that is started here."""

_ELSEWHERE = {
    # By default, Ray ends a process that has not reached the head for a minute, with a message that
    # does not say what to do. This process notices it sooner, and says so itself.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
}
"""For a cluster that was started by somebody else."""


def there() -> bool:
    """Whether Ray is installed."""
    return importlib.util.find_spec("ray") is not None


def check(settings: Config) -> None:
    """Raises UserError if the cluster could not be used later."""
    address = settings.cluster.address
    if not address:
        return
    if not there():
        raise UserError(f"--cluster.address {address}: {_INSTALL}")
    if settings.model.generator:
        raise UserError(
            f"--cluster.address {address}: with --model.generator a server writes the replies, so "
            "there is nothing for a cluster to do; leave one of the two out"
        )


def connect(settings: Cluster) -> Any:
    """Connect this process to the cluster, and return the module `ray`.

    For `local` one is started whose ports are on the loopback address. Nothing is reported to
    anybody. Raises UserError if there is no cluster at the address.
    """
    own = settings.address == "local"
    for name, value in (_ALWAYS | (_HERE if own else _ELSEWHERE)).items():
        os.environ.setdefault(name, value)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    options: dict[str, Any] = {"num_cpus": _cores(settings)} if own else {}
    try:
        import ray

        ray.init(
            settings.address,
            include_dashboard=False if own else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **options,
        )
    except Exception as error:  # Ray raises many kinds, RuntimeError and OSError among them
        raise UserError(
            f"--cluster.address {settings.address}: cannot connect ({first_line(error)}); start "
            "Ray there with `ray start --head`, or give `local`"
        ) from error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)  # Ray puts its own in their place
    return ray


def head() -> tuple[str, int] | None:
    """Host and port of the cluster's head. None if this process is connected through Ray's client
    (ray://, also in the variable RAY_ADDRESS), which notices the head's death."""
    import ray
    from ray.util.client import ray as client

    if client.is_connected():
        return None
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    return host.strip("[]"), int(port)


def answers(address: tuple[str, int]) -> bool:
    """Whether something accepts connections at the address, within two seconds."""
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True


def disconnect() -> None:
    """Leave the cluster. If this process started it, it ends."""
    import ray

    ray.shutdown()


def room(settings: Cluster) -> int:
    """The number of actors that the cluster has room for. Raises UserError if there is none."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    found = sum(_fitting(settings, node) for node in nodes)
    if not found:
        raise UserError(
            f"--cluster.address {settings.address}: no node has room for an actor; "
            f"{shortage(settings)}"
        )
    return found


def shortage(settings: Cluster) -> str:
    """What an actor needs and what the cluster has, for people."""
    import ray

    has = ray.cluster_resources()
    return (
        f"each takes {settings.cpus:g} CPUs and {settings.gpus:g} GPUs, and the cluster has "
        f"{has.get('CPU', 0):g} and {has.get('GPU', 0):g}: where that is too few, give smaller "
        "--cluster.cpus and --cluster.gpus, or add nodes"
    )


def options(settings: Cluster) -> dict[str, Any]:
    """Ray's options of an actor; this process restarts it, because it also knows its job."""
    return {
        "num_cpus": settings.cpus,
        "num_gpus": settings.gpus,
        "scheduling_strategy": "SPREAD",
        "max_restarts": 0,
        "max_task_retries": 0,
    }


def model(settings: Config) -> Model:
    """The model's settings for an actor: it sees the GPUs that Ray gives it, and no other."""
    device = settings.model.device
    if not settings.cluster.gpus:
        device = "cpu"
    elif device.startswith("cuda:"):
        device = "cuda"
    return settings.model.model_copy(update={"device": device})


def _cores(settings: Cluster) -> int:
    cores = os.cpu_count() or 1
    return max(cores, math.ceil(settings.actors * settings.cpus))


def _fitting(settings: Cluster, node: dict[str, float]) -> int:
    count = node.get("CPU", 0) / settings.cpus
    if settings.gpus:
        count = min(count, node.get("GPU", 0) / settings.gpus)
    return int(count + 1e-9)
