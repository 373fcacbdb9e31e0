"""What every task of ours has in common."""

from collections.abc import Callable
from typing import Any

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import Task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.client.schemas.objects import State, TaskRun  # noqa: E402
from prefect.tasks import exponential_backoff  # noqa: E402

from flows.execution.ways import Result  # noqa: E402
from pipeline.errors import InputError  # noqa: E402


def as_task(function: Callable[..., Result], name: str, wait_s: int = 2) -> Task[..., Result]:
    """A Prefect task that is tried again, after these seconds and twice as long, and keeps nothing
    in Prefect: the database alone knows what is done."""
    return Task(
        function,
        name=name,
        retries=2,
        retry_delay_seconds=exponential_backoff(wait_s),
        retry_jitter_factor=0.5,
        retry_condition_fn=_may_pass,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def _may_pass(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Bad input stays bad; anything else (a busy database, a slow disk) may pass."""
    try:
        state.result()
    except InputError:
        return False
    except Exception:  # whatever the task raised comes out here again
        return True
    return False
