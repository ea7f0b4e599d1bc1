from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mmpipe.errors import MmpipeError
from mmpipe.models import ModelError, manifest, package
from mmpipe.models.package import ModelPackage
from mmpipe.records import Modality

MEBIBYTE = 1 << 20


def test_the_builtin_package_is_small_complete_and_licensed(tiny: ModelPackage) -> None:
    files = [file for file in tiny.folder.iterdir() if file.is_file()]

    assert sum(file.stat().st_size for file in files) < 12 * MEBIBYTE
    assert {"MODEL_CARD.md", "LICENSE", "training.json", "tokenizer.json"} <= {file.name for file in files}
    assert (tiny.name, tiny.dimension, tiny.licence) == ("tiny", 128, "Apache-2.0")
    assert tiny.modalities == tuple(Modality)


def test_the_builtin_package_names_no_path_of_the_machine_that_made_it(tiny: ModelPackage) -> None:
    content = b"".join(file.read_bytes() for file in tiny.folder.iterdir() if file.is_file())

    assert b".py" not in content
    assert b"site-packages" not in content


def test_the_identity_names_the_package_and_twelve_digits_of_its_digest(tiny: ModelPackage) -> None:
    name, _, digest = tiny.identity.partition("@")

    assert name == "tiny"
    assert digest == tiny.digest
    assert len(digest) == 12
    assert int(digest, 16) >= 0


def test_a_changed_network_is_refused_with_its_name_and_both_digests(copied_package: Path) -> None:
    network = copied_package / "image.onnx"
    content = bytearray(network.read_bytes())
    content[-1] ^= 1
    network.write_bytes(content)

    with pytest.raises(ModelError, match=r"image\.onnx: expected SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}"):
        package.load(copied_package)


def test_a_missing_file_is_refused(copied_package: Path) -> None:
    (copied_package / "tokenizer.json").unlink()

    with pytest.raises(ModelError, match=r"tokenizer\.json: expected SHA-256 .*, found no such file"):
        package.load(copied_package)


def test_a_digest_of_other_files_is_refused(copied_package: Path) -> None:
    edit_manifest(copied_package, digest="0" * 64)

    with pytest.raises(ModelError, match=r"package\.json: digest: expected 0{64}, found [0-9a-f]{64}"):
        package.load(copied_package)


def test_inputs_prepared_in_another_way_are_refused(copied_package: Path) -> None:
    described = json.loads((copied_package / "package.json").read_text())
    described["towers"]["image"]["input"]["side"] = 32
    edit_manifest(copied_package, towers=described["towers"])

    with pytest.raises(ModelError, match=r"package\.json: digest: expected"):
        package.load(copied_package)


@pytest.mark.parametrize("unlisted", ["text.onnx", "tokenizer.json"])
def test_a_file_that_would_be_opened_but_has_no_digest_is_refused(copied_package: Path, unlisted: str) -> None:
    described = json.loads((copied_package / "package.json").read_text())
    edit_manifest(copied_package, files={n: d for n, d in described["files"].items() if n != unlisted})

    with pytest.raises(ModelError, match=f"expected a digest of {unlisted}, found none"):
        package.load(copied_package)


def test_a_new_wording_of_the_card_makes_no_new_model(copied_package: Path, tiny: ModelPackage) -> None:
    card = copied_package / "MODEL_CARD.md"
    card.write_text("# tiny, in other words\n")
    described = json.loads((copied_package / "package.json").read_text())
    edit_manifest(copied_package, files=described["files"] | {card.name: manifest.file_digest(card)})

    assert package.load(copied_package).identity == tiny.identity


def test_a_package_that_names_a_file_outside_its_folder_is_refused(copied_package: Path) -> None:
    edit_manifest(copied_package, files={"../elsewhere": "0" * 64})

    with pytest.raises(ModelError, match="expected a plain file name"):
        package.load(copied_package)


def test_a_nonsensical_manifest_is_refused_at_its_field(copied_package: Path) -> None:
    edit_manifest(copied_package, dimension=0)

    with pytest.raises(ModelError, match=r"package\.json: dimension: .*greater than 0"):
        package.load(copied_package)


def test_a_folder_without_a_manifest_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no package\.json there"):
        package.load(tmp_path)


@pytest.mark.parametrize("uri", ["hf:openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32", "s3://models/tiny"])
def test_remote_models_are_for_a_later_release_and_the_message_says_what_to_use(uri: str) -> None:
    with pytest.raises(ModelError, match=r"remote models come with a later release\. Use builtin:tiny"):
        package.resolve(uri)


def test_an_unknown_builtin_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="builtin:huge: no such built-in model; there is builtin:tiny"):
        package.resolve("builtin:huge")


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder at"):
        package.resolve(str(tmp_path / "nowhere"))


def test_paths_and_file_uris_resolve_to_the_same_folder(copied_package: Path) -> None:
    assert package.resolve(str(copied_package)) == package.resolve(copied_package.as_uri()) == copied_package


def test_a_missing_tower_is_refused_with_a_remedy(copied_package: Path) -> None:
    described = manifest.read(copied_package)
    towers = dict(described.towers)
    del towers[Modality.DEPTH]
    digest = manifest.package_digest(towers, described.files)
    manifest.write(copied_package, described.model_copy(update={"towers": towers, "digest": digest}))

    with pytest.raises(
        ModelError, match=r"no tower for depth, only for text, image, audio, video; remove the modality"
    ):
        package.load(copied_package).tower(Modality.DEPTH)


def test_model_errors_are_expected_faults() -> None:
    assert issubclass(ModelError, MmpipeError)


def test_a_tower_is_opened_once_however_many_threads_ask(tiny: ModelPackage) -> None:
    with ThreadPoolExecutor(8) as pool:
        towers = list(pool.map(lambda _: tiny.tower(Modality.TEXT), range(16)))

    assert len({id(tower) for tower in towers}) == 1


def test_threads_that_share_a_tower_get_the_answers_of_one(tiny: ModelPackage) -> None:
    tower = tiny.tower(Modality.TEXT)
    texts = [f"a {colour} bell" for colour in ("red", "green", "blue", "white")] * 8

    with ThreadPoolExecutor(8) as pool:
        together = np.concatenate(list(pool.map(lambda text: tower([text]), texts)))

    np.testing.assert_allclose(together, tower(texts), atol=1e-4)


def test_embedding_a_text_imports_neither_torch_nor_opencv() -> None:
    script = (
        "import sys; from mmpipe.models import package; from mmpipe.records import Modality;"
        "package.load(package.resolve('builtin:tiny')).tower(Modality.TEXT)(['a red bell']);"
        "print({'torch', 'cv2', 'av', 'pandas', 'onnx', 'transformers'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "set()\n", "")


def edit_manifest(folder: Path, **changes: object) -> None:
    file = folder / "package.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
