"""
The outermost frame of a service: runs it, turns what went wrong into one line on stderr and an exit code.

The only place with `except Exception`: an error that no one has classified is a bug (exit 70).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

import structlog

from schemas.errors import RowferryError, Sql

BUG = 70
_INTERRUPTED = 130


def run_service(name: str, main: Callable[[], int | None]) -> int:
    """
    Run `main` and give the exit code: its own, 0 for None, or that of the `RowferryError` it raised.

    What went wrong is said twice: one line on stderr for people (one for each setting that is wrong), and, once the
    log is set up, an event `fatal` with `code`, `reason` and `remedy` for machines.
    """
    try:
        return main() or 0
    except RowferryError as exc:
        return _fatal(name, exc)
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted\n")
        return _INTERRUPTED
    except Exception as exc:
        # Before the settings are read there is no log, and structlog's default would write to stdout.
        if structlog.is_configured():
            reason, remedy = f"{type(exc).__name__}, a bug", "report it, with the trace in the log"
            _log(name).critical("fatal", code=BUG, reason=reason, remedy=remedy, exc_info=exc)
        else:
            traceback.print_exc()
        sys.stderr.write(
            f"{name}: a bug: {type(exc).__name__} in {_place(exc)}; report it, with the trace in the log\n"
        )
        return BUG


def end_at_once(name: str, error: RowferryError) -> None:
    """Tell of an error as `run_service` does, and end the process with its code, whatever other threads wait in."""
    code = _fatal(name, error)
    sys.stderr.flush()
    os._exit(code)


def _fatal(name: str, exc: RowferryError) -> int:
    # The chain says where an error came from; a trace would add nothing for an error with a known reason.
    if structlog.is_configured():
        kind, neighbour = type(exc).__name__, exc.neighbour
        _log(name).critical(
            "fatal", code=exc.exit_code, error=kind, neighbour=neighbour, reason=str(exc), remedy=exc.remedy
        )
    for line in str(exc).splitlines():
        sys.stderr.write(f"{name}: {line}{_behind(exc.remedy)}\n")
    return exc.exit_code


def _behind(remedy: str | None) -> str:
    """Words stand behind the reason; statements on lines of their own, to be copied."""
    if not remedy:
        return ""
    return f":\n{remedy}" if isinstance(remedy, Sql) else f"; {remedy}"


def _log(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def _place(exc: BaseException) -> str:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "an unknown place"
