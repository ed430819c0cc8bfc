"""Paths that are no files, or not the file they seem to be."""

import os
import socket

from cases import Case


def fifo(path):
    os.mkfifo(path)


def listener(path):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(os.path.relpath(path))


def to(target):
    return lambda path: os.symlink(target, path)


def sparse(path):
    """A terabyte of zeros that takes no disk."""
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def sparse_zip(path):
    with open(path, "wb") as file:
        file.write(b"PK\3\4")
        file.truncate(1 << 40)


def cases(base):
    for command, suffix in (("checkpoint", ".pth"), ("image", ".png")):
        for label, make in (
            ("fifo", fifo), ("socket", listener), ("folder", os.mkdir),
            ("link_to_dev_zero", to("/dev/zero")), ("link_to_dev_full", to("/dev/full")),
            ("link_to_terminal", to("/dev/tty")), ("link_to_memory", to("/proc/self/mem")),
            ("link_to_descriptors", to("/proc/self/fd/0")), ("link_to_kernel_messages", to("/proc/kmsg")),
            ("link_to_nothing", to("nothing-here")), ("link_to_itself", lambda path: os.symlink(path, path)),
            ("link_to_its_folder", to(".")), ("sparse_1_tib", sparse), ("sparse_1_tib_zip", sparse_zip),
        ):  # fmt: skip
            yield Case(f"{command}_{label}", make, suffix=suffix, command=command, payload=False)
