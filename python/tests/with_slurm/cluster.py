"""A Slurm of two nodes on this machine, which belongs to the current user and lives in a temporary folder."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
NODES = ("node0", "node1")
LIMIT = 60

# Nodes are two `slurmd` on two ports of the loopback interface, each with all CPUs of this machine. The credential of a
# job is short-lived because a requeued job waits as long as it, until the scheduler next looks for jobs.
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=5
SchedulerParameters=sched_interval=1,bf_interval=1
NodeName=node0 NodeHostName=localhost NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} State=UNKNOWN
NodeName=node1 NodeHostName=localhost NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """What is not installed, and how to install it; nothing where all is there."""
    if all(map(find, PROGRAMS)):
        return None
    return "Slurm is not installed. On Debian and Ubuntu: tools/setup.sh --slurm"


def find(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


class Cluster:
    """Runs from its creation until `close`."""

    def __init__(self):
        with ExitStack() as stack:
            # Names of sockets have at most 107 characters, which pytest's folders may exceed.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm"))
            self.folder = Path(folder)
            # Options of Slurm that this process has, as those of a job that it may be in, are not for this cluster.
            self.environment = {
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("SLURM_", "SBATCH_", "SRUN_"))
            }
            self.environment["SLURM_CONF"] = str(self.folder / "slurm.conf")
            self._configure()
            self._start(stack)
            stack.callback(self._cancel_all)
            wait_for(self._is_idle, self._logs)
            self._stack = stack.pop_all()

    def close(self):
        """Cancels what runs, stops the daemons and removes the folder."""
        self._stack.close()

    def call(self, command, *arguments, **options):
        """What a command of Slurm prints."""
        done = subprocess.run(
            [command, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            **options,
        )
        assert done.returncode == 0, done.stdout + done.stderr + self._logs()
        return done.stdout

    def jobs(self):
        """The state of each job and array task by the name of Slurm, `12` or `12_3`, if it has not ended."""
        lines = self.call("squeue", "-h", "--array", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def details(self, job):
        """What Slurm knows of a job or an array task, also for some minutes after its end."""
        shown = self.call("scontrol", "show", "job", "-o", job).split()
        return dict(field.partition("=")[::2] for field in shown)

    def _configure(self):
        ports = free_ports(3)
        for name in ("state", *NODES):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o400)
        text = CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=self.folder,
            ports=ports,
            cpus=max(2, os.cpu_count()),
        )
        (self.folder / "slurm.conf").write_text(text)

    def _start(self, stack):
        files = {name: self.folder / f"munge.{name}" for name in ("key", "log", "pid", "seed")}
        options = [f"--{name}-file={path}" for name, path in files.items()]
        # Other users cannot reach the socket in this folder, on which munged insists without --force.
        options += ["--foreground", "--force", f"--socket={self.folder}/munge.socket"]
        self._start_one(stack, "munged", "munged", *options)
        wait_for((self.folder / "munge.socket").exists, self._logs)
        self._start_one(stack, "slurmctld", "slurmctld", "-D")
        for node in NODES:
            self._start_one(stack, node, "slurmd", "-D", "-N", node)

    def _start_one(self, stack, name, program, *arguments):
        log = stack.enter_context(open(self.folder / f"{name}.log", "wb"))
        process = subprocess.Popen(
            [find(program), *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        stack.callback(stop, process)

    def _is_idle(self):
        sinfo = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%T"], env=self.environment, capture_output=True, text=True
        )
        return sinfo.stdout.split() == ["idle"] * len(NODES)

    def _cancel_all(self):
        # The processes of jobs are not children of slurmd, and would outlive it.
        subprocess.run(["scancel", "--user", getpass.getuser()], env=self.environment)
        wait_for(lambda: not self.jobs() and self._is_idle(), self._logs)

    def _logs(self):
        logs = sorted(self.folder.glob("*.log"))
        return "".join(f"\n--- {log.name}\n{log.read_text()[-4000:]}" for log in logs)


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def stop(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def wait_for(condition, explain=str, limit=LIMIT):
    """Until `condition()` is true; fails with what `explain()` says."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"nothing happened for {limit} s {explain()}"
        time.sleep(0.05)
