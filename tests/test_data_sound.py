"""WAV files as log-mel frames, against the definition written out one number at a time."""

import cmath
import io
import math
import struct
import wave

import numpy as np
import pytest

from lstm_core.data import DataError, DataOptions, read_data
from lstm_core.data_files.audio import FLOOR, band_edges


def wav(samples, rate=8000, bits=16, channels=1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(samples)
    return out.getvalue()


def riff(code: int, bits: int, body: bytes, rate=8000, channels=1, extra=b"") -> bytes:
    width = bits // 8 * channels
    form = struct.pack("<HHIIHH", code, channels, rate, rate * width, width, bits) + extra
    parts = b"fmt " + struct.pack("<I", len(form)) + form
    parts += b"LIST" + struct.pack("<I", 3) + b"abc\0"
    parts += b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


def tone(hz, rate=8000, seconds=0.2) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def pcm16(values) -> bytes:
    return np.round(np.asarray(values) * 2**15).astype("<i2").tobytes()


def refused(content: bytes, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        read_data(content, options=DataOptions(**options))
    return caught.value


def by_the_book(samples, rate: int, frame: int, hop: int, size: int, bands: int) -> list:
    """The definition: window, discrete Fourier sum, triangles on the mel scale, logarithm."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = [700 * (10 ** (top * n / (bands + 1) / 2595) - 1) for n in range(bands + 2)]
    found = []
    for start in range(0, len(samples) - frame + 1, hop):
        part = [
            samples[start + n] * (0.5 - 0.5 * math.cos(2 * math.pi * n / frame))
            for n in range(frame)
        ]
        power = [
            abs(sum(x * cmath.exp(-2j * math.pi * k * n / size) for n, x in enumerate(part))) ** 2
            for k in range(size // 2 + 1)
        ]
        row = []
        for low, peak, high in zip(edges, edges[1:], edges[2:], strict=False):
            energy = 0.0
            for k, value in enumerate(power):
                hz = k * rate / size
                if low < hz <= peak:
                    energy += value * (hz - low) / (peak - low)
                elif peak < hz < high:
                    energy += value * (high - hz) / (high - peak)
            row.append(math.log(max(energy, 1e-10)))
        found.append(row)
    return found


def test_frames_are_those_of_the_definition():
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, 200) / 2**15
    options = DataOptions(frame_ms=8, hop_ms=4, bands=5)
    data = read_data(wav(pcm16(samples)), options=options)
    expected = by_the_book(samples.tolist(), 8000, frame=64, hop=32, size=64, bands=5)
    np.testing.assert_allclose(data.rows, expected, atol=1e-9)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_tone_is_loudest_in_the_band_whose_peak_is_nearest(rate):
    for place in (3, 12, 25, 38):
        peak = band_edges(rate, 40)[1:-1][place]
        data = read_data(wav(pcm16(tone(peak, rate)), rate))
        assert data.rows.mean(axis=0).argmax() == place
        assert data.columns[place] == f"{peak:.0f} Hz"


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("bands", [20, 40, 80, 128])
def test_no_band_is_empty(rate, bands):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, rate // 5)
    data = read_data(wav(pcm16(noise), rate), options=DataOptions(bands=bands))
    assert (data.rows > math.log(FLOOR) + 1).all()


def stored() -> dict[str, bytes]:
    values = np.round(tone(700) * 2**7) / 2**7
    wide = (values * 2**23).astype("<i4")
    return {
        "8 bits": wav((values * 128 + 128).astype("u1").tobytes(), bits=8),
        "16 bits": wav(pcm16(values)),
        "24 bits": wav(wide.view("u1").reshape(-1, 4)[:, :3].tobytes(), bits=24),
        "32 bits": wav((values * 2**31).astype("<i4").tobytes(), bits=32),
        "float": riff(3, 32, values.astype("<f4").tobytes()),
        "double": riff(3, 64, values.astype("<f8").tobytes()),
        "extensible": riff(
            0xFFFE, 16, pcm16(values), extra=struct.pack("<HHIH", 22, 16, 4, 1) + b"\0" * 14
        ),
        "two channels": wav(pcm16(np.stack([values, values], 1)), channels=2),
    }


@pytest.mark.parametrize("name", stored())
def test_every_kind_of_sample_gives_the_same_frames(name):
    expected = read_data(stored()["16 bits"]).rows
    np.testing.assert_allclose(read_data(stored()[name]).rows, expected, atol=1e-9)


def test_several_channels_are_averaged_and_that_is_said():
    both = np.stack([tone(700), np.zeros_like(tone(700))], 1)
    data = read_data(wav(pcm16(both), channels=2))
    half = read_data(riff(3, 64, (np.round(tone(700) * 2**15) / 2**16).tobytes()))
    np.testing.assert_allclose(data.rows, half.rows, atol=1e-9)
    assert "mixed-down" in [remark.code for remark in data.remarks]


def test_long_sound_is_computed_in_pieces_without_a_seam():
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 8000 * 25)
    data = read_data(wav(pcm16(samples)))
    part = read_data(wav(pcm16(samples[2000 * 80 :])))
    assert data.rows.shape == (2498, 40)
    np.testing.assert_allclose(data.rows[2000:], part.rows, atol=1e-9)


def test_silence_and_a_sound_shorter_than_a_frame_have_frames():
    assert (read_data(wav(pcm16(np.zeros(800)))).rows == math.log(FLOOR)).all()
    assert read_data(wav(pcm16(tone(700)[:50]))).rows.shape == (1, 40)


def test_frames_that_were_chosen_are_kept_in_the_guess():
    options = DataOptions(frame_ms=20, hop_ms=5, bands=13)
    guess = read_data(wav(pcm16(tone(700))), options=options).guess
    assert (guess.frame_ms, guess.hop_ms, guess.bands) == (20, 5, 13)


@pytest.mark.parametrize(
    "options",
    [{"frame_ms": 0.1}, {"frame_ms": -5.0}, {"hop_ms": 1e9}, {"bands": 0}, {"bands": 10**6},
     {"frame_ms": math.nan}, {"hop_ms": math.inf}],
)  # fmt: skip
def test_frames_that_cannot_be_computed_are_refused(options):
    assert refused(wav(pcm16(tone(700))), **options).code == "frames"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (riff(0x55, 16, b"\0" * 100), "sound-kind"),
        (riff(1, 12, b"\0" * 100), "sound-kind"),
        (riff(1, 16, b"\0" * 100, rate=0), "damaged"),
        (riff(1, 16, b"\0" * 100, channels=0), "damaged"),
        (riff(1, 16, b""), "empty"),
        (wav(pcm16(tone(700)))[:600], "damaged"),
        (wav(pcm16(tone(700)))[:30], "damaged"),
        (wav(b"")[:12], "damaged"),
        (riff(3, 32, np.array([1, np.nan] * 400, "<f4").tobytes()), "damaged"),
        (b"RIFX" + wav(pcm16(tone(700)))[4:], "sound-kind"),
    ],
)
def test_sound_that_cannot_be_read_is_refused(content, code):
    assert refused(content).code == code


def test_model_decides_how_many_bands_there_are_unless_a_person_does():
    content = wav(pcm16(tone(700)))
    assert read_data(content, width=13).rows.shape[1] == 13
    chosen = DataOptions(bands=20)
    assert read_data(content, options=chosen, width=13).rows.shape[1] == 20
    assert read_data(content, width=513).rows.shape[1] == 40
    np.testing.assert_array_equal(
        read_data(content, width=20).rows, read_data(content, options=chosen).rows
    )


def test_frames_that_cannot_be_computed_say_what_can():
    error = refused(wav(pcm16(tone(700))), frame_ms=1)
    assert "frames of 8 samples" in str(error)
    assert "16 to 65536 samples" in str(error)
    assert error.fields["rate"] == 8000
