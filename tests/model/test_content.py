"""Content encoders: held to transformers' Whisper and HuBERT, on exactly 2T steps.

transformers takes seconds to import, so only what needs it does.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_model import TINY, TINY_HUBERT, voice

from ecoface_model.config import ContentConfig
from ecoface_model.content import WhisperContent, at_usual_level, build_content
from ecoface_model.core.errors import ModelFileError
from ecoface_model.emotion import build_emotion
from ecoface_model.log_mel import LogMel
from ecoface_model.mel import FLOOR, LARGEST_GAIN, USUAL_PEAK, mel_filters
from ecoface_model.networks import Networks
from training.data.wheels import DownloadError
from training.whisper_weights import content_state, expect_hash, read_ctranslate2


def speech(seconds: float = 2.0, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(voice(seconds, seed))[None]


def whisper_reference(config: ContentConfig) -> torch.nn.Module:
    """transformers' encoder at our widths, random, without the final norm that ours has not either."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    torch.manual_seed(0)
    encoder = WhisperEncoder(
        WhisperConfig(
            d_model=config.feature_dim,
            encoder_layers=config.n_layers,
            encoder_attention_heads=config.n_heads,
            encoder_ffn_dim=config.feedforward_dim,
            num_mel_bins=80,
        )
    ).eval()
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    encoder.layer_norm = torch.nn.Identity()
    return encoder


def as_ctranslate2(encoder: torch.nn.Module) -> dict[str, torch.Tensor]:
    """transformers' weights under CTranslate2's names, with query, key and value in one matrix."""
    state = {k: v for k, v in encoder.state_dict().items()}
    variables = {
        f"encoder/{c}/{k}": state[f"{c}.{k}"] for c in ("conv1", "conv2") for k in ("weight", "bias")
    }
    for i in range(len(encoder.layers)):
        ours, theirs = f"encoder/layer_{i}/", f"layers.{i}."
        attention = theirs + "self_attn."
        no_bias = torch.zeros_like(state[attention + "q_proj.bias"])  # Whisper's keys have none
        variables[ours + "self_attention/linear_0/weight"] = torch.cat(
            [state[attention + f"{x}_proj.weight"] for x in "qkv"]
        )
        variables[ours + "self_attention/linear_0/bias"] = torch.cat(
            [state[attention + "q_proj.bias"], no_bias, state[attention + "v_proj.bias"]]
        )
        for name, their_name in (
            ("self_attention/linear_1", "self_attn.out_proj"),
            ("ffn/linear_0", "fc1"),
            ("ffn/linear_1", "fc2"),
        ):
            for kind in ("weight", "bias"):
                variables[f"{ours}{name}/{kind}"] = state[f"{theirs}{their_name}.{kind}"]
        for name, their_name in (
            ("self_attention/layer_norm", "self_attn_layer_norm"),
            ("ffn/layer_norm", "final_layer_norm"),
        ):
            variables[f"{ours}{name}/gamma"] = state[f"{theirs}{their_name}.weight"]
            variables[f"{ours}{name}/beta"] = state[f"{theirs}{their_name}.bias"]
    return variables


def test_mel_filters_equal_transformers():
    from transformers import WhisperFeatureExtractor

    np.testing.assert_allclose(mel_filters(), WhisperFeatureExtractor().mel_filters.T, atol=1e-12)


def test_log_mel_equals_whisper_s_feature_extractor():
    from transformers import WhisperFeatureExtractor

    waveform = speech(30.0)
    ours = LogMel()(waveform)  # (1, 80, 3000)
    whisper = (torch.maximum(ours, ours.max() - 8) + 4) / 4
    theirs = WhisperFeatureExtractor()(waveform[0].numpy(), sampling_rate=16_000, return_tensors="pt")
    torch.testing.assert_close(whisper, theirs.input_features, atol=1e-4, rtol=0)


def test_the_encoder_equals_transformers_whisper_block_for_block():
    reference = whisper_reference(TINY.content)
    encoder = WhisperContent(TINY.content).eval()
    encoder.load_state_dict(content_state(as_ctranslate2(reference), n_layers=2))
    log_mel = LogMel()(speech(30.0))
    with torch.no_grad():
        theirs = reference((log_mel + 4) / 4).last_hidden_state
        torch.testing.assert_close(encoder.encode(log_mel), theirs, atol=2e-4, rtol=1e-4)


