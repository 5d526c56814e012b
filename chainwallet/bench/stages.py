"""Where a process spends its time: looked at many times a second, without a line in what is measured.

A thread looks at the main thread's stack, and at those of threads that it waits for; what passed since the last look
counts for the innermost function there that stands for a stage. Unlike a profiler it costs next to nothing, and time in
which other threads or the kernel worked for that function counts too. No signals: they would cut short the sleeps in
which SQLite waits for its turn.
"""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Self

LOOK_S = 0.005


class Stages:
    """Measures the block of its ``with``, in the thread that enters it, by ``stages``: whose code stands for which.

    All else counts for ``rest``.
    """

    def __init__(self, stages: Mapping[CodeType, str], rest: str = "other") -> None:
        self._stages = stages
        self._rest = rest
        self._wall_s: defaultdict[str, float] = defaultdict(float)
        self._cpu_s: defaultdict[str, float] = defaultdict(float)
        self._is_over = threading.Event()

    @property
    def wall_s(self) -> dict[str, float]:
        """By stage, seconds that passed."""
        return dict(self._wall_s)

    @property
    def cpu_s(self) -> dict[str, float]:
        """By stage, seconds that this process used a processor, all threads together."""
        return dict(self._cpu_s)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, args=(threading.get_ident(),), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self, whose: int) -> None:
        then_s, then_cpu_s = time.perf_counter(), time.process_time()
        while not self._is_over.wait(LOOK_S):
            stage = self._now(whose)
            now_s, now_cpu_s = time.perf_counter(), time.process_time()
            self._wall_s[stage] += now_s - then_s
            self._cpu_s[stage] += now_cpu_s - then_cpu_s
            then_s, then_cpu_s = now_s, now_cpu_s

    def _now(self, whose: int) -> str:
        """The stage of a thread that works for the measured one, which waits for it, else its own."""
        frames = sys._current_frames()
        own = self._stage_of(frames.pop(whose, None))
        others = (self._stage_of(frame) for frame in frames.values())
        return next((stage for stage in others if stage is not None), own or self._rest)

    def _stage_of(self, frame: FrameType | None) -> str | None:
        while frame is not None:
            stage = self._stages.get(frame.f_code)
            if stage is not None:
                return stage
            frame = frame.f_back
        return None
