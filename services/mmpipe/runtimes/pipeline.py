"""``Pipeline``: the data path as a Python object, for notebooks, training loops and other people's programs.

    from mmpipe import Pipeline

    for result in Pipeline(modalities=["text", "image"]).process(samples):
        result.vector, result.vectors, result.alignment_confidence, result.latency_ms

``process`` computes and stores nothing; ``run`` stores what it computes, as ``mmpipe run`` does; ``search`` finds it
again.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from threading import Event

from pydantic import ValidationError

from mmpipe.adapters.inputs import open_input, source_of
from mmpipe.records import Modality, Part, Result
from mmpipe.runtimes import home, local
from mmpipe.runtimes import search as searching
from mmpipe.runtimes.path import DataPath
from mmpipe.runtimes.samples import PartValue, SampleLike, as_part, as_sample
from mmpipe.spec import MultimodalPipeline, PipelineSpec, Problem, SpecError, default_pipeline, load, refused
from mmpipe.spec.joint import Alignment
from mmpipe.spec.problems import problems_of

_TEMPORAL = {"Timestamps", "Dtw"}
_SAMPLES_PER_BATCH = 32


class Pipeline:
    """A pipeline by its spec, or by the few arguments that matter most.

    ``spec`` is a :class:`~mmpipe.spec.MultimodalPipeline` or the path of a YAML file; without one, ``modalities`` (all
    five where None) get their defaults. ``alignment_strategy`` is ``alignment.temporal`` or ``alignment.semantic`` of
    the spec. ``data`` is the folder of the embedded stores, ``workers`` the number of threads (one for each core where
    None). Raises SpecError for a spec that is wrong or asks for what does not act in this release.
    """

    def __init__(
        self,
        spec: MultimodalPipeline | str | Path | None = None,
        *,
        modalities: Sequence[str] | None = None,
        alignment_strategy: str = "None",
        enable_adaptive_augmentation: bool = False,
        data: str | Path = home.DATA,
        workers: int | None = None,
    ) -> None:
        pipeline = _read(spec, modalities)
        if alignment_strategy != "None":
            pipeline = _aligned(pipeline, alignment_strategy)
        _refuse(pipeline, augmentation=enable_adaptive_augmentation)
        self.pipeline = pipeline
        self.data = Path(data)
        self.workers = workers or len(os.sched_getaffinity(0))
        self._path = DataPath(pipeline.spec)

    @property
    def spec(self) -> PipelineSpec:
        """The options of every stage and store."""
        return self.pipeline.spec

    def process(self, samples: Iterable[SampleLike]) -> Iterator[Result]:
        """One result for each sample, in order, computed by all workers and stored nowhere.

        A sample is a mapping such as ``{"id": "a", "text": "a red bell", "image": "a.jpg"}``; see
        :func:`mmpipe.runtimes.samples.as_sample`. The iterator reads ahead by a few batches and keeps nothing, so a
        stream of any length takes constant memory.
        """
        ready = (as_sample(sample, number) for number, sample in enumerate(samples))
        with ThreadPoolExecutor(self.workers, thread_name_prefix="mmpipe-worker") as pool:
            ahead: deque[Future[list[Result]]] = deque()
            for batch in batched(ready, _SAMPLES_PER_BATCH):
                ahead.append(pool.submit(self._path.process, batch))
                if len(ahead) > self.workers:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()

    def run(
        self,
        where: str | Path,
        *,
        id_prefix: str | None = None,
        stop: Event | None = None,
        observe: Callable[[local.Progress], None] = lambda _: None,
    ) -> local.Progress:
        """Store what an input gives: a folder, file, glob, archive or manifest. The counts of what became of it.

        Setting ``stop`` ends the run after what is in flight; ``observe`` is told whenever something was done. Raises
        InputError for an input that cannot be read and StoreError for a store that cannot be used.
        """
        samples = open_input(str(where), home.limits(self.spec), id_prefix=id_prefix)
        with home.open_sink(self.pipeline, self.data, self._path, source_of(str(where))) as sink:
            carrier = local.Carrier(self._path, sink, self.workers, observe)
            return local.run(carrier, samples, stop or Event())

    def search(
        self, text: str = "", *, top: int = 10, where: str = "", into: Sequence[str] = (), **files: PartValue
    ) -> list[searching.Hit]:
        """The stored samples nearest to a query, best first.

        ``text`` and ``files`` (``image=``, ``audio=``, ``video=``, ``depth=``: paths, bytes or arrays) make the query
        together; ``into`` names the modalities that may answer, ``where`` is a Milvus filter expression.
        """
        values: dict[str, PartValue] = {**({"text": text} if text else {}), **files}
        vector = searching.embed_query(self._path, [_query_part(name, value) for name, value in values.items()])
        with home.open_vectors(self.pipeline, self.data, self._path) as vectors:
            return searching.search(
                vectors, vector, self._path.package.identity, searching.Wanted(top, tuple(into), where)
            )


def _read(spec: MultimodalPipeline | str | Path | None, modalities: Sequence[str] | None) -> MultimodalPipeline:
    if spec is None:
        return default_pipeline(modalities=_modalities(modalities))
    if modalities is not None:
        raise SpecError([Problem("modalities", "a spec and modalities", "one of the two", "name them in the spec")])
    return spec if isinstance(spec, MultimodalPipeline) else load(Path(spec))


def _modalities(names: Sequence[str] | None) -> tuple[Modality, ...]:
    if names is None:
        return tuple(Modality)
    try:
        return tuple(Modality(name) for name in names)
    except ValueError as error:
        known = ", ".join(Modality)
        raise SpecError([Problem("modalities", str(list(names)), f"some of {known}", str(error))]) from error


def _aligned(pipeline: MultimodalPipeline, strategy: str) -> MultimodalPipeline:
    field = "temporal" if strategy in _TEMPORAL else "semantic"
    try:
        alignment = Alignment.model_validate({**pipeline.spec.alignment.model_dump(), field: strategy})
    except ValidationError as error:
        raise SpecError(problems_of(error), "alignment_strategy") from error
    return pipeline.model_copy(update={"spec": pipeline.spec.model_copy(update={"alignment": alignment})})


def _refuse(pipeline: MultimodalPipeline, *, augmentation: bool) -> None:
    problems = list(refused(pipeline))
    if augmentation:
        remedy = "adaptive augmentation comes with a later release; leave it out"
        problems.append(Problem("enable_adaptive_augmentation", "True", "False", remedy))
    if problems:
        raise SpecError(problems)


def _query_part(name: str, value: PartValue) -> Part:
    if name not in list(Modality):
        known = ", ".join(Modality)
        raise searching.QueryError(f"query: found {name!r}, expected one of {known}; rename the argument")
    part = as_part(Modality(name), value, f"query:{name}")
    if isinstance(part, Part):
        return part
    raise searching.QueryError(f"query {name}: {part.reason}")
