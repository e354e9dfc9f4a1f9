"""A blocking client of the gRPC API, for the command line."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol, Self

import grpc
from midjourney.v1 import account_pb2, account_service_pb2, query_pb2, submit_pb2, task_pb2, webhook_service_pb2
from midjourney.v1.account_service_pb2_grpc import AccountServiceStub
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midjourney.v1.webhook_service_pb2_grpc import WebhookServiceStub

CALL_SECONDS = 90  # as long as Envoy waits; a seed takes up to 60 s
RESUME_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # before each attempt to resume a watch, until it delivers something
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    # Ends a watch after about 30 seconds if the server's machine disappears.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)
TERMINAL = frozenset({task_pb2.Task.STATE_SUCCEEDED, task_pb2.Task.STATE_FAILED, task_pb2.Task.STATE_CANCELLED})


class SubmitRequest(Protocol):
    """A request of one of the Submit RPCs."""

    request_id: str


class NoSuchButton(Exception):
    """The Task has no button with that label."""

    def __init__(self, label: str, task: task_pb2.Task) -> None:
        names = ", ".join(repr(name_of(button)) for button in task.buttons) or "none"
        super().__init__(f"task {task.id} has no button {label!r}; its buttons: {names}")


class PictureChanged(Exception):
    """The picture changed during its download."""

    def __init__(self, task_id: str) -> None:
        super().__init__(f"the picture of task {task_id} was replaced during the download; download it again")


class Client:
    """A client with one channel to one server. Every call may raise grpc.RpcError; the contract lists the codes."""

    def __init__(self, channel: grpc.Channel, api_key: str = "") -> None:
        self._tasks = MidjourneyServiceStub(channel)
        self._accounts = AccountServiceStub(channel)
        self._webhooks = WebhookServiceStub(channel)
        self._metadata = (("mj-api-secret", api_key),) if api_key else ()

    @classmethod
    @contextmanager
    def connected(cls, address: str, api_key: str = "") -> Iterator[Self]:
        """Open a channel to `host:port`, and close it at the end. Connects only at the first call."""
        with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
            yield cls(channel, api_key)

    def submit(self, request: SubmitRequest) -> task_pb2.Task:
        """Submit a Task and return it as stored."""
        request.request_id = request.request_id or str(uuid.uuid4())
        method = getattr(self._tasks, type(request).__name__.removesuffix("Request"))
        task: task_pb2.Task = self._call(method, request).task
        return task

    def press(self, request: submit_pb2.SubmitActionRequest, label: str) -> task_pb2.Task:
        """Press the button with this label, emoji or custom id on the request's Task. Raises NoSuchButton."""
        parent = self.task(request.task_id)
        request.custom_id = button_of(parent, label).custom_id
        return self.submit(request)

    def task(self, task_id: str) -> task_pb2.Task:
        """Read a Task."""
        request = query_pb2.GetTaskRequest(task_id=task_id)
        response: query_pb2.GetTaskResponse = self._call(self._tasks.GetTask, request)
        return response.task

    def tasks(self, count: int) -> list[task_pb2.Task]:
        """Read the newest Tasks, newest first."""
        request = query_pb2.ListTasksRequest(page_size=count)
        response: query_pb2.ListTasksResponse = self._call(self._tasks.ListTasks, request)
        return list(response.tasks)

    def cancel(self, task_id: str) -> task_pb2.Task:
        """End a Task."""
        request = query_pb2.CancelTaskRequest(task_id=task_id)
        response: query_pb2.CancelTaskResponse = self._call(self._tasks.CancelTask, request)
        return response.task

    def watch(self, task_id: str) -> Iterator[task_pb2.Task]:
        """Follow a Task to its end; resumes after broken connections and restarts of the server."""
        revision, fruitless = 0, 0
        while True:
            try:
                for update in self._watch_once(task_id, revision):
                    revision, fruitless = update.revision, 0
                    if update.HasField("task"):
                        yield update.task
            except grpc.RpcError as err:
                if code_of(err) is not grpc.StatusCode.UNAVAILABLE or fruitless == len(RESUME_SECONDS):
                    raise
                time.sleep(RESUME_SECONDS[fruitless])
                fruitless += 1
            else:
                return

    def download(self, task_id: str, into: BinaryIO) -> query_pb2.ImageFile:
        """Download a Task's picture into an open, empty file; return its description.

        A broken download is resumed. Raises PictureChanged if the picture is a different one by then.
        """
        file, tries = query_pb2.ImageFile(), 0
        while True:
            begun_at = into.tell()
            try:
                for message in self._download_once(task_id, begun_at):
                    if message.HasField("file"):
                        if file.etag not in {"", message.file.etag}:
                            raise PictureChanged(task_id)
                        file = message.file
                    into.write(message.data)
            except grpc.RpcError as err:
                tries = 0 if into.tell() > begun_at else tries
                if code_of(err) is not grpc.StatusCode.UNAVAILABLE or tries == len(RESUME_SECONDS):
                    raise
                time.sleep(RESUME_SECONDS[tries])
                tries += 1
            else:
                return file

    def seed(self, task_id: str) -> int:
        """Ask for the seed of a finished picture; may take a minute."""
        request = query_pb2.GetImageSeedRequest(task_id=task_id)
        response: query_pb2.GetImageSeedResponse = self._call(self._tasks.GetImageSeed, request)
        return response.seed

    def accounts(self) -> list[account_pb2.Account]:
        """Read every Account."""
        request = account_service_pb2.ListAccountsRequest(page_size=1000)
        response: account_service_pb2.ListAccountsResponse = self._call(self._accounts.ListAccounts, request)
        return list(response.accounts)

    def resume_account(self, account_id: str) -> account_pb2.Account:
        """Let a paused Account take Tasks again."""
        request = account_service_pb2.ResumeAccountRequest(account_id=account_id)
        response: account_service_pb2.ResumeAccountResponse = self._call(self._accounts.ResumeAccount, request)
        return response.account

    def pause_account(self, account_id: str, reason: str) -> account_pb2.Account:
        """Stop an Account from sending anything until it is resumed."""
        request = account_service_pb2.PauseAccountRequest(account_id=account_id, reason=reason)
        response: account_service_pb2.PauseAccountResponse = self._call(self._accounts.PauseAccount, request)
        return response.account

    def dead_letters(self) -> Iterator[webhook_service_pb2.DeadLetter]:
        """Read every webhook that was given up, newest first."""
        request = webhook_service_pb2.ListDeadLettersRequest(page_size=1000)
        while True:
            response: webhook_service_pb2.ListDeadLettersResponse = self._call(self._webhooks.ListDeadLetters, request)
            yield from response.dead_letters
            request.page_token = response.next_page_token
            if not request.page_token:
                return

    def redeliver(self, dead_letter_id: str) -> None:
        """Redeliver a webhook that was given up."""
        request = webhook_service_pb2.RedeliverDeadLetterRequest(dead_letter_id=dead_letter_id)
        self._call(self._webhooks.RedeliverDeadLetter, request)

    def _watch_once(self, task_id: str, revision: int) -> Iterator[query_pb2.WatchTaskResponse]:
        request = query_pb2.WatchTaskRequest(task_id=task_id, after_revision=revision)
        call = self._tasks.WatchTask(request, metadata=self._metadata)
        try:
            yield from call
        finally:
            call.cancel()  # A caller that stops reading must not leave the stream open.

    def _download_once(self, task_id: str, offset: int) -> Iterator[query_pb2.DownloadTaskImageResponse]:
        request = query_pb2.DownloadTaskImageRequest(task_id=task_id, offset=offset)
        call = self._tasks.DownloadTaskImage(request, metadata=self._metadata)
        try:
            yield from call
        finally:
            call.cancel()

    def _call(self, method: Any, request: Any) -> Any:
        return method(request, timeout=CALL_SECONDS, metadata=self._metadata)


def button_of(task: task_pb2.Task, label: str) -> task_pb2.Button:
    """Find a button by its label, emoji or custom id. Raises NoSuchButton."""
    for button in task.buttons:
        if label in {button.label, button.emoji, button.custom_id, name_of(button)}:
            return button
    raise NoSuchButton(label, task)


def name_of(button: task_pb2.Button) -> str:
    """Return a button's text, with its emoji."""
    return f"{button.emoji} {button.label}".strip()


def code_of(err: grpc.RpcError) -> grpc.StatusCode:
    """Return the status code of a failed call; grpc's error is also the call object."""
    code: grpc.StatusCode = err.code()
    return code


def details_of(err: grpc.RpcError) -> str:
    """Return the server's message for a failed call."""
    return err.details() or ""
