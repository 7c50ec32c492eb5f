#!/usr/bin/env python3
"""
to_huggingface.py WEIGHTS OUT: CTranslate2's Whisper weights (a folder) as a Hugging Face checkpoint, from which OpenVINO's
exporter starts, so that it is measured with exactly the weights that sotto has. Needs torch and transformers.
"""

import json
import os
import sys

import torch
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizerFast

from to_ggml import HEAD, read_ctranslate2, renamed

# OpenAI's names, piece by piece, as Hugging Face calls them; longer ones first where one is part of another.
PIECES = (("blocks.", "layers."), ("cross_attn_ln.", "encoder_attn_layer_norm."), ("attn_ln.", "self_attn_layer_norm."), ("mlp_ln.", "final_layer_norm."),
          ("cross_attn.", "encoder_attn."), (".attn.", ".self_attn."), ("query.", "q_proj."), ("key.", "k_proj."), ("value.", "v_proj."),
          ("attn.out.", "attn.out_proj."), ("mlp.0.", "fc1."), ("mlp.2.", "fc2."), ("ln_post.", "layer_norm."), ("decoder.ln.", "decoder.layer_norm."),
          ("token_embedding.", "embed_tokens."))


def name_of(name):
    if name.endswith("positional_embedding"):
        return f"model.{name.split('.')[0]}.embed_positions.weight"
    for old, new in PIECES:
        name = name.replace(old, new)
    return f"model.{name}"


def checkpoint(tensors):
    """{Hugging Face's name: float32 tensor}."""
    out = {}
    for name, tensor in tensors.items():
        flat = tensor.reshape(-1) if name.endswith("bias") else tensor
        out[name_of(name)] = torch.from_numpy(flat.astype("float32"))
    out["proj_out.weight"] = out["model.decoder.embed_tokens.weight"]
    return out


def main():
    source, target = sys.argv[1:]
    state = checkpoint(renamed(read_ctranslate2(os.path.join(source, "model.bin"))))
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        ours = json.load(file)
    tokenizer = WhisperTokenizerFast(tokenizer_file=os.path.join(source, "tokenizer.json"))
    token = tokenizer.convert_tokens_to_ids
    special = {"bos_token_id": token("<|endoftext|>"), "eos_token_id": token("<|endoftext|>"), "pad_token_id": token("<|endoftext|>"),
               "decoder_start_token_id": token("<|startoftranscript|>")}
    vocabulary, width = state["proj_out.weight"].shape
    depth = sum(name.startswith("model.encoder.layers.") and name.endswith("fc1.bias") for name in state)
    mels = state["model.encoder.conv1.weight"].shape[1]
    shape = {f"{side}_{what}": value for side in ("encoder", "decoder")
             for what, value in (("layers", depth), ("attention_heads", width // HEAD), ("ffn_dim", 4 * width))}
    model = WhisperForConditionalGeneration(WhisperConfig(vocab_size=vocabulary, d_model=width, num_mel_bins=mels, **shape, **special))
    model.load_state_dict(state)
    languages = tokenizer.convert_ids_to_tokens(ours["lang_ids"])
    model.generation_config = GenerationConfig(
        max_length=448, is_multilingual=True, return_timestamps=False, alignment_heads=ours["alignment_heads"], suppress_tokens=ours["suppress_ids"],
        begin_suppress_tokens=ours["suppress_ids_begin"], lang_to_id=dict(zip(languages, ours["lang_ids"])),
        task_to_id={task: token(f"<|{task}|>") for task in ("transcribe", "translate")}, no_timestamps_token_id=token("<|notimestamps|>"),
        prev_sot_token_id=token("<|startofprev|>"), **special)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    WhisperFeatureExtractor(feature_size=mels).save_pretrained(target)


if __name__ == "__main__":
    main()
