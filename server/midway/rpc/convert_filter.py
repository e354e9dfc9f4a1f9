"""Converts the contract's filters to Store queries."""

from midjourney.v1 import query_pb2

from midway.domain.ids import AccountId, TaskId
from midway.rpc.enums import ACTIONS, STATES
from midway.rpc.paging import number_in_token
from midway.store.port import TaskQuery


def query_from_filter(wanted: query_pb2.TaskFilter, *, before: str = "", limit: int = 0) -> TaskQuery:
    """Return the query for the Tasks that match the filter, newest first."""
    return TaskQuery(
        states=frozenset(STATES.chosen(value, "filter.states") for value in wanted.states),
        actions=frozenset(ACTIONS.chosen(value, "filter.actions") for value in wanted.actions),
        account_id=AccountId(wanted.account_id) if wanted.account_id else None,
        parent_id=TaskId(wanted.parent_task_id) if wanted.parent_task_id else None,
        client_state=wanted.client_state or None,
        before=_task_id(before),
        limit=limit,
    )


def _task_id(text: str) -> TaskId | None:
    if text:
        number_in_token(text)
    return TaskId(text) if text else None
