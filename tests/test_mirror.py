"""Tests mirror src/: the tests of clearhead/a/b/_c.py are in tests/a/b/test_c.py.

Whole behaviours have suites of their own, which are named here with what they hold.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import clearhead

SOURCE = Path(clearhead.__file__).parent
TESTS = Path(__file__).parent

# Folder or file -> the behaviour that it tests, which no single module has.
SUITES = {
    "agreement": "the reference and the PyTorch layers compute the same numbers",
    "attribution/test_docs.py": "the Python blocks of docs/attribution.md",
    "batch/test_docs.py": "the Python blocks and the commands of docs/scale.md",
    "batch/engines": "text in bulk on the real Ray, Spark and datasets",
    "benchmarks": "the benchmarks, which stand beside src/",
    "corpora/test_phrasebook.py": "the sentence pairs that the project wrote",
    "docs": "the documentation's pages and the site",
    "explorer/browser": "the page in a real browser",
    "explorer/server/test_recordings_served.py": "a recording behind the real server",
    "explorer/test_built.py": "the built files of the page are those of its TypeScript",
    "explorer/test_front.py": "the page's sources: their rooms, and their tests on Node's runner",
    "explorer/test_fuzz.py": "the server, asked by schemathesis",
    "explorer/test_odd_questions.py": "questions that nobody should ask, to every carrier",
    "explorer/test_without_pydantic.py": "what works in the light install",
    "explorer/test_word_tables.py": "every word of the page is in both languages, and used",
    "cli/test_streams.py": "pipes, closed outputs and signals, for every command",
    "cli/test_strangers.py": "broken files, for every command that reads one",
    "faults": "kills, full disks and damaged files: what is read afterwards",
    "fuzz": "inputs that nobody made, to every reader of files and messages",
    "generation/test_families.py": "models of transformers, read and run by NumPy alone",
    "interventions/test_caches.py": "texts that grow with edits, against one pass by hand",
    "interventions/steps/test_loaded_families.py": "models of transformers that NumPy computes",
    "interventions/steps/test_page_edits.py": "the page's edits are edits in words",
    "interventions/test_docs.py": "the Python blocks of docs/interventions.md",
    "interventions/test_families.py": "models of transformers with edits, against plain code",
    "maps/generation/test_docs.py": "the Python blocks of docs/generation.md",
    "maps/families": "models of transformers and timm, held against their own eager weights",
    "maps/strangers": "inputs and models that once gave false numbers",
    "maps/test_docs.py": "the Python blocks of docs/attention-on-demand.md",
    "maps/test_hidden_rows.py": "rows that a mask hides, in every kind of map",
    "nn/multihead/test_derivatives.py": "gradients of the drop-in, in every transform",
    "nn/multihead/test_export.py": "the drop-in under compile, export and script",
    "nn/multihead/test_map.py": "the drop-in hands out maps",
    "nn/multihead/test_masks.py": "every form of mask, against PyTorch's own layer",
    "nn/multihead/test_record.py": "the drop-in under a recorder",
    "reference/test_onnx.py": "the 93 cases of the ONNX operator Attention",
    "reference/test_worked_example.py": "an attention that was computed with pencil and paper",
    "surveys/engines": "surveys on the real Ray, Spark and datasets",
    "surveys/test_docs.py": "the Python blocks and the table of docs/surveys.md",
    "sweeps/test_docs.py": "the Python blocks of docs/sweeps.md",
    "test_architecture.py": "the imports",
    "test_import_time.py": "what an import loads",
    "test_mirror.py": "this mirror",
    "test_names.py": "the names",
    "test_packaging.py": "pyproject.toml, the Makefile and the wheel",
    "test_processor_time.py": "the tests' own measure of time",
    "test_public_names.py": "the public names",
    "test_readme.py": "README.md",
    "test_shape_checks.py": "the checks of shapes that the tests install",
    "training/processes/test_torchrun.py": "real processes killed, on two machines, too",
    "test_security.py": "what docs/security.md says, of every module",
    "training/test_learns.py": "a model learns a small task",
    "training/test_resume.py": "a run that was killed ends with the same bits",
    "translation/test_batch_invariance.py": "a score does not depend on the batch",
    "translation/test_everyday.py": "everyday sentences, and what the bundled model makes of them",
}

# Modules without tests of their own name, and what tests them.
ELSEWHERE = {
    "__main__.py": "cli/test_main.py starts the command line with it",
    "_version.py": "a version, which test_packaging.py compares",
    "attribution/stream/nodes.py": "types; attribution/stream/test_watcher.py looks at them",
    "config_parts.py": "test_config.py, of which these are the parts",
    "cli/translate/command.py": "cli/test_translate.py, for the whole room",
    "cli/__main__.py": "cli/test_main.py starts the command line with it",
    "engine/protocols.py": "types; every engine is tested as one",
    "interventions/edits.py": "data; test_edited_tensor.py and steps/test_edited_array.py",
    "interventions/module_edits.py": "interventions/test_intervene.py, through `intervene`",
    "explorer/contract/__main__.py": "documents/test_typescript.py compares what it writes",
    "explorer/contract/base_edit.py": "what all edits share; contract/test_edits.py",
    "explorer/contract/derivation_answers.py": "types; contract/test_answers.py validates answers",
    "explorer/contract/meaning/gradients.py": "types; contract/test_answers.py validates answers",
    "explorer/contract/meaning/lens.py": "types; contract/test_answers.py validates answers",
    "explorer/contract/meaning/neighbours.py": "types; contract/test_answers.py validates answers",
    "explorer/contract/meaning/sweep.py": "types; contract/test_answers.py validates answers",
    "explorer/contract/first_screen/answers.py": "types; contract/test_answers.py validates",
    "explorer/passes/passage.py": "types; models/test_searched_model.py looks at them",
    "generation/result.py": "what generation/test_generate.py looks at",
    "interventions/attention/attending.py": "interventions/test_intervene.py",
    "interventions/attention/flex.py": "interventions/test_families.py",
    "interventions/attention/lineage.py": "interventions/attention/test_written_out.py",
    "interventions/attention/mode.py": "interventions/test_intervene.py",
    "interventions/attention/weights.py": "interventions/attention/test_written_out.py",
    "interventions/hooks.py": "interventions/test_intervene.py",
    "interventions/running.py": "interventions/test_intervene.py and test_caches.py",
    "lessons/review/attention_mistakes.py": "lessons/review/test_diagnose.py makes them all",
    "lessons/review/attention_variants.py": "lessons/review/test_diagnose.py makes them all",
    "lessons/review/layer_norm.py": "lessons/review/test_diagnose.py makes its mistakes",
    "lessons/review/softmax.py": "lessons/review/test_diagnose.py makes its mistakes",
    "lessons/review/subject.py": "types; lessons/review/test_diagnose.py",
    "lessons/review/subjects.py": "a list; lessons/review/test_diagnose.py",
    "lessons/_exercise.py": "lessons/test_check.py asks for exercises by number",
    "lessons/_pupils_line.py": "lessons/exercises/test_lesson_1.py: a function that fails",
    "maps/_rollout_arguments.py": "maps/test_rollout.py",
    "maps/recorder/listener.py": "a protocol",
    "maps/recording/file/_format.py": "names of a format; file/test_reading.py and test_writing.py",
    "maps/recording/outline.py": "a type",
    "maps/scores/score_shape.py": "maps/scores/test_scoring.py",
    "nn/multihead/_parameters.py": "types; nn/multihead/test_layer.py",
    "pretrained/family.py": "types; pretrained/test_weights.py reads a family of its own",
    "pretrained/tokenizers/protocol.py": "a protocol; pretrained/tokenizers/test_reading.py",
    "reference/tracing/watcher.py": "a protocol",
    "text/surrogates.py": "text/test_tokenizer.py and translation/sentences/test_segments.py",
    "training/accumulation.py": "training/test_loop.py and training/processes/test_torchrun.py",
    "translation/rules/symbols.py": "characters; translation/rules/test_inline_marks.py",
    "search/prefixes.py": "search/test_search.py",
}

MODULES = {
    path.relative_to(SOURCE).as_posix()
    for path in SOURCE.rglob("*.py")
    if "node_modules" not in path.parts
}
FILES = sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))


def subjects(test: str) -> set[str]:
    """The modules that a test file may be named after: a module, a private one, or a room."""
    path = PurePosixPath(test)
    name = path.name.removeprefix("test_")
    room = path.parent / name.removesuffix(".py")
    return {str(path.parent / name), str(path.parent / f"_{name}"), str(room / "__init__.py")}


def suite_of(test: str) -> str | None:
    """The suite that a test file belongs to, or None."""
    path = PurePosixPath(test)
    return next((str(place) for place in (path, *path.parents) if str(place) in SUITES), None)


def test_a_test_file_is_named_after_a_module_or_belongs_to_a_suite():
    strays = [f"tests/{test}" for test in FILES if not (suite_of(test) or subjects(test) & MODULES)]
    assert not strays, (
        "no module has these names: name them after one, or add their behaviour to SUITES\n"
        + "\n".join(strays)
    )


def test_a_suite_exists_and_is_named_after_no_module():
    assert not [suite for suite in SUITES if not (TESTS / suite).exists()]
    assert not [suite for suite in SUITES if suite.endswith(".py") and subjects(suite) & MODULES]


def test_every_module_has_tests_of_its_name_or_says_where_they_are():
    tested = set().union(*(subjects(test) for test in FILES))
    untested = {
        module
        for module in MODULES - tested
        if not module.endswith("__init__.py") and module not in ELSEWHERE
    }
    assert not untested, "write the tests of these modules, under their names"
    assert not set(ELSEWHERE) & tested, "these have tests of their name now: clear ELSEWHERE"
    assert set(ELSEWHERE) <= MODULES
