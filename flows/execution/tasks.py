"""What every task of ours has in common."""

from collections.abc import Callable

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import Task, task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.tasks import exponential_backoff  # noqa: E402

from pipeline.errors import InputError  # noqa: E402


def as_task(function: Callable, name: str, wait_s: int = 2) -> Task:
    """A Prefect task that is tried again, after these seconds and twice as long, and keeps nothing
    in Prefect: the database alone knows what is done."""
    return task(
        function,
        name=name,
        retries=2,
        retry_delay_seconds=exponential_backoff(wait_s),
        retry_jitter_factor=0.5,
        retry_condition_fn=_may_pass,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def _may_pass(task_, run, state) -> bool:
    """Bad input stays bad; anything else (a busy database, a slow disk) may pass."""
    try:
        state.result()
    except InputError:
        return False
    except Exception:  # whatever the task raised comes out here again
        return True
    return False
