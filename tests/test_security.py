"""What docs/security.md says: nothing is unpickled, and no code from a model's folder is run."""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import clearhead
from clearhead.cli.main import main
from clearhead.errors import ClearheadError
from tests.explorer.others import gpt2_folder

SOURCE = Path(clearhead.__file__).parent
ROOT = SOURCE.parents[1]
PROGRAMS = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in SOURCE.rglob("*.py"):
        if "node_modules" not in path.parts:
            yield str(path.relative_to(SOURCE)), ast.parse(path.read_text("utf-8"))


def name_of(node: ast.expr) -> str:
    return ast.unparse(node)


def test_no_module_imports_what_makes_programs_of_files():
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [getattr(node, "module", None) or "", *(x.name for x in node.names)]
                assert not {module.split(".")[0] for module in modules} & PROGRAMS, name


def test_nothing_is_loaded_or_evaluated_as_a_program():
    calls = 0
    for name, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            function = name_of(node.func)
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            place = f"{name}, line {node.lineno}: {ast.unparse(node)[:90]}"
            assert function not in CALLS or name.startswith("lessons/"), place
            assert function not in ("torch.load", "torch.jit.load", "hub.load"), place
            assert words.get("trust_remote_code", "False") == "False", place
            assert words.get("allow_pickle", "False") == "False", place
            if function.endswith(("np.load", "numpy.load", "np.lib.format.read_array")):
                assert words.get("allow_pickle") == "False", place
            calls += 1
    assert calls > 5000  # the walk has seen the package


def test_transformers_opens_models_in_safetensors_alone():
    text = (SOURCE / "surveys" / "text_model.py").read_text("utf-8")
    assert "use_safetensors=True" in text


class Weapon:
    """Whoever unpickles it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def hostile(tmp_path):
    """A model whose weights are a program, and whose code is one, too; and their mark."""
    folder, mark = gpt2_folder(tmp_path / "model"), tmp_path / "mark"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Weapon(mark)))
    (folder / "modeling_mine.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    return folder, mark


def test_the_weapon_works(tmp_path):
    pickle.loads(pickle.dumps(Weapon(tmp_path / "mark")))
    assert (tmp_path / "mark").is_dir()


@pytest.mark.parametrize("what", ["weights", "code"])
@pytest.mark.parametrize("command", ["generate", "inspect", "trace", "explore"])
def test_a_model_that_is_a_program_is_refused_and_not_run(hostile, what, command, capsys):
    folder, mark = hostile
    if what == "weights":
        (folder / "model.safetensors").unlink()
    else:
        config = json.loads((folder / "config.json").read_text())
        config["model_type"] = "mine"
        config["auto_map"] = {
            name: f"modeling_mine.{name}"
            for name in ("AutoConfig", "AutoModel", "AutoModelForCausalLM")
        }
        (folder / "config.json").write_text(json.dumps(config))
    if command == "inspect":
        pytest.importorskip("transformers")
        arguments = ["inspect", str(folder), "--text", "the cat"]
    elif command == "explore":
        arguments = ["explore", "--no-browser", "--model", str(folder), "the cat"]
    else:
        model = [str(folder)] if command == "generate" else ["--model", str(folder)]
        arguments = [command, *model, "the cat"]
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("clearhead: ")
    assert "Traceback" not in message
    assert not mark.exists()


def test_a_model_in_safetensors_beside_such_files_is_read(hostile):
    folder, mark = hostile
    assert clearhead.load(folder).generate("the", max_new_tokens=1)
    assert not mark.exists()


def test_a_pickle_under_another_name_is_refused(hostile, tmp_path):
    folder, mark = hostile
    shutil.copy(folder / "pytorch_model.bin", folder / "model.safetensors")
    with pytest.raises(ClearheadError):
        clearhead.load(folder)
    for read in (clearhead.load_recording, clearhead.Trace.load):
        with pytest.raises(ClearheadError):
            read(folder / "pytorch_model.bin")
    assert not mark.exists()


def test_an_array_of_objects_in_a_token_store_is_refused(tmp_path):
    import numpy as np

    from clearhead.errors import CorpusError
    from clearhead.text.token_store import Preparation, TokenStore, build_store
    from tests.faults import samples

    (tmp_path / "a.tsv").write_text("a house\tthe river\n")
    preparation = Preparation(max_tokens=20)
    build_store(tmp_path / "store", str(tmp_path / "a.tsv"), samples.tokenizer(), preparation)
    weapon = np.array([Weapon(tmp_path / "mark")], dtype=object)
    np.save(tmp_path / "store" / "offsets.npy", weapon, allow_pickle=True)
    with pytest.raises(CorpusError):
        TokenStore(tmp_path / "store")
    assert not (tmp_path / "mark").exists()


def test_the_page_is_in_the_documentation():
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    assert "(security.md)" in index
    assert "(reliability.md)" in index
