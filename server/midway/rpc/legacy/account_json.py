"""An Account's JSON as the old API shows it, without its token."""

from datetime import timedelta

from midway.domain.account import Account


def old_account(account: Account, task_timeout: timedelta) -> dict[str, object]:
    """Return every key of `midjourney.legacy.v1.Account`, in its order, with plain values; None while unset."""
    return {
        "id": account.id,
        "channelId": account.channel_id,
        "guildId": account.guild_id or None,
        "enable": account.takes_work,
        "coreSize": account.slots,
        "queueSize": account.max_queued,
        "timeoutMinutes": task_timeout // timedelta(minutes=1),
        "runningCount": account.running,
        "queueCount": account.queued,
        "disabledReason": None if account.takes_work else account.reason or account.state.value,
        "properties": {"state": account.state.value, "remix": account.remix},
    }
