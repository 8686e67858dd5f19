"""Whatever colours a picture was stored in, as sRGB: matrices, wide gamuts, and high dynamic range made to fit.

High dynamic range (PQ, SMPTE ST 2084; HLG, ARIB STD-B67; both ITU-R BT.2100-2) is brought to light, 1.0 being
reference white of 203 cd/m² (ITU-R BT.2408-7), its primaries to BT.709, and the brightest of the three channels
through the Möbius curve (as FFmpeg's tonemap filter has it): straight up to 0.3, then bending so that a peak of
1000 cd/m² is 1. All three channels are scaled alike, so that hues stay. What is brighter than the peak is white.
"""

from __future__ import annotations

from functools import cache

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation

from kinema.media.limits import Say

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT  # else a level darker
_SHRINK = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_WHITE, _PEAK, _KNEE = 203.0, 1000.0, 0.3  # cd/m², cd/m², share of white
_UNSPECIFIED, _SRGB, _PQ, _HLG = 2, 13, 16, 18  # numbers of ITU-T H.273, which both PyAV and the files use
_BT2020, _P3 = 9, 12
_TO_BT709 = {
    _BT2020: np.array(
        [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
    ),  # ITU-R BT.2087-0, inverted
    _P3: np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]], np.float32),
}


def rgb(picture: av.VideoFrame, width: int, height: int, say: Say) -> np.ndarray:
    """A decoded picture as (height, width, 3) uint8 sRGB; what had to be changed beyond that is said."""
    curve, gamut = int(picture.color_trc), int(picture.color_primaries)
    shrinks = width < picture.width or height < picture.height
    how = {"width": width, "height": height, "interpolation": _SHRINK if shrinks else EXACT}
    if matrix := _matrix(picture):
        how["src_colorspace"] = matrix
    if curve in (_PQ, _HLG) or gamut in _TO_BT709:
        return _from_wide(picture.reformat(format="rgb48le", **how).to_ndarray(), curve, gamut, say)
    if any(component.is_alpha for component in picture.format.components):
        return over_black(picture.reformat(format="rgba", **how).to_ndarray(), say)
    return picture.reformat(format="rgb24", **how).to_ndarray()


def over_black(pixels: np.ndarray, say: Say) -> np.ndarray:
    """A picture (H, W, 4) uint8, shown over black as (H, W, 3)."""
    alpha = pixels[..., 3:]
    if alpha.min() == 255:
        return pixels[..., :3]
    say("its transparent parts are shown over black")
    return ((pixels[..., :3].astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)


def tone_mapped(light: np.ndarray) -> np.ndarray:
    """Light (…, 3) of BT.709 primaries, 1.0 = reference white, as light in [0, 1]."""
    peak = _PEAK / _WHITE
    a = -_KNEE * _KNEE * (peak - 1) / (_KNEE * _KNEE - 2 * _KNEE + peak)
    b = (_KNEE * _KNEE - 2 * _KNEE * peak + peak) / max(peak - 1, 1e-6)
    light = np.maximum(light, 0)
    brightest = light.max(-1, keepdims=True)
    bent = (b * b + 2 * b * _KNEE + _KNEE * _KNEE) / (b - a) * (brightest + a) / (brightest + b)
    scale = np.where(brightest > _KNEE, bent / np.maximum(brightest, 1e-6), 1)
    return np.minimum(light * scale, 1)


def _from_wide(coded: np.ndarray, curve: int, gamut: int, say: Say) -> np.ndarray:
    """Pictures (H, W, 3) uint16 coded by that curve in those primaries, as uint8 sRGB."""
    light = _light(curve)[coded]
    if curve == _HLG:  # the display's own gamma, 1.2 at a peak of 1000 cd/m² (BT.2100-2, table 5)
        luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
        light *= (_PEAK / _WHITE) * np.maximum(luminance, 1e-6)[..., None] ** 0.2
    if gamut in _TO_BT709:
        light = light @ _TO_BT709[gamut].T
    if curve in (_PQ, _HLG):
        name = "PQ" if curve == _PQ else "HLG"
        say(
            f"its high dynamic range ({name}) is tone-mapped to sRGB: light up to 60 cd/m2 stays, what is brighter is "
            "bent so that 1000 cd/m2 becomes white"
        )
        light = tone_mapped(light)
    else:
        say(f"its wide colours ({'BT.2020' if gamut == _BT2020 else 'P3'}) are brought to sRGB")
    return _to_srgb()[(np.clip(light, 0, 1) * 65535 + 0.5).astype(np.uint16)]


@cache
def _light(curve: int) -> np.ndarray:
    """The light of each of 65,536 codes, float32; 1.0 is white, for HLG light of the scene in [0, 1]."""
    code = np.arange(65536) / 65535
    if curve == _PQ:
        root = code ** (1 / 78.84375)
        nits = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        return (nits / _WHITE).astype(np.float32)
    if curve == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


@cache
def _to_srgb() -> np.ndarray:
    """The sRGB code of each of 65,536 steps of light, uint8 (IEC 61966-2-1)."""
    light = np.arange(65536) / 65535
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(code * 255).astype(np.uint8)


def _matrix(picture: av.VideoFrame) -> Colorspace | None:
    """The matrix from luma and chroma to RGB; where a file names none, what players take: BT.709 from 720 lines on."""
    if picture.format.is_rgb or int(picture.colorspace) != _UNSPECIFIED:
        return None
    return Colorspace.ITU709 if picture.height >= 720 else Colorspace.ITU601
