"""The incidents that may strike an account in a run, as POST /__sim/faults takes them.

What each stands for in the real world, its class in the simulator says.
"""

from typing import Any

Json = dict[str, Any]

EVENTS = ("INTERACTION_CREATE", "INTERACTION_SUCCESS", "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE")
MID_JOB = {"event": "MESSAGE_UPDATE", "content": r"%\)"}

_EVENT_INCIDENTS: tuple[Json, ...] = (
    *({"fault": "EventLost", "event": event} for event in EVENTS),
    *({"fault": "EventDuplicated", "event": event} for event in EVENTS),
    {"fault": "EventDuplicated", "event": "MESSAGE_CREATE", "same_sequence": True},
    *({"fault": "EventDelayed", "event": event, "bot_seconds": 40} for event in EVENTS),
    {"fault": "EventReordered", "event": "INTERACTION_SUCCESS", "until": "MESSAGE_CREATE"},
    {"fault": "EventReordered", "event": "MESSAGE_CREATE", "until": "MESSAGE_DELETE"},
    {"fault": "FieldsMissing", "event": "MESSAGE_CREATE", "fields": ["nonce"]},
    {"fault": "FieldsMissing", "event": "MESSAGE_CREATE", "fields": ["nonce", "interaction_metadata", "interaction"]},
    {"fault": "EventLost", "event": "MESSAGE_CREATE", "content": r"\(fast\)"},
    {"fault": "EventLost", "event": "MESSAGE_CREATE", "content": "Waiting to start"},
    {"fault": "EventLost", "event": "MESSAGE_UPDATE", "times": 20},
)

_CONNECTION_INCIDENTS: tuple[Json, ...] = (
    {"fault": "SocketDropped", **MID_JOB},
    *({"fault": "SocketClosed", "code": code, **MID_JOB} for code in (1001, 4000, 4007, 4008, 4009)),
    {"fault": "ReconnectAsked", **MID_JOB},
    {"fault": "SessionInvalidated", "resumable": True, **MID_JOB},
    {"fault": "SessionInvalidated", "resumable": False, **MID_JOB},
    {"fault": "SocketDropped", "event": "INTERACTION_SUCCESS"},
    {"fault": "SessionInvalidated", "event": "MESSAGE_CREATE"},
    {"fault": "ConnectionRefused", "times": 2},
    {"fault": "ResumeRefused", "times": 2},
    {"fault": "HelloDelayed", "seconds": 0.3},
    {"fault": "ReadyDelayed", "seconds": 0.3},
    {"fault": "UnknownOpcode"},
    {"fault": "UnknownEvent"},
)

_ANSWER_INCIDENTS: tuple[Json, ...] = (
    *({"fault": "ServerError", "status": status} for status in (500, 502, 503)),
    *({"fault": "ServerErrorAfterAccept", "status": status} for status in (500, 502, 504)),
    {"fault": "ConnectionCut"},
    {"fault": "ConnectionCut", "accepted": True},
    {"fault": "SlowAnswer", "seconds": 0.5},
    {"fault": "TimeOutAfterAccept", "seconds": 12},
    {"fault": "TooManyRequests", "retry_after": 0.3},
    {"fault": "TooManyRequests", "retry_after": 0.3, "is_global": True, "with_header": False},
    {"fault": "CommandOutdated"},
    {"fault": "MessageGone"},
    {"fault": "NoEventAfterAccept"},
    {"fault": "BotNeverAnswers"},
    {"fault": "BotTooLate"},
    {"fault": "ServerError", "route": "history", "times": 2},
    {"fault": "SlowAnswer", "route": "history", "seconds": 0.5},
    {"fault": "UploadRefused"},
    {"fault": "UploadLost"},
)

INCIDENTS = _EVENT_INCIDENTS + _CONNECTION_INCIDENTS + _ANSWER_INCIDENTS

# After these the account does no more work until a person comes.
ACCOUNT_INCIDENTS: tuple[Json, ...] = (
    {"fault": "TokenRefused"},
    {"fault": "VerificationDemanded"},
    {"fault": "AccessLost"},
    {"fault": "CaptchaDemanded"},
    {"fault": "SocketClosed", "code": 4004},
)
