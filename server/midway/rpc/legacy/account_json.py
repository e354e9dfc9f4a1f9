"""An Account as the old API shows it, without its token."""

from datetime import timedelta

from midjourney.legacy.v1 import legacy_pb2

from midway.domain.account import Account


def old_account(account: Account, task_timeout: timedelta) -> legacy_pb2.Account:
    """Return the Account as the old API's message."""
    message = legacy_pb2.Account(
        id=account.id,
        channel_id=account.channel_id,
        guild_id=account.guild_id or "",
        enable=account.takes_work,
        core_size=account.slots,
        queue_size=account.max_queued,
        timeout_minutes=int(task_timeout / timedelta(minutes=1)),
        running_count=account.running,
        queue_count=account.queued,
        disabled_reason="" if account.takes_work else account.reason or account.state.value,
    )
    message.properties.update({"state": account.state.value, "remix": account.remix})
    return message
