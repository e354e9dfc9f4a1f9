"""Every parser of Midway's that meets foreign bytes."""

from tests.fuzz import answers, configuration, gateway, pictures, prompts, requests
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (pictures, gateway, prompts, requests, answers, configuration)
    for target in module.TARGETS
}
