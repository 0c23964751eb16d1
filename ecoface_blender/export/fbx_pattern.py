"""An FBX that Blender's exporter wrote, as the pattern of others: the same but for the keys of its curves.

Binary FBX is a tree of nodes, each of which holds the place of its end in the file. Of the pattern the arrays
of keys are written anew; the rest is copied, and the places behind are moved.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

STEP = 1 / 4096
"""By its second key a curve of the pattern says which one it is: a multiple of this, exact in float32."""
ROUNDING = 1e-5  # by which a number that stands still may differ, of itself
NEAR = 2e-3  # degrees by which a turn may differ from what is expected of it
PERCENT = np.float64(100)  # what FBX makes of a shape key's value
TICKS = (46186158000, 141120000)  # a second's: up to FBX 7.7, and of 8.0
_HEAD = 27  # bytes: a name and the version
_RAW = 128  # bytes up to which Blender leaves an array as it is
_ARRAY = struct.Struct("<III")  # length, 1 where it is compressed, bytes
_SPANS = {b"LocalStart": 0, b"LocalStop": -1, b"ReferenceStart": 0, b"ReferenceStop": -1}


@dataclass(frozen=True)
class _Node:
    """Where one lies in the file."""

    name: bytes
    start: int
    props: int
    """Of its properties, behind its head."""
    inside: int
    """Of the nodes within, behind its properties."""
    end: int


@dataclass(frozen=True)
class _Curve:
    """One curve of the pattern."""

    times: _Node
    values: _Node
    count: int
    """Place of the number of its keys, an int32."""
    column: int | None
    """Which shape key it is, or from the end on which turn of a bone; None stands still."""
    still: np.float32


class Pattern:
    """A file of two frames, in which shape key i goes from 0 to (i + 1) STEP and some bones turn."""

    def __init__(self, data: bytes, frames: Sequence[int], rate: float, turns: np.ndarray) -> None:
        """`data` is the file, with keys in these two `frames` at `rate` frames a second.

        `turns` (2, turns) are the degrees of the bones' curves, by which these are known.

        Raises:
            ValueError: if it is not as it is expected to be.
        """
        self._data, self._rate, self._turns = data, rate, turns
        ends: list[int] = []
        self._spans: list[tuple[int, int]] = []
        """Places of an int64, and which frame's time it is, 0 or -1."""
        self._curves: list[_Curve] = []
        try:
            version = struct.unpack_from("<I", data, _HEAD - 4)[0]
            self._fields = struct.Struct(
                "<QQQ" if version >= 7500 else "<III"
            )  # end, properties, their bytes
            self._end = np.dtype("<u8" if version >= 7500 else "<u4")
            self._look(_HEAD, len(data), ends)
            times, *_ = (_numbers(data, curve.times.props) for curve in self._curves)
        except (struct.error, zlib.error, LookupError) as error:
            raise ValueError(f"the FBX is not of the kind that was expected: {error}") from error
        a_second = (times[1] - times[0]) * rate / (frames[1] - frames[0])
        self._ticks = min(TICKS, key=lambda known: abs(known - a_second))
        columns = [curve.column for curve in self._curves if curve.column is not None]
        self.n_keys = len({column for column in columns if column >= 0})
        if sorted(column for column in columns if column < 0) != list(range(-turns.shape[1], 0)):
            raise ValueError("expected one curve for each turn of a bone, found another number")
        if list(self._time(np.array(frames))) != list(times):
            raise ValueError(f"expected keys in the frames {frames}, found them elsewhere")
        self._ends = np.array(ends)
        self._ended = _at(data, self._ends, self._end).astype(np.int64)

    def write(self, frames: np.ndarray, values: np.ndarray, turns: np.ndarray) -> bytes:
        """The file with keys in these frames: shape keys' values (frames, keys), degrees (frames, turns)."""
        assert values.shape == (len(frames), self.n_keys), "the keys of the pattern"
        assert turns.shape == (len(frames), self._turns.shape[1]), "the bones of the pattern"
        times = self._time(frames)
        percents = (PERCENT * values.astype(np.float32)).astype(np.float32).T
        columns = [_array(column) for column in (*percents, *turns.astype(np.float32).T)]
        still = {
            curve.still: _array(np.full(len(times), curve.still, np.float32))
            for curve in self._curves
            if curve.column is None
        }
        new_times, pieces = _array(times), []
        cuts, moves, copied, moved = [0], [0], 0, 0
        for curve in self._curves:
            new_values = still[curve.still] if curve.column is None else columns[curve.column]
            for node, content in ((curve.times, new_times), (curve.values, new_values)):
                head = node.props - node.start
                end = node.start + moved + head + len(content)
                fields = self._fields.pack(end, 1, len(content))
                name = self._data[node.start + self._fields.size : node.props]
                pieces += [self._data[copied : node.start], fields, name, content]
                copied, moved = node.end, end - node.end
                cuts.append(node.end)
                moves.append(moved)
        out = np.frombuffer(bytearray(b"".join([*pieces, self._data[copied:]])), np.uint8)
        where = np.array(cuts), np.array(moves)
        _put(out, _moved(self._ends, *where), _moved(self._ended, *where).astype(self._end))
        counts = np.array([curve.count for curve in self._curves])
        _put(out, _moved(counts, *where), np.full(len(counts), len(times), "<i4"))
        spans, which = np.array(self._spans).T
        _put(out, _moved(spans, *where), times[which].astype("<i8"))
        return out.tobytes()

    def _time(self, frames: np.ndarray) -> np.ndarray:
        """Ticks of frames, as Blender's exporter counts them."""
        ticks: np.ndarray = (np.asarray(frames, np.float64) / self._rate * self._ticks).astype(np.int64)
        return ticks

    def _look(self, start: int, stop: int, ends: list[int], above: tuple[bytes, ...] = ()) -> None:
        """Find what is changed; all places of ends but those of the changed nodes themselves."""
        for node in self._nodes(start, stop):
            ends.append(node.start)
            if node.name == b"AnimationCurve":
                self._add_curve(node, ends)
            elif node.name == b"P" and b"AnimationStack" in above:
                length = struct.unpack_from("<I", self._data, node.props + 1)[0]
                name = self._data[node.props + 5 : node.props + 5 + length]
                if name in _SPANS and self._data[node.inside - 9 : node.inside - 8] == b"L":
                    self._spans.append((node.inside - 8, _SPANS[name]))
            elif node.name in (b"LocalTime", b"ReferenceTime"):
                self._spans += [(node.props + 1, 0), (node.props + 10, -1)]
            else:
                self._look(node.inside, node.end, ends, (*above, node.name))

    def _add_curve(self, curve: _Node, ends: list[int]) -> None:
        parts = {node.name: node for node in self._nodes(curve.inside, curve.end)}
        changed = times, values = parts[b"KeyTime"], parts[b"KeyValueFloat"]
        ends += [node.start for node in parts.values() if node not in changed]
        first, last = _numbers(self._data, values.props)
        still = abs(last - first) <= ROUNDING * max(abs(first), 1.0)
        column = None if still else self._column(float(first), float(last))
        count = parts[b"KeyAttrRefCount"].props + 1 + _ARRAY.size
        self._curves.append(_Curve(times, values, count, column, first))

    def _column(self, first: float, last: float) -> int:
        """Which shape key's curve it is, or, from the end on, which turn's of a bone."""
        turn = np.flatnonzero(np.abs(self._turns - [[first], [last]]).max(axis=0) < NEAR)
        if len(turn) == 1:
            return int(turn[0]) - self._turns.shape[1]
        column = round(last / (PERCENT * STEP)) - 1
        if len(turn) or first != 0 or abs(last / (PERCENT * STEP) - column - 1) > 1e-3:
            raise ValueError(f"expected a curve of a shape key or a bone, found one from {first} to {last}")
        return int(column)

    def _nodes(self, start: int, stop: int) -> Iterator[_Node]:
        """The nodes that lie side by side from a place on."""
        while start + self._fields.size < stop:
            end, _, size = self._fields.unpack_from(self._data, start)
            if end == 0:  # behind the last one
                return
            named = start + self._fields.size + 1
            props = named + self._data[named - 1]
            if not props + size <= end <= stop:
                raise ValueError(f"expected a node that ends before {stop}, found one that ends at {end}")
            yield _Node(self._data[named:props], start, props, props + size, end)
            start = end


