#!/usr/bin/env python3
"""Runs a compiled model on pictures and writes output/output.json.

    python3 run.py -i picture.png
    python3 run.py -i a.png b.ppm -m ../models/lib/libbluestem_x86-64.so -c ../models/meta.yaml --trial 10

Needs Python 3.7 and numpy. PNG (8 bits, not interlaced), PPM, PGM and .npy are read here; for other
formats Pillow is used where it is installed. A picture of another size than the model's is resized as `bluestem run` does it.
"""
import argparse
import ctypes
import datetime
import json
import math
import os
import platform
import re
import struct
import sys
import time
import zlib

try:
    import numpy as np
except ImportError:
    sys.exit("run.py: numpy is missing: apt-get install python3-numpy (or pip install numpy)")

HERE = os.path.dirname(os.path.abspath(__file__))
MOST_PIXELS = 1 << 26
ABI_VERSIONS = (1, 2)
MACHINES = {"x86_64": "x86-64", "aarch64": "aarch64", "armv7l": "armhf", "armv8l": "armhf"}


class RunError(Exception):
    """The user's world is wrong; the message says what and what to do."""


# ---- pictures ----------------------------------------------------------------------------------


def paeth(left, up, corner):
    estimate = left + up - corner
    by_left, by_up, by_corner = abs(estimate - left), abs(estimate - up), abs(estimate - corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner


def unfilter_row(kind, row, above, step):
    """Undoes one PNG row filter in place; `step` is the bytes of a pixel."""
    if kind == 1:
        for i in range(step, len(row)):
            row[i] = (row[i] + row[i - step]) & 255
    elif kind == 2:
        for i in range(len(row)):
            row[i] = (row[i] + above[i]) & 255
    elif kind == 3:
        for i in range(len(row)):
            left = row[i - step] if i >= step else 0
            row[i] = (row[i] + (left + above[i]) // 2) & 255
    elif kind == 4:
        for i in range(len(row)):
            left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
            row[i] = (row[i] + paeth(left, above[i], corner)) & 255
    elif kind != 0:
        raise RunError("a PNG with the unknown row filter %d" % kind)


def png_chunks(data):
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if len(body) < size or at + 12 + size > len(data):
            raise RunError("the PNG is cut short")
        if struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] != zlib.crc32(kind + body):
            raise RunError("the PNG is damaged: a checksum is wrong")
        yield kind, body
        at += 12 + size


def decode_png(data):
    """Returns [h, w, 1 or 3] u8, or None where the file is of a kind that is not read here."""
    header, packed, has_colour_key = None, [], False
    for kind, body in png_chunks(data):
        if kind == b"IHDR" and len(body) == 13:
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed.append(body)
        elif kind == b"tRNS":
            has_colour_key = True
    if header is None:
        raise RunError("the PNG has no header")
    width, height, depth, colour, _, _, interlace = header
    channels = {0: 1, 2: 3, 4: 2, 6: 4}.get(colour)
    if depth != 8 or channels is None or interlace != 0 or has_colour_key:
        return None
    if width == 0 or height == 0 or width * height > MOST_PIXELS:
        raise RunError("the PNG says it has %d x %d pixels" % (height, width))
    stride = width * channels
    inflater = zlib.decompressobj()
    raw = inflater.decompress(b"".join(packed), (stride + 1) * height)
    if len(raw) < (stride + 1) * height:
        raise RunError("the PNG is cut short")
    rows, above = [], bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        row = bytearray(raw[start + 1:start + 1 + stride])
        unfilter_row(raw[start], row, above, channels)
        rows.append(bytes(row))
        above = row
    pixels = np.frombuffer(b"".join(rows), np.uint8).reshape(height, width, channels)
    return over_white(pixels)


def over_white(pixels):
    """Drops an alpha channel: the picture lies on white."""
    if pixels.shape[2] in (1, 3):
        return pixels
    alpha = pixels[:, :, -1:].astype(np.uint32)
    colour = pixels[:, :, :-1].astype(np.uint32)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def decode_pnm(data):
    match = re.match(rb"P([56])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+255\s", data)
    if match is None:
        raise RunError("not a whole 8-bit PPM or PGM header")
    channels = 3 if match.group(1) == b"6" else 1
    width, height = int(match.group(2)), int(match.group(3))
    if width == 0 or height == 0 or width * height > MOST_PIXELS:
        raise RunError("the picture says it has %d x %d pixels" % (height, width))
    body = data[match.end():match.end() + width * height * channels]
    if len(body) < width * height * channels:
        raise RunError("the picture is cut short")
    return np.frombuffer(body, np.uint8).reshape(height, width, channels)


def decode_with_pillow(path):
    try:
        from PIL import Image
    except ImportError:
        raise RunError("only 8-bit PNG without palette or interlacing, PPM, PGM and .npy are read without Pillow: "
                       "apt-get install python3-pil, or convert the picture")
    picture = Image.open(path)
    pixels = np.asarray(picture.convert("L" if picture.mode in ("L", "1") else "RGBA"))
    return over_white(pixels.reshape(pixels.shape[0], pixels.shape[1], -1))


def load_picture(path):
    """Returns [h, w, 1 or 3] u8."""
    with open(path, "rb") as file:
        data = file.read()
    pixels = None
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        pixels = decode_png(data)
    elif data[:2] in (b"P5", b"P6"):
        pixels = decode_pnm(data)
    elif data[:6] == b"\x93NUMPY":
        pixels = np.load(path, allow_pickle=False)
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
            raise RunError("a .npy of %s %s; expected uint8 [h,w,1] or [h,w,3]" % (pixels.dtype, list(pixels.shape)))
    return decode_with_pillow(path) if pixels is None else pixels


def to_channels(pixels, channels):
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    weights = np.array([299, 587, 114], np.uint32)
    return ((pixels.astype(np.uint32) @ weights + 500) // 1000).astype(np.uint8)[:, :, None]


def bilinear_taps(size, target):
    """Returns (first, second, weight of the second in 1/2048) for each target position."""
    position = (2 * np.arange(target, dtype=np.int64) + 1) * size - target  # in units of 1 / (2 target)
    inside = position > 0
    first = np.where(inside, position // (2 * target), 0)
    weight = np.where(inside, (position % (2 * target) * 2048 + target) // (2 * target), 0)
    second = np.where(inside, first + 1, 0)
    return np.minimum(first, size - 1), np.minimum(second, size - 1), weight


def resize_bilinear(pixels, height, width):
    left, right, across = bilinear_taps(pixels.shape[1], width)
    top, bottom, down = bilinear_taps(pixels.shape[0], height)
    across, down = across[None, :, None], down[:, None, None]
    wide = pixels.astype(np.int64)
    wide = wide[:, left] * (2048 - across) + wide[:, right] * across
    return (wide[top] * (2048 - down) + wide[bottom] * down + (1 << 21)) >> 22


def area_weights(size, target):
    """Returns [target, size]: how much of source s lies under target i; each row sums to `size`."""
    i, s = np.arange(target, dtype=np.int64)[:, None], np.arange(size, dtype=np.int64)[None, :]
    return np.maximum(np.minimum((i + 1) * size, (s + 1) * target) - np.maximum(i * size, s * target), 0)


def resize_area(pixels, height, width):
    total = pixels.shape[0] * pixels.shape[1]
    rows = np.tensordot(area_weights(pixels.shape[0], height), pixels.astype(np.int64), axes=(1, 0))
    sums = np.tensordot(area_weights(pixels.shape[1], width), rows, axes=(1, 1))
    return (sums.transpose(1, 0, 2) + total // 2) // total


def resize_nearest(pixels, height, width):
    rows = (2 * np.arange(height, dtype=np.int64) + 1) * pixels.shape[0] // (2 * height)
    columns = (2 * np.arange(width, dtype=np.int64) + 1) * pixels.shape[1] // (2 * width)
    return pixels[rows][:, columns]


def resize(pixels, size, resample):
    """Returns the picture at (height, width), with the same integers as bluestem/image."""
    methods = {"BILINEAR": resize_bilinear, "AREA": resize_area, "NEAREST": resize_nearest}
    if tuple(pixels.shape[:2]) == tuple(size):
        return pixels
    if resample not in methods:
        raise RunError("the resampling %s is not known here; expected one of %s"
                       % (resample, ", ".join(sorted(methods))))
    return methods[resample](pixels, size[0], size[1]).astype(np.uint8)

# ---- meta.yaml ---------------------------------------------------------------------------------


def scalar(text):
    """Returns the text of one YAML scalar: plain, 'single' or "double" quoted."""
    text = text.strip()
    if len(text) >= 2 and text[0] == "'" and text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        try:
            return json.loads(re.sub(r"(?<!\\)((?:\\\\)*)\\x", r"\1\\u00", text))
        except ValueError:
            return text[1:-1]
    return text


def read_meta(path):
    """Reads the meta.yaml that `bluestem convert` writes (not YAML in general)."""
    meta = {"classes": [], "task": "", "size": None, "channels": 3, "resample": "BILINEAR", "normalize": "none",
            "threshold": None}
    key = ""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\r\n")
            top = re.match(r"([A-Z_]+):\s*(.*)$", line)
            if top is not None:
                key, value = top.group(1), top.group(2)
                if key == "TASK":
                    meta["task"] = scalar(value)
                elif key == "IMAGE_CHANNELS":
                    meta["channels"] = int(value)
                elif key == "IMAGE_SIZE":
                    size = re.match(r"\[(\d+),\s*(\d+)\]$", value)
                    if size is None:
                        raise RunError("%s:%d: IMAGE_SIZE: got %s; expected [height, width]" % (path, number, value))
                    meta["size"] = (int(size.group(1)), int(size.group(2)))
            elif key == "CLASSES" and line.lstrip().startswith("- "):
                meta["classes"].append(scalar(line.lstrip()[2:]))
            elif key == "PRE_PROCESSOR":
                read_preprocessor(line, path, number, meta)
            elif key == "POST_PROCESSOR":
                threshold = re.match(r"\s*- Threshold:\s*([-+.0-9e]+)$", line)
                if threshold is None:
                    raise RunError("%s:%d: the post-processor %s is not known here" % (path, number, line.strip()))
                meta["threshold"] = float(threshold.group(1))
    if meta["size"] is None:
        raise RunError("%s: has no IMAGE_SIZE" % path)
    return meta


def read_preprocessor(line, path, number, meta):
    name = re.match(r"\s*- (\w+):", line)
    if name is not None:
        if name.group(1) == "DivideBy255":
            meta["normalize"] = "divide_by_255"
        elif name.group(1) == "PerImageStandardization":
            meta["normalize"] = "per_image_standardization"
        elif name.group(1) != "Resize":
            raise RunError("%s:%d: the pre-processor %s is not known here" % (path, number, name.group(1)))
    resample = re.match(r"\s+resample:\s*(\S+)", line)
    if resample is not None:
        meta["resample"] = scalar(resample.group(1))


def normalize(pixels, how):
    """Returns f32 [h, w, c], as bluestem/image does it."""
    if how == "divide_by_255":
        return pixels.astype(np.float32) / np.float32(255)
    if how == "per_image_standardization":
        values = [int(v) for v in pixels.reshape(-1)]
        count, total = len(values), sum(values)
        numerator = float(count * sum(v * v for v in values) - total * total)
        deviation = max(math.sqrt(numerator) / count, 1.0 / math.sqrt(count))
        return ((pixels.astype(np.float64) - total / count) / deviation).astype(np.float32)
    return pixels.astype(np.float32)


# ---- the library -------------------------------------------------------------------------------


class TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32),
                ("shape", ctypes.c_int64 * 6), ("bytes", ctypes.c_size_t), ("scale", ctypes.c_double),
                ("zero_point", ctypes.c_int32)]


class Options(ctypes.Structure):
    _fields_ = [("struct_bytes", ctypes.c_size_t), ("isa", ctypes.c_char_p), ("threads", ctypes.c_int32)]


class Model:
    """One session of a libbluestem_<target>.so."""

    DTYPES = [np.float32, np.uint8, np.int32]

    def __init__(self, path, threads=1):
        try:
            self.library = ctypes.CDLL(os.path.abspath(path))
            self.library.bluestem_abi_version.restype = ctypes.c_int32
        except (OSError, AttributeError) as error:
            raise RunError("%s: cannot be loaded on this machine (%s): %s" % (path, platform.machine(), error))
        version = self.library.bluestem_abi_version()
        if version not in ABI_VERSIONS:
            raise RunError("%s: artefact ABI version %d; this program speaks versions %d to %d"
                           % ((path, version) + ABI_VERSIONS))
        if version < 2 and threads != 1:
            raise RunError("%s: made by an older bluestem, before there were threads; convert the model again, "
                           "or leave --threads out" % path)
        for name in ("bluestem_input", "bluestem_output"):
            getattr(self.library, name).restype = ctypes.POINTER(TensorInfo)
        self.library.bluestem_status_text.restype = ctypes.c_char_p
        self.session = ctypes.c_void_p()
        if version < 2:
            self.check(self.library.bluestem_create(ctypes.byref(self.session)))
        else:
            options = Options(ctypes.sizeof(Options), None, threads)
            self.check(self.library.bluestem_create_with(ctypes.byref(options), ctypes.byref(self.session)))
        self.library.bluestem_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p),
                                              ctypes.POINTER(ctypes.c_void_p)]
        if self.library.bluestem_input_count() != 1:
            raise RunError("%s: has several inputs; a picture is one" % path)
        self.input = self.library.bluestem_input(0).contents
        self.outputs = [self.library.bluestem_output(i).contents for i in range(self.library.bluestem_output_count())]

    def check(self, status):
        if status != 0:
            raise RunError("the library says: %s" % self.library.bluestem_status_text(status).decode())

    def run(self, tensor):
        """Returns the first output for one contiguous input."""
        results = [np.zeros(tuple(info.shape[:info.rank]), self.DTYPES[info.dtype]) for info in self.outputs]
        inputs = (ctypes.c_void_p * 1)(tensor.ctypes.data)
        outputs = (ctypes.c_void_p * len(results))(*[result.ctypes.data for result in results])
        self.check(self.library.bluestem_run(self.session, inputs, outputs))
        return results[0]

    def prepare(self, pixels, how):
        """Returns the input tensor for u8 pixels [h, w, c]; a batch has them in each place."""
        shape = tuple(self.input.shape[:self.input.rank])
        if shape[1:] != pixels.shape:
            raise RunError("the model reads %s; the picture is %s" % (list(shape), [1] + list(pixels.shape)))
        tensor = pixels if self.DTYPES[self.input.dtype] is np.uint8 else normalize(pixels, how)
        return np.ascontiguousarray(np.broadcast_to(tensor, shape), self.DTYPES[self.input.dtype])


# ---- one run -----------------------------------------------------------------------------------


def default_library():
    target = MACHINES.get(platform.machine())
    if target is None:
        raise RunError("no library for %s; name one with -m" % platform.machine())
    return os.path.join(HERE, "..", "models", "lib", "libbluestem_%s.so" % target)


def predict(model, meta, path, trial):
    """Returns (one entry of output.json, seconds of pre, inference and post)."""
    start = time.perf_counter()
    pixels = resize(to_channels(load_picture(path), meta["channels"]), meta["size"], meta["resample"])
    tensor = model.prepare(pixels, meta["normalize"])
    loaded = time.perf_counter()
    for _ in range(trial):
        scores = model.run(tensor)
    ran = time.perf_counter()
    scores = scores.reshape(model.input.shape[0], -1)[0]
    if scores.size != len(meta["classes"]):
        raise RunError("the model has %d scores, meta.yaml %d classes" % (scores.size, len(meta["classes"])))
    order = sorted(range(scores.size), key=lambda i: (-float(scores[i]), i))
    prediction = [{"class": {"id": i, "name": meta["classes"][i]}, "probability": float(scores[i])} for i in order]
    if meta["threshold"] is not None:
        for entry in prediction:
            entry["answered"] = entry["probability"] >= meta["threshold"]
    done = time.perf_counter()
    return ({"file_path": path, "prediction": prediction}, (loaded - start, (ran - loaded) / trial, done - ran))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", "--input", nargs="+", required=True, metavar="PICTURE")
    parser.add_argument("-m", "--model", help="the library (default: models/lib/ of this artefact)")
    parser.add_argument("-c", "--config", default=os.path.join(HERE, "..", "models", "meta.yaml"), help="meta.yaml")
    parser.add_argument("-o", "--output", default="output", help="folder of output.json (default: output)")
    parser.add_argument("--trial", type=int, default=1, help="runs a picture, for the benchmark (default: 1)")
    parser.add_argument("--threads", type=int, default=1,
                        help="threads of one inference, 1..64; 0: one a core (default: 1)")
    arguments = parser.parse_args()
    if arguments.trial < 1:
        parser.error("--trial: expected at least 1")
    if not 0 <= arguments.threads <= 64:
        parser.error("--threads: expected 1..64, or 0 for one a core")
    return arguments


def run(arguments):
    meta = read_meta(arguments.config)
    model = Model(arguments.model or default_library(), arguments.threads)
    results, seconds = [], []
    for path in arguments.input:
        try:
            result, times = predict(model, meta, path, arguments.trial)
        except RunError as error:
            raise RunError("%s: %s" % (path, error))
        results.append(result)
        seconds.append(times)
        answer = [entry for entry in result["prediction"] if entry.get("answered")]
        if meta["threshold"] is None:
            answer = result["prediction"][:1]
        names = ["%s %.6f" % (entry["class"]["name"], entry["probability"]) for entry in answer]
        print("%s: %s" % (path, ", ".join(names) or "none"))
    pre, inference, post = [sum(column) / len(seconds) for column in zip(*seconds)]
    document = {
        "version": "0.2",
        "task": meta["task"],
        "classes": [{"id": i, "name": name} for i, name in enumerate(meta["classes"])],
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "results": results,
        "benchmark": {"pre": pre, "inference": inference, "post": post, "total": pre + inference + post},
    }
    if meta["threshold"] is not None:
        document["threshold"] = meta["threshold"]
    os.makedirs(arguments.output, exist_ok=True)
    target = os.path.join(arguments.output, "output.json")
    with open(target + ".partial", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")
    os.replace(target + ".partial", target)
    print("wrote %s" % target)


def main():
    try:
        run(parse_arguments())
    except RunError as error:
        sys.exit("run.py: %s" % error)
    except OSError as error:
        sys.exit("run.py: %s: %s" % (error.filename, error.strerror))


if __name__ == "__main__":
    main()
