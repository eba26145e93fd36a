"""What a folder says of its embeddings: every file of sentence-transformers, and none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import CheckpointError
from clearhead.tasks.embedding.embedding_rule import EmbeddingRule, read_embedding_rule

PLAIN = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {
            "idx": 1,
            "name": "1",
            "path": "1_Pooling",
            "type": "sentence_transformers.models.Pooling",
        },
    ],
    "1_Pooling/config.json": {"word_embedding_dimension": 8, "pooling_mode_cls_token": True},
}
DENSE = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
NORMALIZE = {"idx": 2, "name": "2", "path": "2_Normalize", "type": "a.b.Normalize"}


def write(folder, files):
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    return folder


def rule_of(folder, **files):
    return read_embedding_rule(write(folder, {**PLAIN, **files}))


def test_a_folder_that_says_nothing(tmp_path):
    rule = read_embedding_rule(tmp_path)
    assert rule == EmbeddingRule(modes=("mean",), normalize=False, max_length=None, source="")
    assert str(rule) == "mean over real tokens, not normalised (no modules.json says otherwise)"


def test_every_file(tmp_path):
    steps = [*PLAIN["modules.json"], NORMALIZE]
    files = {
        "modules.json": steps,
        "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": True},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: "},
            "default_prompt_name": "query",
        },
    }
    assert rule_of(tmp_path, **files) == EmbeddingRule(
        modes=("cls",), normalize=True, max_length=12, lower_case=True,
        prompt="query: ", source="modules.json",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pooling", "modes"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, ("max", "mean")),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, ("mean_sqrt",)),
        ({"pooling_mode_weightedmean_tokens": True}, ("weighted",)),
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, ("last",)),
        ({"pooling_mode": "cls"}, ("cls",)),
        ({"pooling_mode": ["mean", "cls"]}, ("mean", "cls")),
        ({"pooling_mode_mean_tokens": False}, ("mean",)),
        ({"word_embedding_dimension": 8}, ("mean",)),
    ],
)
def test_the_modes_of_pooling(tmp_path, pooling, modes):
    assert rule_of(tmp_path, **{"1_Pooling/config.json": pooling}).modes == modes


def test_older_names_of_the_file_with_the_length(tmp_path):
    files = {"sentence_xlm-roberta_config.json": {"max_seq_length": 9}}
    assert rule_of(tmp_path, **files).max_length == 9


def test_a_transformer_in_a_folder_of_its_own(tmp_path):
    steps = [{**PLAIN["modules.json"][0], "path": "0_Transformer"}, PLAIN["modules.json"][1]]
    files = {
        "modules.json": steps,
        "0_Transformer/sentence_bert_config.json": {"max_seq_length": 7},
    }
    assert rule_of(tmp_path, **files).max_length == 7


@pytest.mark.parametrize(("limit", "most"), [(9, 9), (int(1e30), None), (1e30, None)])
def test_the_tokenizer_says_the_length_where_nothing_else_does(tmp_path, limit, most):
    files = {"tokenizer_config.json": {"model_max_length": limit}}
    assert rule_of(tmp_path, **files).max_length == most
    assert rule_of(tmp_path, **files, **{"sentence_bert_config.json": {}}).max_length == most
    assert (
        rule_of(
            tmp_path, **files, **{"sentence_bert_config.json": {"max_seq_length": 5}}
        ).max_length
        == 5
    )


def test_layers_after_the_pooling(tmp_path):
    steps = [*PLAIN["modules.json"], DENSE, {**DENSE, "path": "3_Dense"}, NORMALIZE]
    rule = rule_of(tmp_path, **{"modules.json": steps})
    assert rule.dense == ("2_Dense", "3_Dense")
    assert str(rule).startswith("first token, through the layer 2_Dense, through the layer 3_D")


def test_a_normalize_of_something_else_is_refused(tmp_path):
    steps = [*PLAIN["modules.json"], NORMALIZE]
    files = {"modules.json": steps, "2_Normalize/config.json": {"module_input_name": None}}
    assert rule_of(tmp_path, **files).normalize
    files["2_Normalize/config.json"] = {"module_input_name": "token_embeddings"}
    with pytest.raises(CheckpointError, match=r"module_input_name.*token_embeddings"):
        rule_of(tmp_path, **files)


CNN = {**DENSE, "type": "sentence_transformers.models.CNN"}
SKIPPED_PROMPT = {"prompts": {"q": "q: "}, "default_prompt_name": "q"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"modules.json": "[{"}, "modules.json"),
        ({"modules.json": {"a": 1}}, "not a list"),
        ({"modules.json": []}, "its steps are none"),
        ({"modules.json": [*PLAIN["modules.json"], CNN]}, "'CNN', which is not computed here"),
        ({"modules.json": [*PLAIN["modules.json"], NORMALIZE, DENSE]}, "Normalize, Dense; what"),
        (
            {"modules.json": [*PLAIN["modules.json"], NORMALIZE, NORMALIZE]},
            "Normalize, Normalize;",
        ),
        ({"modules.json": PLAIN["modules.json"][::-1]}, "steps are Pooling, Transformer"),
        ({"modules.json": [PLAIN["modules.json"][0], {**NORMALIZE, "path": "../x"}]}, "outside"),
        ({"1_Pooling/config.json": {"pooling_mode": "middle"}}, "'middle'; it may be cls"),
        ({"1_Pooling/config.json": {"pooling_mode": []}}, "without a mode"),
        ({"1_Pooling/config.json": {"pooling_mode_new": True}}, "pooling_mode_new"),
        ({"1_Pooling/config.json": {"pooling_mode_cls_token": 1}}, "not true or false"),
        ({"sentence_bert_config.json": {"max_seq_length": 0}}, "from 1 to"),
        ({"sentence_bert_config.json": {"transformer_task": "fill-mask"}}, "not 'feature-extr"),
        (
            {
                "sentence_bert_config.json": {
                    "modality_config": {
                        "text": {"method": "forward", "method_output_name": "pooler_output"}
                    }
                }
            },
            "'pooler_output', not 'last_hidden_state'",
        ),
        ({"tokenizer_config.json": {"model_max_length": "long"}}, "not a whole number"),
        ({"config_sentence_transformers.json": {"default_prompt_name": "q"}}, "lacks 'prompts'"),
        (
            {
                "config_sentence_transformers.json": SKIPPED_PROMPT,
                "1_Pooling/config.json": {"pooling_mode": "mean", "include_prompt": False},
            },
            "would not be pooled",
        ),
    ],
)
def test_what_is_refused(tmp_path, files, words):
    with pytest.raises(CheckpointError, match=words):
        rule_of(tmp_path, **files)


def test_a_missing_pooling_is_refused(tmp_path):
    write(tmp_path, {"modules.json": PLAIN["modules.json"]})
    with pytest.raises(CheckpointError, match=r"1_Pooling.*no such file"):
        read_embedding_rule(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from([*PLAIN, "sentence_bert_config.json"]), JSON)
def test_any_json_gives_a_rule_or_an_error_of_ours(tmp_path_factory, name, value):
    folder = tmp_path_factory.mktemp("model")
    try:
        rule = rule_of(folder, **{name: value})
    except CheckpointError:
        return
    assert rule.modes
