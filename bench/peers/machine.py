"""What a table of timings has to say about where it was made."""
import importlib.metadata
import os
import platform
import subprocess

FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")
PACKAGES = ("torch", "timm", "onnxruntime", "openvino", "onnx", "numpy")


def first_value(path, key):
    with open(path) as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def kib(path, key):
    return int(first_value(path, key).split()[0])


def available_bytes():
    return kib("/proc/meminfo", "MemAvailable") * 1024


def peak_rss_bytes():
    return kib("/proc/self/status", "VmHWM") * 1024


def describe_machine():
    flags = first_value("/proc/cpuinfo", "flags").split()
    return {
        "cpu": first_value("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "features": [feature for feature in FEATURES if feature in flags],
        "memory_bytes": kib("/proc/meminfo", "MemTotal") * 1024,
        "kernel": platform.release(),
        "load_at_start": os.getloadavg()[0],
    }


def versions(program):
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    found["sapiens"] = output_of([program, "--version"]).removeprefix("sapiens ")
    found["python"] = platform.python_version()
    found["commit"] = output_of(["git", "describe", "--always", "--dirty"]) or "unknown"
    return found


def output_of(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
