"""The head in Blender: its mesh, its shape keys, and how closely the jaw's keys follow exact skinning."""

import bpy
import numpy as np
import pytest
from blender_support import (
    REFERENCE_HEAD,
    empty_blend,
    seen_vertices,
    small_head,
    talking_motion,
    write_head,
)

from ecoface_blender.core import jaw_skinning
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import jaw_shape_keys
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.materials import COLOUR_ATTRIBUTE

pytestmark = pytest.mark.blender_version


@pytest.fixture
def arrays(tmp_path):
    return heads.load_head(write_head(small_head(), tmp_path / "head.npz"))


@pytest.fixture
def head(arrays):
    return heads.add_head(empty_blend(), arrays, "Anna")


def show(head, values):
    for name, value in zip(heads.key_names(head), values, strict=True):
        head.data.shape_keys.key_blocks[name].value = value


def test_rotations_are_those_of_blender():
    from mathutils import Quaternion, Vector

    rng = np.random.default_rng(0)
    for axis_angle in [np.zeros(3), *rng.normal(0, 1, (5, 3)), np.array([1e-9, 0, 0])]:
        expected = np.array(Quaternion(Vector(axis_angle)).to_matrix()) if axis_angle.any() else np.eye(3)
        angle = np.linalg.norm(axis_angle)
        if angle:
            expected = np.array(Quaternion(Vector(axis_angle / angle), angle).to_matrix())
        np.testing.assert_allclose(jaw_skinning.rotations(axis_angle[None])[0], expected, atol=1e-6)


def test_skinning_is_linear_in_the_terms(arrays):
    motion = jaw_shape_keys.plausible_motion(arrays, 20, seed=1)
    expression, jaw = np.split(motion, [50], axis=1)
    moved = np.tensordot(jaw_skinning.terms(expression, jaw), jaw_skinning.term_offsets(arrays), 1)
    shaped = np.einsum("vce,te->tvc", jaw_skinning.expression_directions(arrays), expression)
    np.testing.assert_allclose(
        arrays["v_template"] + shaped + moved, jaw_shape_keys.skinned(arrays, motion), atol=1e-8
    )


def test_skinning_turns_each_vertex_by_its_weight(arrays):
    """Eq. (2) vertex by vertex."""
    motion = jaw_shape_keys.plausible_motion(arrays, 2, seed=2)[1]
    turn = jaw_skinning.rotations(motion[None, 50:])[0]
    joint = sum(w * v for w, v in zip(arrays["J_regressor"][2], arrays["v_template"], strict=True))
    skinned = jaw_shape_keys.skinned(arrays, motion[None])[0]
    for v in range(0, len(skinned), 37):
        rest = arrays["v_template"][v] + sum(arrays["shapedirs"][v, :, 2 + e] * motion[e] for e in range(50))
        rest = rest + sum(arrays["posedirs"][v, :, 9 + i] * (turn - np.eye(3)).flat[i] for i in range(9))
        w = arrays["weights"][v, 2]
        np.testing.assert_allclose(
            skinned[v], (1 - w) * rest + w * (turn @ (rest - joint) + joint), atol=1e-7
        )


def test_the_mesh_in_blender_follows_exact_skinning_within_half_a_millimetre(head, arrays):
    motion = talking_motion(40)
    exact = heads.to_blender(jaw_shape_keys.skinned(arrays, motion))
    errors = []
    for values, vertices in zip(heads.key_values(head, motion), exact, strict=True):
        show(head, values)
        errors.append(np.linalg.norm(seen_vertices(head) - vertices, axis=1))
    assert np.percentile(errors, 99.9) < 0.0005


@pytest.mark.skipif(not REFERENCE_HEAD.is_file(), reason="the reference head is not built yet")
def test_the_jaw_keys_of_the_reference_head_are_within_half_a_millimetre_on_new_poses():
    arrays = heads.load_head(REFERENCE_HEAD)
    keys = jaw_shape_keys.make_jaw_keys(arrays)
    motion = jaw_shape_keys.plausible_motion(arrays, 200, seed=7)
    expression, jaw = np.split(motion, [50], axis=1)
    shaped = np.einsum("vce,te->tvc", jaw_skinning.expression_directions(arrays), expression)
    shown = (
        arrays["v_template"]
        + shaped
        + np.tensordot(jaw_skinning.terms(expression, jaw) @ keys.weights, keys.offsets, 1)
    )
    error = np.linalg.norm(shown - jaw_shape_keys.skinned(arrays, motion), axis=2)
    assert np.percentile(error[:, arrays["weights"][:, 2] > 0], 99.9) < 0.0005


def test_the_plain_jaw_keys_are_exact_on_the_neutral_face(arrays):
    keys = jaw_shape_keys.make_jaw_keys(arrays)
    for number, (axis, degrees) in enumerate(jaw_shape_keys.PLAIN_KEYS.values()):
        motion = np.zeros((1, 53))
        motion[0, 50 + axis] = np.radians(degrees)
        exact = jaw_shape_keys.skinned(arrays, motion)[0] - arrays["v_template"]
        np.testing.assert_allclose(keys.offsets[number], exact, atol=1e-6)
        value = (jaw_skinning.terms(motion[:, :50], motion[:, 50:]) @ keys.weights)[0, number]
        assert value == pytest.approx(1)


