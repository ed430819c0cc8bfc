"""What a hostile file is, and what must become of it."""

import os
from dataclasses import dataclass
from typing import Callable

# The bounds of one command on one file, unless the case says otherwise. A process that uses more
# processor time is killed; peak memory counts everything the process has, its own code included.
# A larger scale makes the bombs longer: 10 gives 10^6 entries and levels everywhere.
SCALE = int(os.environ.get("SAPIENS_TEST_MALICE", "1"))
CPU_SECONDS = 10 * SCALE
MEMORY_MIB = 96


@dataclass
class Case:
    """One hostile file.

    `outcome` says what every command must do with it:
      refused   it fails with one of the exit codes for files, and says `says`
      harmless  the model in it is read with its true values, as from the file without the attack
    """

    name: str
    content: bytes | Callable[[str], None]  # the file's bytes, or a function that makes the file
    outcome: str = "refused"
    says: str = ""
    about: str = ""  # the advisory or paper that published the trick
    suffix: str = ".pth"
    command: str = "checkpoint"
    memory_mib: int = MEMORY_MIB
    # Whether torch.load without weights_only, or another program, would run the payload.
    payload: bool = True

    def write(self, path):
        if callable(self.content):
            self.content(path)
            return
        with open(path, "wb") as file:
            file.write(self.content)
