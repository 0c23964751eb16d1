"""How a head gets its look: every look's strands and identity, and what stays as it was."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, seen_vertices, small_head
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from test_heads_looks import ARRAYS, fine, grown_by_formula, hair, points_of, show

from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import dressing, own_head
from ecoface_blender.heads import hair as hair_of_heads
from ecoface_blender.heads.identity import with_face
from ecoface_blender.heads.looks import DEFAULT, SHAVED, looks

pytestmark = pytest.mark.blender_version


def dressed(look):
    """A head with a look and the face that goes with it, and that face's vertices in Blender's axes."""
    arrays = with_face(ARRAYS, looks()[look].identity)
    made = own_head.add_head(empty_blend(), arrays, "Anna")
    dressing.apply_look(made, look)
    return made, own_head.to_blender(arrays["v_template"])


def skin_of(vertices):
    """A head's outer skin, scalp and brows left out, to ask how far from it a point is."""
    names = [str(name) for name in ARRAYS["material_names"]]
    outside = np.isin(ARRAYS["material"], [names.index("skin"), names.index("hair")])
    return BVHTree.FromPolygons(vertices.tolist(), ARRAYS["faces"][outside].tolist())


@pytest.mark.parametrize("look", [name for name, look in looks().items() if look.cut != SHAVED])
def test_strands_begin_in_the_skin_and_none_floats_off_the_head_or_runs_through_it(look):
    made, rest = dressed(look)
    skin, points = skin_of(rest), points_of(hair(made))[::40]
    depths = np.empty(points.shape[:2])
    for place in np.ndindex(depths.shape):
        at, normal, _, away = skin.find_nearest(points[place].tolist())
        inwards = normal.dot(Vector(points[place]) - at) < 0
        depths[place] = -away if inwards else away
    rooted = np.linalg.norm(points[:, 0] - own_head.to_blender(hair_of_heads.KNOT), axis=1) > 0.05
    lying = depths[rooted]  # a knot's strands have no roots
    assert rooted.mean() > 0.6
    assert np.abs(lying[:, 0]).max() < 0.0015
    assert lying.max() < 0.02
    assert (lying < -0.001).mean() < 0.01


def test_each_look_has_a_cut_of_its_own():
    assert sorted(look.cut for look in looks().values()) == sorted([*hair_of_heads.CUTS, SHAVED])
    longest = {}
    for name, look in looks().items():
        for part in dressing.parts_of(dressed(name)[0]):
            if part[dressing.PART] == dressing.HAIR:
                steps = np.diff(points_of(part), axis=1)
                longest[look.cut] = np.linalg.norm(steps, axis=2).sum(axis=1).max()
    assert 0.02 < longest["crop"] < 0.06 < longest["tied"]
    assert SHAVED not in longest


def test_the_mesh_its_keys_and_its_place_stay_as_they_were():
    plain = own_head.add_head(empty_blend(), ARRAYS, "Anna")
    keys = [block.name for block in plain.data.shape_keys.key_blocks]
    before, modifiers = seen_vertices(plain), [each.type for each in plain.modifiers]
    dressing.apply_look(plain, "Older Man")
    assert [block.name for block in plain.data.shape_keys.key_blocks] == keys
    np.testing.assert_array_equal(seen_vertices(plain), before)
    assert [each.type for each in plain.modifiers] == modifiers
    assert bpy.context.view_layer.objects.active is plain


def test_a_posed_head_gets_its_strands_where_they_are_at_rest():
    made = own_head.add_head(empty_blend(), ARRAYS, "Anna")
    show(made, eyeBlink=0.7, browDown=1.0)
    dressing.apply_look(made)
    show(made)
    expected = grown_by_formula()
    np.testing.assert_allclose(seen_vertices(fine(made)), own_head.to_blender(expected.vertices), atol=5e-6)


def test_looks_are_for_our_own_head_and_have_names():
    other = own_head.add_head(empty_blend(), small_head(), "Ball")
    with pytest.raises(EcoFaceBlenderError, match="'Ball' is not EcoFace's own head"):
        dressing.apply_look(other)
    with pytest.raises(EcoFaceBlenderError, match=r"Expected a look of Average, .*, found 'Nobody'"):
        dressing.apply_look(other, "Nobody")
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    with pytest.raises(EcoFaceBlenderError, match="'Cube' is not a head"):
        dressing.apply_look(cube)


def test_every_look_has_an_identity_for_every_direction():
    assert next(iter(looks())) == DEFAULT
    assert not looks()[DEFAULT].identity.any()
    for look in looks().values():
        assert look.identity.shape == (int(ARRAYS["n_shape"]),)
        assert np.abs(look.identity).max() < 2


def test_add_head_dresses_our_own_head_only(tmp_path):
    empty_blend()
    assert bpy.ops.ecoface.add_head() == {"FINISHED"}
    head = bpy.context.view_layer.objects.active
    assert own_head.is_head(head)
    assert sorted(part[dressing.PART] for part in dressing.parts_of(head)) == ["Brows and Lashes", "Hair"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    again = bpy.data.objects["Head"]
    show(again, eyeBlink=0.7)
    assert seen_vertices(fine(again))[:, 2].min() < seen_vertices(again)[:, 2].max()