def test_what_comes_later_than_all_layers_look_ahead_changes_nothing():
    config = replace(TINY.content, look_ahead=10)
    torch.manual_seed(0)
    encoder = WhisperContent(config).eval()
    sound, n_same = speech(3.0), 100  # steps that are heard alike: 2 s
    other = torch.cat([sound[:, : n_same * 320], speech(3.0, seed=1)[:, n_same * 320 :]], dim=1)
    peak = encoder.measure(sound)
    ours, theirs = encoder(sound, peak)[0], encoder(other, peak)[0]
    seen = n_same - 10 * config.n_layers - 2  # two more for what the convolutions see
    torch.testing.assert_close(ours[:seen], theirs[:seen], atol=1e-5, rtol=0)
    assert (ours[seen + 4 : n_same] - theirs[seen + 4 : n_same]).abs().max() > 1e-4, "it does look ahead"


def test_in_half_precision_it_looks_ahead_as_far():
    torch.manual_seed(0)
    encoder = WhisperContent(replace(TINY.content, look_ahead=10)).eval().requires_grad_(False)
    sound = speech()
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder(sound)
    torch.testing.assert_close(half.float(), encoder(sound), atol=0.1, rtol=0.1)


@pytest.mark.parametrize("config", [TINY.content, TINY_HUBERT.content], ids=["whisper", "hubert"])
@pytest.mark.parametrize("frames", [1, 4, 33, 50])
def test_a_clip_of_t_frames_gives_exactly_2t_steps(config, frames):
    encoder = build_content(config).eval()
    features = encoder(speech(frames / 25))
    assert features.shape == (1, 2 * frames, config.feature_dim)


def test_a_quiet_take_gives_the_same_content_as_a_loud_one():
    encoder, waveform = WhisperContent(TINY.content).eval(), speech()
    torch.testing.assert_close(encoder(0.1 * waveform), encoder(waveform), atol=1e-3, rtol=0)


def test_a_click_does_not_change_what_else_is_heard():
    encoder, waveform = WhisperContent(TINY.content).eval(), speech(4.0)
    clicked = waveform.clone()
    clicked[0, 32_000:32_016] = 1.0
    difference = (encoder.measure(clicked) - encoder.measure(waveform)).abs()
    assert difference < 0.1 < (LogMel()(clicked).max() - LogMel()(waveform).max())


def test_silence_becomes_the_floor_of_speech():
    silent = LogMel()(torch.zeros(1, 6_400))
    levelled = at_usual_level(silent, silent.amax(dim=(1, 2))[:, None])
    torch.testing.assert_close(levelled, torch.full_like(levelled, USUAL_PEAK - FLOOR))
    faint = torch.full((1, 80, 9), USUAL_PEAK - LARGEST_GAIN - 1)
    assert at_usual_level(faint, faint[:, :1, 0]).max().item() == pytest.approx(
        USUAL_PEAK - 1
    )  # raised by 32 dB and not more


def test_windows_agree_when_they_know_the_whole_clip_s_level():
    encoder = WhisperContent(TINY.content).eval()
    waveform = torch.cat([0.05 * speech(2.0), speech(2.0, seed=1)], dim=1)
    measured = encoder.measure(waveform)
    whole = at_usual_level(encoder.log_mel(waveform), measured)[..., :190]
    window = at_usual_level(encoder.log_mel(waveform[:, :32_000]), measured)[..., :190]
    torch.testing.assert_close(window, whole)
    assert not torch.allclose(encoder.measure(waveform[:, :32_000]), measured, atol=1)


def test_the_level_of_a_long_clip_is_measured_in_parts():
    encoder, waveform = WhisperContent(TINY.content), speech(65.0)
    whole = encoder.log_mel(waveform).amax(dim=1)[0].quantile(0.98)
    torch.testing.assert_close(encoder.measure(waveform)[0, 0], whole, atol=0.01, rtol=0)
    shred = torch.cat([waveform[:, : 30 * 16_000], waveform[:, :150]], dim=1)
    assert encoder.measure(shred).isfinite().all()


