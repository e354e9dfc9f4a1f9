"""Reading the programs out of a page, and running them against a stack on other ports."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.stack import StackProcess

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 100


@dataclass(frozen=True)
class Snippet:
    """A program as a page has it."""

    text: str

    @classmethod
    def under(cls, heading: str, page: str = "docs/clients.md") -> "Snippet":
        """Take the first fenced program below a heading of a page."""
        section = (ROOT / page).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
        fenced = re.search(r"```\w+\n(.*?)```", section, re.DOTALL)
        assert fenced is not None
        return cls(fenced[1])

    def against(self, stack: StackProcess) -> str:
        """Return the program with the addresses of `make serve` replaced by the stack's."""
        text = self.text.replace("127.0.0.1:50051", stack.grpc).replace("http://127.0.0.1:8080", stack.rest)
        assert text != self.text
        return text


def said_by(*command: str, folder: Path) -> list[str]:
    """Run a program to its good end; return the lines that it prints."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()