def _moved(places: np.ndarray, cuts: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Places of the pattern in a file whose nodes that end at `cuts` have moved all behind by `moves`."""
    moved: np.ndarray = places + moves[np.searchsorted(cuts, places, side="right") - 1]
    return moved


def _at(data: bytes, places: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Numbers at any places."""
    flat = np.frombuffer(data, np.uint8)[places[:, None] + np.arange(kind.itemsize)]
    return np.ascontiguousarray(flat).view(kind)[:, 0]


def _put(out: np.ndarray, places: np.ndarray, numbers: np.ndarray) -> None:
    """Write numbers (n,) to any places (n,) of bytes."""
    width = numbers.dtype.itemsize
    out[places[:, None] + np.arange(width)] = numbers.view(np.uint8).reshape(-1, width)


def _numbers(data: bytes, place: int) -> np.ndarray:
    """An array as a property."""
    length, compressed, size = _ARRAY.unpack_from(data, place + 1)
    content = data[place + 1 + _ARRAY.size :][:size]
    kind = {"l": "<i8", "f": "<f4"}[chr(data[place])]
    return np.frombuffer(zlib.decompress(content) if compressed else content, kind, length)


def _array(numbers: np.ndarray) -> bytes:
    """The same, of int64 or float32."""
    content = numbers.tobytes()
    compressed = len(content) > _RAW
    content = zlib.compress(content, 1) if compressed else content
    kind = b"l" if numbers.dtype == np.int64 else b"f"
    return kind + _ARRAY.pack(len(numbers), compressed, len(content)) + content
