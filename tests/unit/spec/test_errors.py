"""What is wrong is said with the path, what was found, what is expected and the remedy: the exact sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmpipe.errors import MmpipeError
from mmpipe.spec import SpecError, load, parse

HEAD = "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: media}\n"

SENTENCES = {
    # of one field
    "{modalities: [{name: image, decode: {maxPixels: 0}}]}": (
        "spec.modalities[0].decode.maxPixels: found 0, expected at least 1; change the number"
    ),
    "{reliability: {retry: {initialBackoffSeconds: 0}}}": (
        "spec.reliability.retry.initialBackoffSeconds: found 0, expected more than 0.0; change the number"
    ),
    "{alignment: {minConfidence: 1.5}}": (
        "spec.alignment.minConfidence: found 1.5, expected at most 1.0; change the number"
    ),
    "{modalities: []}": "spec.modalities: found [], expected at least 1 in length; fill it in",
    "{sink: {milvus: {alias: a-b}}}": (
        "spec.sink.milvus.alias: found 'a-b', expected text like ^([A-Za-z_][A-Za-z0-9_]*)?$; change the text"
    ),
    "{modalities: [{name: image, embed: {model: {revision: " + 65 * "f" + "}}}]}": (
        f"spec.modalities[0].embed.model.revision: found '{56 * 'f'}..., expected at most 64 in length; shorten it"
    ),
    # of the wrong type: as strict as the API server, which takes no number in quotes
    "{modalities: [{name: image, decode: {maxPixels: '5'}}]}": (
        "spec.modalities[0].decode.maxPixels: found '5', expected a valid integer; change the value"
    ),
    "{modalities: [{name: image, decode: {maxPixels: 5.5}}]}": (
        "spec.modalities[0].decode.maxPixels: found 5.5, expected a valid integer; change the value"
    ),
    "{modalities: [{name: image, clean: {equalize: 1}}]}": (
        "spec.modalities[0].clean.equalize: found 1, expected a valid boolean; change the value"
    ),
    "{sink: {objects: {uri: 5}}}": "spec.sink.objects.uri: found 5, expected a valid string; change the value",
    "{modalities: image}": "spec.modalities: found 'image', expected a valid array; change the value",
    "{sink: here}": "spec.sink: found 'here', expected an object; change the value",
    # of names
    "{modalities: [{name: image, decode: {maxPixel: 5}}]}": (
        "spec.modalities[0].decode.maxPixel: found an unknown field, expected one of maxBytes, maxPixels, "
        "maxDecompressionRatio, size, resize; did you mean maxPixels?"
    ),
    "{modalities: [{name: image, decode: {max_pixels: 5}}]}": (
        "spec.modalities[0].decode.max_pixels: found an unknown field, expected one of maxBytes, maxPixels, "
        "maxDecompressionRatio, size, resize; did you mean maxPixels?"
    ),
    "{alignment: {zzz: 5}}": (
        "spec.alignment.zzz: found an unknown field, expected one of temporal, semantic, minConfidence; "
        "remove it or use one of these"
    ),
    "{modalities: [{name: image, decode: {resize: crop}}]}": (
        "spec.modalities[0].decode.resize: found 'crop', expected 'Crop', 'Pad' or 'Stretch'; did you mean Crop?"
    ),
    "{topology: Ring}": ("spec.topology: found 'Ring', expected 'PerModality' or 'PerStage'; use what is expected"),
    "{fusion: {strategy: null}}": (
        "spec.fusion.strategy: found nothing, expected 'None', 'Late', 'Gated', 'Early' or 'Hybrid'; did you mean None?"
    ),
    "{modalities: [{name: imag}]}": (
        "spec.modalities[0]: found {'name': 'imag'}, expected name to be one of text, image, audio, video, depth; "
        "did you mean image?"
    ),
    "{modalities: [{decode: {}}]}": (
        "spec.modalities[0]: found {'decode': {}}, expected name to be one of text, image, audio, video, depth; "
        "name one"
    ),
    "{fusion: {weights: {smell: 1}}}": (
        "spec.fusion.weights.smell: found 'smell', expected 'text', 'image', 'audio', 'video' or 'depth'; "
        "use what is expected"
    ),
    "{source: {queue: {nats: {}}}}": "spec.source.queue.nats.url: found nothing, expected a required field; add url",
    # across fields
    "{modalities: [{name: image}, {name: image}]}": (
        "spec.modalities: found image twice, expected each name once; merge the two entries"
    ),
    "{modalities: [{name: image, embed: {model: {uri: ./a}}}, {name: text}]}": (
        "spec.modalities: found ./a, builtin:tiny, expected one embed.model for all modalities; "
        "vectors of different models share no space; name one"
    ),
    "{modalities: [{name: image}], fusion: {weights: {audio: 1}}}": (
        "spec.fusion.weights: found audio, expected a modality of this pipeline (image); "
        "remove the weight or add the modality"
    ),
    "{scaling: {minReplicas: 5}}": (
        "spec.scaling.minReplicas: found 5, expected at most maxReplicas (4); raise maxReplicas"
    ),
    "{worker: {rollout: {strategy: Recreate, maxSurge: 1}}}": (
        "spec.worker.rollout.maxSurge: found it with strategy Recreate, expected it only with strategy RollingUpdate; "
        "remove maxSurge"
    ),
    "{worker: {rollout: {maxSurge: 0}}}": (
        "spec.worker.rollout.maxUnavailable: found 0 beside maxSurge 0, expected one of them at least 1; "
        "raise one of the two"
    ),
    "{scaling: {scaleDownStabilizationSeconds: 3601}}": (
        "spec.scaling.scaleDownStabilizationSeconds: found 3601, expected at most 3600; change the number"
    ),
    "{modalities: [{name: depth, clean: {gates: {minMetres: 5, maxMetres: 2}}}]}": (
        "spec.modalities[0].clean.gates.minMetres: found 5.0, expected less than maxMetres (2.0); lower it"
    ),
}


@pytest.mark.parametrize(("spec", "sentence"), SENTENCES.items(), ids=range(len(SENTENCES)))
def test_a_fault_is_said_in_one_sentence(spec: str, sentence: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(f"{HEAD}spec: {spec}")

    assert str(error.value) == sentence


DOCUMENTS = {
    "": "document: found 0 documents, expected one MultimodalPipeline; keep one object in the file",
    "[]": "document: found list, expected one MultimodalPipeline; keep one object in the file",
    "a: 1\n---\nb: 1": "document: found 2 documents, expected one MultimodalPipeline; keep one object in the file",
    "a: 1\nb: {c: 1, c: 2}": "document: found key 'c' twice at line 2, column 11, expected YAML; mend the YAML there",
    "? [a]\n: 1": "document: found a key that is no text at line 1, column 3, expected YAML; mend the YAML there",
    "a: [": (
        "document: found expected the node content, but found '<stream end>' at line 1, column 5, expected YAML; "
        "mend the YAML there"
    ),
    "a: !!python/object/apply:os.getcwd []": (
        "document: found could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.getcwd' at line 1, column 4, expected YAML; mend the YAML there"
    ),
    "a: 2020-13-45": "document: found month must be in 1..12, expected YAML; mend the YAML there",
    "a: 2020-01-01": (
        "document: found Object of type date is not JSON serializable, expected values that JSON has; "
        "put dates in quotes, and leave out infinities and other YAML extras"
    ),
    "a: .inf": (
        "document: found Out of range float values are not JSON compliant: inf, expected values that JSON has; "
        "put dates in quotes, and leave out infinities and other YAML extras"
    ),
    "a: &a {b: *a}": (
        "document: found Circular reference detected, expected values that JSON has; "
        "put dates in quotes, and leave out infinities and other YAML extras"
    ),
}


@pytest.mark.parametrize(("text", "sentence"), DOCUMENTS.items(), ids=range(len(DOCUMENTS)))
def test_a_text_that_is_no_object_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(text)

    assert str(error.value) == sentence


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(SpecError) as error:
        parse("{apiVersion: v1, kind: Pod, metadata: {name: Media_1}}")

    assert [str(problem) for problem in error.value.problems] == [
        "apiVersion: found 'v1', expected 'mmpipe.dev/v1alpha1'; use what is expected",
        "kind: found 'Pod', expected 'MultimodalPipeline'; use what is expected",
        "metadata.name: found 'Media_1', expected text like ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$; change the text",
    ]


def test_an_entry_that_does_not_count_is_not_also_a_list_too_short() -> None:
    with pytest.raises(SpecError) as error:
        parse(f"{HEAD}spec: {{modalities: [{{name: smell}}]}}")

    assert [problem.path for problem in error.value.problems] == ["spec.modalities[0]"]


def test_each_problem_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text("{kind: MultimodalPipeline, metadata: {name: a}}", encoding="utf-8")

    with pytest.raises(SpecError) as error:
        load(file)

    assert str(error.value) == f"{file}: apiVersion: found nothing, expected a required field; add apiVersion"


def test_a_file_that_is_not_there_is_a_problem_of_the_spec(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"No such file.*expected a YAML file; give the path of a readable UTF-8 file"):
        load(tmp_path / "none.yaml")


def test_a_file_that_is_not_text_is_a_problem_of_the_spec(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SpecError, match="expected a YAML file; give the path of a readable UTF-8 file"):
        load(file)


def test_a_problem_of_the_spec_ends_the_command_with_2() -> None:
    with pytest.raises(MmpipeError) as error:
        parse("")

    assert error.value.exit_code == 2
