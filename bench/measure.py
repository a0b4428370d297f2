"""Runs a command and measures it: time, memory, bytes written, room on the disk."""

import os
import pathlib
import subprocess
import threading
import time

SAMPLE_SECONDS = 0.01


def run(command, folder, environment, stdin=None):
    """Runs `command` in `folder`, where all files are its own, and tells what it took.

    seconds              from the start of the process to its end
    cpu_seconds          of the processors, in the process and in the kernel for it
    maximum_resident     bytes in memory at most, mapped pages of files among them (ru_maxrss;
                         never less than what the measuring process has, about 20 MB)
    own_memory           bytes in memory at most that are not pages of files (sampled)
    written              bytes sent towards the disk (/proc/PID/io, write_bytes)
    peak_disk            bytes of all files in the folder at most (sampled)
    peak_temporary       bytes in unlinked temporary files at most (sampled)
    """
    before = folder_size(folder)
    with open(folder.parent / "stdout", "w+") as out, open(folder.parent / "stderr", "w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        sampler = Sampler(process.pid, folder)
        sampler.start()
        if stdin:
            process.stdin.write(stdin.encode())
            process.stdin.close()
        # The process stays to be asked what it wrote.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.perf_counter() - start
        sampler.stop()
        written = bytes_written(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return {
            "seconds": seconds,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "maximum_resident": usage.ru_maxrss * 1024,
            "own_memory": sampler.own_memory,
            "written": written,
            "peak_disk": max(before, sampler.peak_disk, folder_size(folder)),
            "peak_temporary": sampler.peak_temporary,
            "exit": process.returncode,
            "stdout": out.read(),
            "stderr": err.read(),
        }


class Sampler(threading.Thread):
    """Looks at a process again and again, until it is told to stop."""

    def __init__(self, pid, folder):
        super().__init__(daemon=True)
        self.process = pathlib.Path(f"/proc/{pid}")
        self.folder = folder
        self.ended = threading.Event()
        self.own_memory = self.peak_disk = self.peak_temporary = 0

    def run(self):
        while not self.ended.wait(SAMPLE_SECONDS):
            self.own_memory = max(self.own_memory, self.anonymous_memory())
            self.peak_disk = max(self.peak_disk, folder_size(self.folder))
            self.peak_temporary = max(self.peak_temporary, self.temporary_files())

    def stop(self):
        self.ended.set()
        self.join()

    def anonymous_memory(self):
        try:
            status = (self.process / "status").read_text()
        except OSError:
            return 0
        lines = (line.split() for line in status.splitlines())
        return sum(int(line[1]) * 1024 for line in lines if line[0] in ("RssAnon:", "RssShmem:"))

    def temporary_files(self):
        """SQLite unlinks its temporary files as soon as they are open."""
        total = 0
        try:
            for descriptor in os.scandir(self.process / "fd"):
                if os.readlink(descriptor.path).endswith(" (deleted)"):
                    total += os.stat(descriptor.path).st_size
        except OSError:
            pass
        return total


def folder_size(folder):
    """Bytes of the files in `folder`; a file may go while one looks."""
    total = 0
    for entry in os.scandir(folder):
        try:
            total += entry.stat().st_size
        except FileNotFoundError:
            pass
    return total


def bytes_written(pid):
    """Bytes that the process, which has ended, caused to be sent to the disk."""
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return None


def forget(path):
    """Drops the pages of `path` from the cache, so that the next read is from the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
