"""The old API's codes and sentences; clients show the sentences to people, and one searches them for words.

Source: legacy-rest, sections 2 and 3.
"""

from enum import IntEnum


class Code(IntEnum):
    """Result codes of the old API, unrelated to those of gRPC or HTTP."""

    SUCCESS = 1
    NOT_FOUND = 3  # only from reads and cancel: on a submit, one relay would disable the whole channel
    VALIDATION_ERROR = 4
    FAILURE = 9
    EXISTED = 21  # the upscale already exists, or a modal is waiting
    IN_QUEUE = 22
    QUEUE_REJECTED = 23
    BANNED_PROMPT = 24


SUBMITTED = "提交成功"
DONE = "成功"
WAITING_FOR_MODAL = "Waiting for window confirm"  # one client looks for the word `confirm`
EXISTS = "任务已存在"
QUEUE_FULL = "队列已满，请稍后尝试"
BANNED = "可能包含敏感词"
CANCELLED = "取消任务"

NO_TASK = "任务不存在"
NO_SUCH_ACCOUNT = "账号不存在"
NO_PARENT = "关联任务不存在或已失效"
WRONG_PARENT_STATE = "关联任务状态错误"
NO_CHANGE_OF_PARENT = "关联任务不允许执行变化"
WRONG_PARENT_KIND = "任务类型错误"
NO_BUTTON = "关联任务没有该按钮"
NO_ACCOUNT = "无可用的账号实例"
ACCOUNT_UNAVAILABLE = "账号不可用"
NO_INSTANCE = "实例不存在或不可用"
NO_SEED = "未找到 seed"
UPLOAD_FAILED = "上传图片到discord失败"
NOT_SUPPORTED = "服务不支持"
REMIX_OFF = "当前账号不支持 remix，请开启 remix 功能"

PROMPT_BLANK = "prompt不能为空"
TASK_ID_BLANK = "taskId不能为空"
ACTION_WRONG = "action参数错误"
INDEX_WRONG = "index参数错误"
CONTENT_WRONG = "content参数错误"
PARAMETERS_WRONG = "参数错误"
BASE64_OR_LINK_BLANK = "base64或link不能为空"
BASE64_WRONG = "base64格式错误"
PICTURE_TOO_LARGE = "图片过大"
BASE64_MISSING = "base64 参数错误"
LINK_WRONG = "链接格式错误"
BLEND_COUNT_WRONG = "base64List参数错误"
DIMENSIONS_WRONG = "dimensions参数错误"
FIRST_FRAME_MISSING = "image不能为空"
MOTION_WRONG = "motion参数错误"
BATCH_SIZE_WRONG = "batchSize参数错误"
STATE_WRONG = "state参数错误"
STATE_TOO_LONG = "State参数过长，最大255字符"
NOTIFY_HOOK_TOO_LONG = "NotifyHook参数过长，最大2000字符"
JOB_ID_BLANK = "请填写 job id 或 url"
JOB_ID_WRONG = "job id 格式错误"
SHOW_NEEDS_INSTANCE = "show 命令必须指定实例"


def queued(ahead: int) -> str:
    """Say how many wait before a Task."""
    return f"排队中，前面还有{ahead}个任务"
