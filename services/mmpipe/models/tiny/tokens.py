"""The tiny model's tokenizer: byte-level BPE learnt from captions, so that no text in any script is ever unknown.

See Sennrich et al., 2016 (BPE) and Radford et al., 2019 (bytes). Token 0 is padding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VOCABULARY = 1_200
PADDING = "[PAD]"


def learn(texts: Iterable[str]) -> Tokenizer:
    """A tokenizer of at most :data:`VOCABULARY` tokens; text is lower-cased and normalised (NFKC) first."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: PLC0415

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
