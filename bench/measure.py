"""Measures whole processes: one JSON request a line in, one JSON answer a line out.

Neither Node nor Bun tells the peak memory of a child honestly (a child that shares its parent's memory until exec inherits
the parent's peak), so this small parent, of a few MiB, forks, executes and waits, and asks wait4 for the child's own figures.
"""
import json, os, sys, time

for line in sys.stdin:
    request = json.loads(line)
    out = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(null, 0), os.dup2(out, 1), os.dup2(out, 2)
            os.chdir(request["cwd"])
            os.execvpe(request["argv"][0], request["argv"], request["env"])
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    ms = (time.perf_counter() - started) * 1000
    os.close(out), os.close(null)
    answer = {"ms": ms, "cpuMs": (usage.ru_utime + usage.ru_stime) * 1000, "peakMiB": usage.ru_maxrss / 1024, "code": os.waitstatus_to_exitcode(status)}
    print(json.dumps(answer), flush=True)
