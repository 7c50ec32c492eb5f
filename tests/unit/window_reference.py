"""Print the table of window_reference.inl: what OpenAI's own search makes of the toy model's logits.

Usage: window_reference.py FOLDER > window_reference.inl, where FOLDER is the unpacked source of pip openai-whisper==20250625.
decoding.py is run as it is; of PyTorch it needs little, which NumPy stands in for here. Never needed to build or to test.
"""
import importlib
import sys
import types

import numpy as np

# The toy's vocabulary and context (rules_toy.h, window_fake.h).
EOT, SOT, LANGUAGE, TRANSLATE, TRANSCRIBE, LM, PREV, NO_SPEECH, NO_TIMESTAMPS, TIME = 10, 11, 12, 14, 15, 16, 17, 18, 19, 20
BLANK, SUPPRESSED, N_VOCAB, CONTEXT = 3, 7, 121, 32
PROMPT = [1, 2, 4, 5, 6, 8, 9, 0, 1, 2, TIME + 3, TIME + 9, 1, 2, 4, 5, 6, 8, 9, 0]
MASK = (1 << 64) - 1


class Tensor(np.ndarray):
    device = "cpu"

    def float(self): return self.astype(np.float32)
    def cpu(self): return self
    def detach(self): return self
    def numel(self): return self.size
    def item(self): return np.asarray(self).item()
    def ge(self, value): return self >= value
    def argmax(self, dim=None): return wrap(np.asarray(self).argmax(axis=dim))
    def max(self, dim=None): return wrap(np.asarray(self).max(axis=dim))
    def nonzero(self): return wrap(np.argwhere(np.asarray(self)))

    def topk(self, k):
        order = np.argsort(-np.asarray(self), kind="stable")[:k]
        return wrap(np.asarray(self)[order]), wrap(order)

    def logsumexp(self, dim=-1):
        x = np.asarray(self, dtype=np.float64)
        top = x.max(axis=dim)
        return wrap(np.float32(top + np.log(np.exp(x - top).sum(axis=dim)) if np.isfinite(top) else top))

    def softmax(self, dim=-1): return wrap(np.exp(np.asarray(log_softmax(self, dim))))


def wrap(array): return np.asarray(array).view(Tensor)


def log_softmax(x, dim=-1):
    x = np.asarray(x, dtype=np.float64)
    top = x.max(axis=dim, keepdims=True)
    return wrap((x - top - np.log(np.exp(x - top).sum(axis=dim, keepdims=True))).astype(np.float32))


def pad(x, widths, value):
    return wrap(np.pad(np.asarray(x), [(0, 0)] * (x.ndim - 1) + [widths], constant_values=value))


def load_decoding(folder):
    def module(name, **members):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(members)
        return sys.modules[name]

    functional = module("torch.nn.functional", log_softmax=log_softmax, pad=pad)
    module("torch.nn", functional=functional)
    module("torch.distributions", Categorical=None)
    module("torch", Tensor=Tensor, arange=np.arange, no_grad=lambda: lambda f: f, tensor=lambda x, device=None: wrap(np.array(x)),
           zeros=lambda n, device=None: wrap(np.zeros(n, dtype=np.float32)),
           cat=lambda parts, dim: wrap(np.concatenate([np.asarray(p) for p in parts], axis=dim)))
    module("whisper", __path__=[folder + "/whisper"])
    module("whisper.audio", CHUNK_LENGTH=30)
    module("whisper.tokenizer", Tokenizer=object, get_tokenizer=None)
    module("whisper.utils", compression_ratio=None)
    return importlib.import_module("whisper.decoding")


def mix(z):
    z &= MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def toy_logits(seed, tokens):
    """fake_random of window_fake.c."""
    state = mix(seed + 0x9E3779B97F4A7C15)
    for token in tokens:
        state = mix(state * 31 + token + 1)
    values = [np.float32((mix(state + i * 0xD1342543DE82EF95) >> 40) * 2.0**-24) for i in range(N_VOCAB)]
    return np.array([v * np.float32(6) - np.float32(3 if i >= TIME else 0) for i, v in enumerate(values)], dtype=np.float32)


class Tokenizer:
    timestamp_begin, eot, sot, no_timestamps, no_speech = TIME, EOT, SOT, NO_TIMESTAMPS, NO_SPEECH

    def encode(self, text): return [BLANK]


class Inference:
    def __init__(self, seed): self.seed = seed
    def rearrange_kv_cache(self, sources): pass
    def cleanup_caching(self): pass

    def logits(self, tokens, features):
        out = np.zeros((*tokens.shape, N_VOCAB), dtype=np.float32)
        for i, row in enumerate(tokens.tolist()):
            out[i, -1] = toy_logits(self.seed, row)
            out[i, row.index(SOT)] = toy_logits(self.seed, row[: row.index(SOT) + 1])
        return wrap(out)


def search(decoding, seed, beam, patience, timestamps, n_prompt, penalty):
    task = object.__new__(decoding.DecodingTask)
    task.tokenizer, task.n_ctx, task.sample_len, task.n_group = Tokenizer(), CONTEXT, CONTEXT // 2, beam
    previous = PROMPT[:n_prompt][-(CONTEXT // 2 - 1):]
    initial = ([PREV] + previous if previous else []) + [SOT, LANGUAGE, TRANSCRIBE] + ([] if timestamps else [NO_TIMESTAMPS])
    task.sample_begin, task.sot_index, task.inference = len(initial), initial.index(SOT), Inference(seed)
    task.decoder = (decoding.BeamSearchDecoder(beam, EOT, task.inference, patience) if beam > 1
                    else decoding.GreedyDecoder(0, EOT))
    suppressed = [SUPPRESSED, SOT, TRANSLATE, TRANSCRIBE, LM, PREV, NO_SPEECH]
    task.logit_filters = [decoding.SuppressBlank(task.tokenizer, len(initial)), decoding.SuppressTokens(suppressed)]
    if timestamps:
        task.logit_filters.append(decoding.ApplyTimestampRules(task.tokenizer, len(initial), 50))
    task.decoder.reset()
    tokens, sums, no_speech = task._main_loop(wrap(np.zeros((beam, 1))), wrap(np.array([initial] * beam)))
    tokens, sums = task.decoder.finalize(tokens.reshape(1, beam, -1), sums.reshape(1, beam))
    tokens = [[t[len(initial): (t == EOT).nonzero()[0, 0]] for t in group] for group in tokens]
    best = decoding.MaximumLikelihoodRanker(penalty).rank(tokens, sums)[0]
    chosen = tokens[0][best].tolist()
    return chosen, sums[0][best] / (len(chosen) + 1), float(no_speech[0])


def main():
    decoding = load_decoding(sys.argv[1])
    for case in range(48):
        beam, patience = [(1, 1), (2, 1), (3, 1), (3, 2), (5, 1), (5, 2)][case % 6]
        timestamps, n_prompt, penalty = case % 4 != 3, (0, 3, 20)[case // 6 % 3], (None, 0.6)[case // 3 % 2]
        tokens, average, no_speech = search(decoding, case, beam, patience, timestamps, n_prompt, penalty)
        listed = ", ".join(map(str, tokens))
        print(f"{{{case}, {beam}, {patience}, {str(timestamps).lower()}, {n_prompt}, {-1 if penalty is None else penalty}, "
              f"{average:.6f}, {no_speech:.8f}, {len(tokens)}, {{{listed}}}}},")


main()
