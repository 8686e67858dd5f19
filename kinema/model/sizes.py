"""One dial from the embedded model to billions: a size is a width, and everything else follows from it.

Depth grows with width as in the field's scaling studies (width / depth between 25 and 100), heads are 64 or 128 wide,
and the text encoder keeps pace. `kinema model sizes` prints parameters, tokens and FLOPs.
"""

from dataclasses import dataclass

from kinema.model.text import TextConfig
from kinema.model.transformer import TransformerConfig


@dataclass(frozen=True)
class Size:
    """A named point of the dial."""

    name: str
    transformer: TransformerConfig

    def text(self, words: int) -> TextConfig:
        """The text encoder that goes with it."""
        return TextConfig(words=words, width=self.transformer.text_width, head=min(64, self.transformer.text_width))

    @property
    def parameters(self) -> int:
        """Of the transformer, counted on its shape (no weights are made)."""
        shape = self.transformer
        hidden = -(-shape.width * 8 // 3 // 64) * 64
        block = 4 * shape.width**2 + 3 * shape.width * hidden + 2 * shape.width * shape.text_width + 6 * shape.width
        block += 3 * shape.head
        ends = shape.width * (3 * shape.channels + shape.mask_channels + 1) + shape.channels
        conditioning = (128 + shape.width + shape.text_width + 8 * shape.width + 11) * shape.width
        return shape.depth * block + ends + conditioning

    def flops(self, tokens: int) -> float:
        """Of one forward pass over this many tokens: two a weight and token, and attention's 4 N² D a block."""
        return 2.0 * self.parameters * tokens + 4.0 * tokens**2 * self.transformer.width * self.transformer.depth


def _size(name: str, width: int, depth: int, *, head: int = 64, text_width: int = 192) -> Size:
    third = head // 2 // 8 * 2
    axes = (third, (head // 2 - third) // 2, (head // 2 - third) // 2)
    return Size(name, TransformerConfig(width=width, depth=depth, head=head, axes=axes, text_width=text_width))


SIZES = {
    size.name: size
    for size in (
        _size("tiny", 64, 2, head=32, text_width=64),
        _size("pico", 192, 6),
        _size("nano", 256, 10),
        _size("micro", 384, 11),
        _size("small", 768, 16, text_width=384),
        _size("medium", 1280, 24, text_width=768),
        _size("large", 2048, 32, head=128, text_width=1024),
        _size("giant", 3072, 40, head=128, text_width=2048),
    )
}
"""Embedded is `nano`; from `small` on a GPU is needed, from `medium` several."""
