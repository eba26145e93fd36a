"""What a translator is asked to do, in the way of its family."""

from __future__ import annotations

import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.pretrained.reading import read_pretrained
from clearhead.translation.task import read_task, task_names
from tests.tasks import tiny_models as tiny
from tests.translation.pretrained_translators import add_settings, saved


@pytest.mark.parametrize("name", ["en-fr", "translation_en_to_fr"])
def test_a_task_of_the_config_has_a_prefix_and_settings(name):
    pretrained = read_pretrained(tiny.folder_of("t5"))
    assert task_names(pretrained) == ["summarization", "translation_en_to_fr"]
    task = read_task(pretrained, name)
    assert task.prefix == "translate English to French: "
    assert (task.settings.num_beams, task.settings.max_length) == (3, 12)
    assert task.settings.early_stopping is True
    assert task.settings.decoder_start_token_id == tiny.PAD


def test_one_of_several_tasks_must_be_named():
    with pytest.raises(ConfigError, match=r"several tasks.*Name one, such as task='summarization'"):
        read_task(read_pretrained(tiny.folder_of("t5")), None)


def test_a_single_task_needs_no_name(tmp_path):
    folder = tiny.copy_of("t5", tmp_path)
    add_settings(folder, task_specific_params={"translation_en_to_de": {"prefix": "de: "}})
    assert read_task(read_pretrained(folder), None).prefix == "de: "


@pytest.mark.parametrize("name", ["en-de", "english", "", "en-fr-de"])
def test_a_task_that_nobody_knows(name):
    with pytest.raises(ConfigError, match=r"knows no task .*: summarization, translation_en_to_fr"):
        read_task(read_pretrained(tiny.folder_of("t5")), name)


def test_a_model_for_one_pair_needs_none():
    pretrained = read_pretrained(tiny.folder_of("marian"))
    task = read_task(pretrained, None)
    assert (task.prefix, task.source_language) == ("", None)
    with pytest.raises(ConfigError, match=r"names: none\. A model for one pair"):
        read_task(pretrained, "en-fr")


def test_a_target_language_that_the_source_begins_with(tmp_path):
    saved(tmp_path, "Marian")
    pretrained = read_pretrained(tmp_path)
    assert read_task(pretrained, "en-fra").prefix == ">>fra<< "
    with pytest.raises(ConfigError, match="knows no language 'deu'; it knows fra, por"):
        read_task(pretrained, "en-deu")


def test_tokens_for_languages(tmp_path):
    _, tokenizer = saved(tmp_path, "M2M100")
    pretrained = read_pretrained(tmp_path)
    task = read_task(pretrained, "en-fr")
    assert (task.source_language, task.target_language) == ("en", "fr")
    assert task.settings.forced_bos_token_id == tokenizer.get_lang_id("fr")
    with pytest.raises(ConfigError, match=r"knows no language 'xx'; it knows af, am, ar.* 92 more"):
        read_task(pretrained, "en-xx")


def test_settings_that_are_not_done_are_refused(tmp_path):
    folder = tiny.copy_of("t5", tmp_path)
    add_settings(folder, task_specific_params={"one": {"num_beam_groups": 2}})
    with pytest.raises(CheckpointError, match="num_beam_groups=2, which changes the tokens"):
        read_task(read_pretrained(folder), None)
