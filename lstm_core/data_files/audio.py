"""Sound as data: a WAV file's logarithm of mel-band energies, one frame a timestep.

Frames of 25 ms every 10 ms where nothing else is chosen, a Hann window, the power spectrum by FFT,
triangular bands equally wide on the mel scale of O'Shaughnessy (Speech Communication, 1987), as in
the HTK book, eq. 5.13: ``mel = 2595 log10(1 + hz / 700)``; then the natural logarithm.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lstm_core.data_files.datafile import DataError, DataFile, DataOptions, check_size, damaged
from lstm_core.stacks import Remark

FRAME_MS, HOP_MS, BANDS = 25.0, 10.0, 40

MOST_BANDS = 512

SHORTEST, LONGEST = 1.0, 1000.0
"""The frames, and the distances between them, that are offered, in milliseconds."""

FLOOR = 1e-10
"""The smallest energy: silence has a logarithm, too."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_BLOCK = 2_048
_SHORTEST_FRAME = 16
_LONGEST_FFT = 2**16


@dataclass(frozen=True, kw_only=True)
class _Format:
    code: int
    channels: int
    rate: int
    bits: int


def read_wav(data: bytes, options: DataOptions) -> DataFile:
    """The log-mel frames of a WAV file; several microphones are averaged first.

    Raises:
        DataError: ``"damaged"``, ``"sound-kind"`` for compressed sound, or a limit.
    """
    form, body = _chunks(data)
    read_as = options.over(
        DataOptions(kind="wav", frame_ms=FRAME_MS, hop_ms=HOP_MS, bands=BANDS, group="")
    )
    frame, hop, bands = _lengths(read_as, form.rate)
    samples = _samples(form, body)
    if not len(samples):
        raise DataError("empty", "the file holds no sound")
    steps = max(1 + (len(samples) - frame) // hop, 1)
    check_size(steps, bands)
    edges = band_edges(form.rate, bands)
    columns = tuple(f"{hz:.0f} Hz" for hz in edges[1:-1])
    if len(set(columns)) != len(columns):
        columns = tuple(f"{hz:.3f} Hz" for hz in edges[1:-1])
    rows = np.concatenate(list(_log_mel(samples, form, steps, frame, hop, edges)))
    rows.flags.writeable = False
    return DataFile(
        kind="wav",
        columns=columns,
        rows=rows,
        guess=read_as.over(DataOptions(channels=columns, fill="refuse")),
        remarks=tuple(_remarks(form, frame, hop, bands)),
    )


def _remarks(form: _Format, frame: int, hop: int, bands: int) -> list[Remark]:
    message = f"sound at {form.rate} Hz: {bands} mel bands, frames of {frame} samples every {hop}"
    fields = {"rate": form.rate, "bands": bands, "frame": frame, "hop": hop}
    remarks = [Remark(code="mel-frames", message=message, fields=fields)]
    if form.channels > 1:
        message = f"the {form.channels} channels were averaged"
        remarks.append(Remark(code="mixed-down", message=message, fields={"count": form.channels}))
    return remarks


def _chunks(data: bytes) -> tuple[_Format, bytes]:
    """The format and the bytes of the samples, from the parts of the RIFF file."""
    form, place = None, 12
    if data[:4] != b"RIFF":
        raise DataError("sound-kind", "only RIFF WAV files are read", format=repr(data[:4]))
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        body = data[place + 8 : place + 8 + size]
        if name == b"fmt ":
            form = _format(body)
        if name == b"data":
            if form is None:
                raise damaged("WAV", "the samples stand before their format")
            if len(body) < size and size not in (0xFFFFFFFF, 0x7FFFFFFF):
                raise damaged("WAV", f"it says {size} bytes of sound, but holds {len(body)}")
            return form, body
        place += 8 + size + size % 2
    raise damaged("WAV", "it holds no samples")


def _format(body: bytes) -> _Format:
    if len(body) < 16:
        raise damaged("WAV", "its format is cut off")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if code == _EXTENSIBLE and len(body) >= 26:
        [code] = struct.unpack_from("<H", body, 24)
    if (code, bits) not in _SAMPLES:
        raise DataError(
            "sound-kind",
            f"WAV format {code} with {bits} bits is not read; PCM and float samples are",
            format=f"{code}/{bits}",
        )
    if not 1 <= channels <= 64 or not 1_000 <= rate <= 400_000:
        raise damaged("WAV", f"{channels} channels at {rate} Hz")
    return _Format(code=code, channels=channels, rate=rate, bits=bits)


_SAMPLES = {
    (_PCM, 8): "u1",
    (_PCM, 16): "<i2",
    (_PCM, 24): "u1",
    (_PCM, 32): "<i4",
    (_FLOAT, 32): "<f4",
    (_FLOAT, 64): "<f8",
}


def _samples(form: _Format, body: bytes) -> np.ndarray:
    """The samples ``[time, channel]`` as they are stored, without a copy; 24 bits as bytes."""
    width = form.bits // 8 * form.channels
    whole = body[: len(body) // width * width]
    stored = np.frombuffer(whole, _SAMPLES[form.code, form.bits])
    return stored.reshape(-1, form.channels * (3 if form.bits == 24 else 1))


def _mono(stored: np.ndarray, form: _Format) -> np.ndarray:
    """The samples ``[time]`` between -1 and 1, the channels averaged."""
    if form.code == _FLOAT:
        values = stored.astype(np.float64)
    elif form.bits == 24:
        low, middle, high = stored.reshape(len(stored), -1, 3).astype(np.int32).transpose(2, 0, 1)
        values = ((high << 24 | middle << 16 | low << 8) >> 8) / 2.0**23
    elif form.bits == 8:
        values = (stored.astype(np.float64) - 128) / 128
    else:
        values = stored / 2.0 ** (form.bits - 1)
    mono: np.ndarray = values.mean(axis=1)
    return mono


def _lengths(options: DataOptions, rate: int) -> tuple[int, int, int]:
    """Samples of a frame, samples from one frame to the next, and the number of bands."""
    frame, hop = (
        round(ms * rate / 1000) if math.isfinite(ms) else 0
        for ms in (options.frame_ms or 0.0, options.hop_ms or 0.0)
    )
    bands = options.bands or 0
    whole = _SHORTEST_FRAME <= frame <= _LONGEST_FFT and 1 <= hop <= 64 * frame
    if not whole or not 1 <= bands <= MOST_BANDS:
        raise DataError(
            "frames",
            f"frames of {frame} samples every {hop} at {rate} Hz in {bands} bands cannot be "
            f"computed; a frame has {_SHORTEST_FRAME} to {_LONGEST_FFT} samples, the next begins "
            f"1 sample to 64 frames later, and there are 1 to {MOST_BANDS} bands",
            frame=frame,
            hop=hop,
            bands=bands,
            rate=rate,
            shortest=_SHORTEST_FRAME,
            longest=_LONGEST_FFT,
            most=MOST_BANDS,
        )
    return frame, hop, bands


def mel(hz: float) -> float:
    """The mel scale: 1000 Hz are (about) 1000 mel.

    >>> round(mel(1000))
    1000
    """
    return float(2595 * np.log10(1 + hz / 700))


def band_edges(rate: int, bands: int) -> np.ndarray:
    """Where the bands begin, peak and end, in hertz, ``[bands + 2]``: each ends two further on."""
    hz: np.ndarray = 700 * (10 ** (np.linspace(0, mel(rate / 2), bands + 2) / 2595) - 1)
    return hz


def _filters(edges: np.ndarray, rate: int, size: int) -> np.ndarray:
    """The weight of each frequency of the spectrum in each band, ``[frequency, band]``."""
    hz = np.arange(size // 2 + 1)[:, None] * rate / size
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    return np.clip(np.minimum((hz - low) / (peak - low), (high - hz) / (high - peak)), 0, None)


def _log_mel(
    samples: np.ndarray, form: _Format, steps: int, frame: int, hop: int, edges: np.ndarray
) -> Iterator[np.ndarray]:
    """The frames ``[time, band]``, a block at a time; a sound below one frame is filled up."""
    size = _fft_size(frame, edges, form.rate)
    filters = _filters(edges, form.rate, size)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    block = max(min(_BLOCK, 2**24 // max(size, hop)), 1)
    for first in range(0, steps, block):
        count = min(block, steps - first)
        part = _mono(samples[first * hop : (first + count - 1) * hop + frame], form)
        part = np.pad(part, (0, max(frame - len(part), 0)))
        if not np.isfinite(part).all():
            raise damaged("WAV", "a sample is not a number")
        frames = np.lib.stride_tricks.sliding_window_view(part, frame)[::hop]
        power = np.abs(np.fft.rfft(frames * window, size)) ** 2
        yield np.log(np.maximum(power @ filters, FLOOR))


def _fft_size(frame: int, edges: np.ndarray, rate: int) -> int:
    """A power of two, long enough that a frequency of the spectrum lies inside every band."""
    size = 1 << (frame - 1).bit_length()
    while size < _LONGEST_FFT and rate / size > (edges[2:] - edges[:-2]).min() / 2:
        size *= 2
    return size
