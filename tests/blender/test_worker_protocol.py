"""The messages between Blender and the worker."""

import json

import pytest

from ecoface_blender.worker import protocol

REQUESTS = [
    protocol.Hello(id=1),
    protocol.Load(id=2, model=None, device="cpu"),
    protocol.Generate(
        id=3,
        sound="größe\n.wav",
        first_second=-0.5,
        seconds=None,
        result="a.npz",
        style="calm",
        emotion="happy:1.5",
        emotion_from=None,
        seed=0,
        temperature=1,
        head="reference",
        head_file=None,
    ),
    protocol.Listen(
        id=5, sound="a.wav", first_second=0, seconds=1.5, baseline={"kind": "lines"}, result="h.npz"
    ),
    protocol.Baseline(id=6, sounds=[{"sound": "a.wav", "first_second": 0.0, "seconds": None}], kind=None),
    protocol.Head(id=4, file=None, result="h.npz"),
    protocol.Cancel(id=3),
    protocol.Shutdown(),
]
EVENTS = [
    protocol.Heartbeat(),
    protocol.Progress(id=3, stage="Listening", done=1, total=4),
    protocol.Done(id=3, answer={"frames": 25}),
    protocol.Failed(id=3, sentence="No.", cancelled=True),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: type(r).__name__)
def test_a_request_survives_the_pipe_as_one_line(request_):
    line = protocol.encode(request_)
    assert line.count(b"\n") == 1 and line.isascii()
    assert protocol.decode_request(line) == request_


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_an_event_survives_the_pipe_as_one_line(event):
    assert protocol.decode_event(protocol.encode(event)) == event


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"Hello from conda!\n", "expected one line of JSON"),
        (b"\xff\xfe\x00\n", "expected one line of JSON"),
        (b"[" * 100_000 + b"\n", "expected one line of JSON"),
        (b"[1]\n", "expected a message of type heartbeat, progress, frames, done, failed"),
        (b"{}\n", "expected a message of type"),
        (b'{"type": ["done"]}\n', "expected a message of type"),
        (b'{"type": "hello", "id": 1}\n', "expected a message of type"),
        (b'{"type": "done", "id": 1}\n', "expected fields id, answer in a message done, found id"),
        (b'{"type": "done", "id": 1, "answer": {}, "more": 1}\n', "expected fields id, answer"),
        (b'{"type": "done", "id": true, "answer": {}}\n', "expected id of a message done"),
        (b'{"type": "done", "id": 1, "answer": []}\n', "expected answer of a message done"),
        (b'{"type": "progress", "id": 1, "stage": 2, "done": 0, "total": 1}\n', "expected stage"),
        (
            b'{"type": "frames", "id": 1, "first": 0, "motion": "no*base64", "head": "", "gaze": ""}\n',
            "in base64",
        ),
        (
            b'{"type": "frames", "id": 1, "first": 0, "motion": "AAAA", "head": "", "gaze": ""}\n',
            "whole frames of 212 bytes",
        ),
        (b'{"type": "frames", "id": 1, "first": 0, "motion": "", "head": "", "gaze": ""}\n', "found 0 bytes"),
        (b" " * (protocol.MAX_LINE + 1), "found a longer one"),
    ],
)
def test_a_line_that_is_no_event_is_refused_with_a_sentence(line, sentence):
    with pytest.raises(protocol.ProtocolError, match=sentence):
        protocol.decode_event(line)


def test_an_event_is_no_request():
    with pytest.raises(protocol.ProtocolError, match="expected a message of type hello, load"):
        protocol.decode_request(protocol.encode(protocol.Heartbeat()))


@pytest.mark.parametrize("temperature", ["warm", None, True])
def test_a_value_that_does_not_fit_its_field_is_not_sent(temperature):
    values = json.loads(protocol.encode(REQUESTS[2])) | {"temperature": temperature}
    del values["type"]
    with pytest.raises(protocol.ProtocolError, match="expected temperature of a message generate"):
        protocol.encode(protocol.Generate(**values))


@pytest.mark.parametrize(("field", "value"), [("sounds", {}), ("sounds", None), ("kind", 1)])
def test_lines_of_a_voice_are_a_list(field, value):
    values = {"id": 1, "sounds": [], "kind": None} | {field: value}
    with pytest.raises(protocol.ProtocolError, match=f"expected {field} of a message baseline"):
        protocol.encode(protocol.Baseline(**values))


def test_a_number_that_json_lacks_is_not_sent():
    with pytest.raises(protocol.ProtocolError, match="expected values that JSON can hold"):
        protocol.encode(protocol.Done(id=1, answer={"x": float("nan")}))


def test_frames_come_through_the_pipe_as_they_were():
    numbers = bytes(range(212)) * 3
    sent = protocol.Frames(id=4, first=8, motion=protocol.packed(numbers))
    received = protocol.decode_event(protocol.encode(sent))
    assert received == sent
    assert protocol.unpacked(received) == {"motion": numbers, "head": b"", "gaze": b""}
    whole = dict(sent.__dict__, head=protocol.packed(bytes(36)), gaze=protocol.packed(bytes(24)))
    found = protocol.unpacked(protocol.decode_event(protocol.encode(protocol.Frames(**whole))))
    assert found == {"motion": numbers, "head": bytes(36), "gaze": bytes(24)}


@pytest.mark.parametrize(
    ("head", "found"), [(12, r"as many frames .* found \[1, 3\]"), (35, "found 35 bytes")]
)
def test_frames_of_a_head_that_does_not_fit_are_refused(head, found):
    sent = protocol.Frames(
        id=4, first=8, motion=protocol.packed(bytes(636)), head=protocol.packed(bytes(head))
    )
    with pytest.raises(protocol.ProtocolError, match=found):
        protocol.decode_event(protocol.encode(sent))