def test_hubert_in_parts_equals_transformers_hubert():
    from transformers import HubertModel

    from ecoface_model.hubert import HubertContent, hubert_config

    torch.manual_seed(0)
    encoder = HubertContent(TINY_HUBERT.content).eval()
    reference = HubertModel(hubert_config(TINY_HUBERT.content)).eval()
    reference.feature_extractor.load_state_dict(encoder.frontend.feature_extractor.state_dict())
    reference.feature_projection.load_state_dict(encoder.frontend.feature_projection.state_dict())
    reference.encoder.load_state_dict(encoder.transformer.encoder.state_dict())
    waveform = speech()
    normal = (waveform - waveform.mean()) / waveform.std(correction=0)
    with torch.no_grad():
        theirs = reference(torch.nn.functional.pad(normal, (40, 40))).last_hidden_state
        torch.testing.assert_close(encoder(waveform), theirs, atol=1e-4, rtol=1e-4)


def test_two_huberts_share_one_frozen_frontend_and_its_work():
    networks = Networks(TINY_HUBERT).eval()
    calls = []
    networks.content.frontend.register_forward_hook(lambda *_: calls.append(1))
    waveform = speech()
    content, logits = networks.hear(waveform, networks.measure(waveform))
    assert len(calls) == 1
    torch.testing.assert_close(content, networks.content(waveform))
    rows = networks.emotion.front_rows(waveform)
    expected = networks.classifier(networks.emotion(waveform), rows.repeat_interleave(2, dim=1))
    torch.testing.assert_close(logits, expected)
    networks.content.transformer.register_forward_hook(lambda *_: pytest.fail("content was not asked for"))
    torch.testing.assert_close(networks.listen(waveform, networks.measure(waveform)), logits)
    trained = {name for name, parameter in networks.emotion.named_parameters() if parameter.requires_grad}
    assert trained and all(name.startswith("transformer.") for name in trained)
    assert not any(parameter.requires_grad for parameter in networks.content.parameters())


def test_hubert_weights_load_from_a_local_folder(tmp_path):
    from transformers import HubertModel

    from ecoface_model.hubert import HubertEmotion, hubert_config, load_hubert

    torch.manual_seed(3)
    reference = HubertModel(hubert_config(TINY_HUBERT.emotion)).eval()
    reference.save_pretrained(tmp_path / "hubert")
    encoder = HubertEmotion(TINY_HUBERT.emotion).eval()
    load_hubert(encoder, tmp_path / "hubert")
    waveform = speech()
    normal = (waveform - waveform.mean()) / waveform.std(correction=0)
    with torch.no_grad():
        theirs = reference(torch.nn.functional.pad(normal, (40, 40))).last_hidden_state
        torch.testing.assert_close(encoder(waveform), theirs, atol=1e-4, rtol=1e-4)


def test_missing_or_other_hubert_weights_are_refused_in_one_sentence(tmp_path):
    from transformers import HubertModel

    from ecoface_model.hubert import HubertContent, hubert_config, load_hubert

    encoder = HubertContent(TINY_HUBERT.content)
    with pytest.raises(ModelFileError, match=r"expected a transformers folder with HuBERT at .*nowhere"):
        load_hubert(encoder, tmp_path / "nowhere")
    other = hubert_config(
        ContentConfig(kind="hubert", feature_dim=64, n_layers=2, n_heads=2, feedforward_dim=48)
    )
    HubertModel(other).save_pretrained(tmp_path / "other")
    with pytest.raises(ModelFileError, match=r"expected HuBERT weights of this model's size in .*other"):
        load_hubert(encoder, tmp_path / "other")


def test_an_encoder_of_unknown_kind_cannot_be_asked_for():
    with pytest.raises(ValueError, match="expected a content encoder 'whisper' or 'hubert', found 'wav2vec'"):
        ContentConfig(kind="wav2vec")
    assert type(build_emotion(TINY.emotion)).__name__ == "WhisperEmotion"


def test_whisper_s_file_is_read_variable_for_variable_and_checked():
    half = np.arange(6, dtype=np.float16).reshape(2, 3)
    name = b"encoder/conv1/weight\0"
    content = (
        np.uint32(6).tobytes() + np.uint16(12).tobytes() + b"WhisperSpec\0" + np.uint32(3).tobytes()
        + np.uint32(1).tobytes() + np.uint16(len(name)).tobytes() + name
        + np.uint8(2).tobytes() + np.uint32(2).tobytes() + np.uint32(3).tobytes()
        + np.uint8(4).tobytes() + np.uint32(half.nbytes).tobytes() + half.tobytes()
    )  # fmt: skip
    variables = read_ctranslate2(content)
    torch.testing.assert_close(variables["encoder/conv1/weight"], torch.from_numpy(half).float())
    with pytest.raises(DownloadError, match=r"expected model\.bin with sha256 00, found"):
        expect_hash(content, "00", "model.bin")
