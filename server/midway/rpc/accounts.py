"""AccountService: reads, pauses and resumes Accounts."""

from midjourney.v1 import account_service_pb2 as messages
from midjourney.v1 import account_service_pb2_grpc

from midway.domain.errors import InvalidField
from midway.domain.ids import AccountId
from midway.engine.engine import Engine
from midway.rpc.convert_task import message_from_account
from midway.rpc.interceptors import Context
from midway.rpc.paging import Page, number_in_token, page_from, page_size, token_from

LONGEST_REASON = 255  # characters
_ALL = messages.ListAccountsRequest()  # a list of Accounts has no filter


class AccountService(account_service_pb2_grpc.AccountServiceServicer):
    """The service that `account_service.proto` describes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ListAccounts(
        self, request: messages.ListAccountsRequest, context: Context
    ) -> messages.ListAccountsResponse:
        """Read a page of Accounts in the order of the settings."""
        start = _position(page_from(request.page_token, _ALL))
        end = start + page_size(request.page_size)
        accounts = self._engine.accounts()
        response = messages.ListAccountsResponse(accounts=map(message_from_account, accounts[start:end]))
        if end < len(accounts):
            response.next_page_token = token_from(Page(str(end)), _ALL)
        return response

    async def GetAccount(self, request: messages.GetAccountRequest, context: Context) -> messages.GetAccountResponse:
        """Read an Account."""
        account = self._engine.account(AccountId(request.account_id))
        return messages.GetAccountResponse(account=message_from_account(account))

    async def ResumeAccount(
        self, request: messages.ResumeAccountRequest, context: Context
    ) -> messages.ResumeAccountResponse:
        """Let a paused Account take Tasks again."""
        account = await self._engine.resume_account(AccountId(request.account_id))
        return messages.ResumeAccountResponse(account=message_from_account(account))

    async def PauseAccount(
        self, request: messages.PauseAccountRequest, context: Context
    ) -> messages.PauseAccountResponse:
        """Stop an Account from sending anything until it is resumed."""
        if len(request.reason) > LONGEST_REASON:
            raise InvalidField("reason", f"has more than {LONGEST_REASON} characters")
        account = await self._engine.pause_account(AccountId(request.account_id), request.reason)
        return messages.PauseAccountResponse(account=message_from_account(account))


def _position(page: Page) -> int:
    return number_in_token(page.after) if page.after else 0