def test_a_jaw_at_rest_uses_no_jaw_key(head):
    motion = talking_motion(3)
    motion[:, 50:] = 0
    np.testing.assert_allclose(heads.key_values(head, motion)[:, 50:], 0, atol=1e-12)
    np.testing.assert_allclose(heads.key_values(head, motion)[:, :50], motion[:, :50])


def test_the_head_has_signed_sliders_at_rest(head):
    blocks = head.data.shape_keys.key_blocks
    assert [b.name for b in blocks[1:]] == list(heads.key_names(head))
    assert all((b.slider_min, b.slider_max, b.value) == (-10, 10, 0) for b in blocks[1:])


def test_each_expression_key_holds_its_direction_alone(head, arrays):
    rest = seen_vertices(head)
    head.data.shape_keys.key_blocks["Expression 07"].value = -2.5
    moved = heads.to_blender(-2.5 * jaw_skinning.expression_directions(arrays)[:, :, 6])
    np.testing.assert_allclose(seen_vertices(head) - rest, moved, atol=1e-6)


def test_the_head_stands_upright_at_the_cursor_and_faces_the_front_view(arrays):
    context = empty_blend()
    context.scene.cursor.location = (1, 2, 3)
    head = heads.add_head(context, arrays, "Anna")
    up, front = np.argmax(arrays["v_template"][:, 1]), np.argmax(arrays["v_template"][:, 2])
    seen = seen_vertices(head) - (1, 2, 3)
    assert seen[:, 2].argmax() == up
    assert seen[:, 1].argmin() == front
    assert context.view_layer.objects.active is head and head.select_get()


def test_the_mesh_is_smooth_with_uvs_colours_and_materials(head, arrays):
    mesh = head.data
    assert all(polygon.use_smooth for polygon in mesh.polygons)
    uv = np.array([corner.vector for corner in mesh.uv_layers[0].uv])
    np.testing.assert_allclose(uv, arrays["uv"][arrays["uv_faces"].ravel()], atol=1e-6)
    colours = np.array([c.color for c in mesh.color_attributes[COLOUR_ATTRIBUTE].data])
    np.testing.assert_allclose(colours[:, :3], arrays["vertex_colors"], atol=1e-6)
    assert [m.name for m in mesh.materials] == ["EcoFace Skin", "EcoFace Lips"]
    assert [p.material_index for p in mesh.polygons] == arrays["material"].tolist()


def test_a_flame_head_without_materials_or_uvs_is_a_head_too():
    arrays = small_head()
    for name in ("uv", "uv_faces", "material", "material_names", "vertex_colors", "arkit_coefficients"):
        arrays[name] = arrays[name][:0]
    head = heads.add_head(empty_blend(), arrays, "FLAME")
    assert heads.why_not_a_head(head) is None
    assert [m.name for m in head.data.materials] == ["EcoFace Skin"]


def test_heads_are_found_again_after_saving(head, tmp_path):
    values = heads.key_values(head, talking_motion(4))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    (again,) = heads.find_heads(bpy.context)
    assert heads.head_name(again) == "small head"
    np.testing.assert_array_equal(heads.key_values(again, talking_motion(4)), values)


def test_a_copy_of_a_head_is_a_head(head):
    copy = head.copy()
    copy.data = head.data.copy()
    assert heads.why_not_a_head(copy) is None


def test_what_is_no_head_is_told_in_a_sentence(head):
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    assert "No head is chosen" in heads.why_not_a_head(None)
    assert "'Cube' is not a head of EcoFace" in heads.why_not_a_head(cube)
    head.data.shape_keys.key_blocks["Jaw Open"].name = "Mouth"
    assert "lost 1 of its shape keys, the first is 'Jaw Open'" in heads.why_not_a_head(head)
    with pytest.raises(EcoFaceBlenderError, match="lost 1 of its shape keys"):
        heads.key_values(head, talking_motion(2))


def test_motions_of_another_shape_are_refused(head):
    with pytest.raises(EcoFaceBlenderError, match=r"\(frames, 53\), found \(4, 52\)"):
        heads.key_values(head, np.zeros((4, 52)))
    with pytest.raises(EcoFaceBlenderError, match="finite"):
        heads.key_values(head, np.full((4, 53), np.nan))


def test_files_that_hold_no_head_are_refused(tmp_path):
    path = tmp_path / "head.npz"
    with pytest.raises(EcoFaceBlenderError, match=r"^Expected a head file at .*head\.npz', found nothing"):
        heads.load_head(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(EcoFaceBlenderError, match=r"Expected a whole head in 'head\.npz'"):
        heads.load_head(path)
    arrays = small_head()
    with pytest.raises(EcoFaceBlenderError, match="Expected the array 'weights' in"):
        heads.load_head(write_head({k: v for k, v in arrays.items() if k != "weights"}, path))
    with pytest.raises(EcoFaceBlenderError, match=r"'weights' of shape \(360, 5\)"):
        heads.load_head(write_head(arrays | {"weights": arrays["weights"][:-1]}, path))
    with pytest.raises(EcoFaceBlenderError, match="Expected indices below 360 in the faces"):
        heads.load_head(write_head(arrays | {"faces": arrays["faces"] + 1}, path))
    with pytest.raises(EcoFaceBlenderError, match="Expected a whole head"):
        heads.load_head(write_head(arrays | {"name": np.array([object()])}, path))
