"""A head in its look: strands that follow it, wrinkles that its keys drive, export and deletion."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, seen_vertices
from export_support import everything, talk

from ecoface_blender.export import export
from ecoface_blender.heads import dressing, own_bones, own_head, scalp, strands, strays, wrinkles

pytestmark = pytest.mark.blender_version

ARRAYS = own_head.load_head()


@pytest.fixture(scope="module")
def anna_file(tmp_path_factory):
    """A file with Anna in her look: it is opened far sooner than she is dressed."""
    dressing.apply_look(own_head.add_head(empty_blend(), ARRAYS, "Anna"))
    path = tmp_path_factory.mktemp("anna_file") / "anna.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def head(anna_file):
    bpy.ops.wm.open_mainfile(filepath=str(anna_file))
    return bpy.data.objects["Anna"]


def motion(**units):
    """(53,) of ARKit units, both sides alike."""
    names = [str(name) for name in ARRAYS["arkit_names"]]
    out = np.zeros(53)
    for unit, weight in units.items():
        for name in (unit, unit + "Left", unit + "Right"):
            if name in names:
                out += weight * ARRAYS["arkit_coefficients"][names.index(name)]
    return out


def show(head, **units):
    values = own_head.key_values(head, motion(**units)[None])[0]
    for name, value in zip(own_head.key_names(head), values, strict=True):
        head.data.shape_keys.key_blocks[name].value = value
    bpy.context.view_layer.update()


def fine(head):
    return next(part for part in dressing.parts_of(head) if part.type == "MESH")


def hair(head):
    return next(part for part in dressing.parts_of(head) if part.type == "CURVES")


def by_hand(made, vertices):
    """Where the strands are on a head with these vertices (V, 3), strand by strand."""
    rest, out = ARRAYS["v_template"].astype(np.float64), np.empty_like(made.points)
    for n, (corners, shares) in enumerate(zip(made.roots, made.shares, strict=True)):

        def frame(at, corners=corners):
            a, b, c = at[corners]
            x = (b - a) / np.linalg.norm(b - a)
            z = np.cross(x, c - a)
            z /= np.linalg.norm(z)
            return np.stack([x, np.cross(z, x), z], axis=1)

        turn = frame(vertices) @ frame(rest).T
        out[n] = shares @ vertices[corners] + (made.points[n] - shares @ rest[corners]) @ turn.T
    return out.reshape(-1, 3)


def grown_by_formula():
    """The strands that Add Head makes of the default face."""
    return strands.joined(strands.brows(ARRAYS), strands.lashes(ARRAYS), strands.tears(ARRAYS))


def points_of(hair):
    """(S, points of a strand, 3)."""
    points = np.empty((len(hair.data.position_data), 3), np.float32)
    hair.data.position_data.foreach_get("vector", points.ravel())
    return points.reshape(len(hair.data.curves), -1, 3)


@pytest.mark.parametrize("units", [{}, {"eyeBlink": 0.7}, {"browDown": 1.0, "jawOpen": 0.5}])
def test_brows_and_lashes_move_as_the_triangles_they_are_rooted_in(head, units):
    show(head, **units)
    made = grown_by_formula()
    x, y, z = seen_vertices(head).T
    expected = own_head.to_blender(by_hand(made, np.stack([x, z, -y], axis=1)))
    np.testing.assert_allclose(seen_vertices(fine(head)), expected, atol=5e-6)


def test_lashes_of_shut_eyes_lie_below_those_of_open_ones(head):
    n_brows = len(strands.brows(ARRAYS).vertices)
    tips = slice(n_brows + 2 * strands.SEGMENTS, None, 2 * (strands.SEGMENTS + 1))
    before = seen_vertices(fine(head))[tips, 2]
    show(head, eyeBlink=0.7)
    after = seen_vertices(fine(head))[tips, 2]
    upper = np.r_[0 : strands.N_LASHES[0]]
    assert (before - after)[upper].mean() > 0.008


def test_all_strands_go_where_the_head_goes(head):
    before = [np.array(part.matrix_world) for part in dressing.parts_of(head)]
    head.location, head.rotation_euler = (1, 2, 3), (0.2, 0.1, 0.5)
    bpy.context.view_layer.update()
    for part, place in zip(dressing.parts_of(head), before, strict=True):
        np.testing.assert_allclose(
            np.array(part.matrix_world), np.array(head.matrix_world) @ place, atol=1e-5
        )


def test_hair_keeps_still_while_the_face_moves_and_grows_on_the_scalp_alone(head):
    show(head, browInnerUp=1.0, jawOpen=1.0)
    np.testing.assert_allclose(np.array(hair(head).matrix_world), np.eye(4), atol=1e-3)
    rest = own_head.to_blender(ARRAYS["v_template"])
    nearest = [np.linalg.norm(rest - root, axis=1).argmin() for root in points_of(hair(head))[::200, 0]]
    assert (scalp.hair_share(ARRAYS)[nearest] > 0).mean() > 0.97


def test_water_lies_between_each_lower_lid_and_its_eyeball(head):
    made = strands.tears(ARRAYS)
    balls = ARRAYS["v_template"][ARRAYS["mask_eyeballs"]]
    outside = made.points.reshape(-1, 2, 3)
    for side, numbers in zip((1, -1), strands.EYES, strict=True):
        ball = balls[np.sign(balls[:, 0]) == side]
        middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
        mine = outside[np.sign(outside[:, 0, 0]) == side]
        radius = np.linalg.norm(ball - middle, axis=1).max()
        assert np.linalg.norm(mine[:, 0] - middle, axis=1).max() < radius + 0.0002
        rim = ARRAYS["v_template"][strands.lid_rims(ARRAYS, numbers)[1]]
        away = np.linalg.norm(mine[:, 1, None] - rim[None], axis=2).min(axis=1)
        assert away.max() < 0.0025
        assert (mine[:, 0, 1] >= mine[:, 1, 1] - 1e-4).all()
    kinds = np.array([face.material_index for face in fine(head).data.polygons])
    assert (kinds == 2).sum() == len(made.faces)
    assert "Tears" in fine(head).data.materials[2].name


@pytest.mark.parametrize(
    ("units", "deepest"),
    [
        ({"browInnerUp": 1.5, "browOuterUp": 0.7}, "ecoface_brow_up"),
        ({"browDown": 1.0}, "ecoface_frown"),
        ({"mouthSmile": 0.9, "cheekSquint": 0.9}, "ecoface_smile"),
    ],
)
def test_each_expression_deepens_its_own_wrinkles(head, units, deepest):
    def depths():
        seen = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
        return {channel.property: seen[channel.property] for channel in wrinkles.CHANNELS}

    assert max(depths().values()) == 0
    show(head, **units)
    found = depths()
    assert max(found, key=found.get) == deepest
    assert found[deepest] > 0.6
    show(head, jawOpen=0.5)
    assert max(depths().values()) < 0.2


def test_drivers_tell_what_landmarks_move_though_not_every_key_fits_into_one(head):
    rng = np.random.default_rng(0)
    units = ARRAYS["arkit_coefficients"][:, :50]
    corners = ARRAYS["faces"][ARRAYS["landmark_faces"]]
    errors = []
    for _ in range(8):
        expression = (rng.random(len(units)) * (rng.random(len(units)) < 0.2)) @ units
        for name, value in zip(own_head.EXPRESSION_KEYS, expression, strict=True):
            head.data.shape_keys.key_blocks[name].value = value
        bpy.context.view_layer.update()
        x, y, z = (seen_vertices(head) - own_head.to_blender(ARRAYS["v_template"])).T
        moved = np.stack([x, z, -y], axis=1)[corners]  # (68, 3, 3)
        landmarks = np.einsum("lk,lkx->lx", ARRAYS["landmark_barycentric"], moved)
        sides = np.sign(
            np.einsum("lk,lk->l", ARRAYS["landmark_barycentric"], ARRAYS["v_template"][corners][..., 0])
        )
        seen = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for channel in wrinkles.CHANNELS:
            exact = 0.0
            for points, (outwards, up), deepest in channel.moved:
                at = landmarks[list(points)]
                exact += (outwards * sides[list(points)] * at[:, 0] + up * at[:, 1]).mean() / deepest
            errors.append(abs(seen[channel.property] - np.clip(exact, 0, 1)))
    assert np.mean(errors) < 0.05
    assert max(errors) < 0.2


def test_another_look_takes_the_place_of_the_first(head):
    colour = np.array(head.data.materials[0].diffuse_color[:3])
    kinds = (bpy.data.objects, bpy.data.materials, bpy.data.node_groups, bpy.data.meshes, bpy.data.images)
    before = [len(kind) for kind in kinds]
    dressing.apply_look(head, "Young Woman")
    assert [len(kind) for kind in kinds] == before
    assert np.array(head.data.materials[0].diffuse_color[:3]).sum() < colour.sum()
    assert head[dressing.LOOK] == "Young Woman"


def test_strands_go_with_a_deleted_head_and_stay_with_one_that_was_renamed(head):
    kept = own_head.add_head(bpy.context, ARRAYS, "Ben")
    dressing.apply_look(kept)
    kept.name = "Clara"
    freed = hair(kept)
    freed.parent = None
    freed[strays.OF] = "Clara"
    bpy.data.objects.remove(head)
    strays.sweep(bpy.context.scene)
    left = [item.name for item in bpy.context.scene.objects]
    assert sorted(left) == ["Ben Brows and Lashes", "Ben Hair", "Ben Rig", "Clara"]


def test_bones_go_with_a_deleted_head_and_stay_with_what_they_carry(head):
    other = own_head.add_head(bpy.context, ARRAYS, "Ben")
    other.name = "Clara"
    carried = own_bones.rig_of(own_head.add_head(bpy.context, ARRAYS, "Dora"))
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    bpy.context.scene.collection.objects.link(cube)
    cube.modifiers.new("Bones", "ARMATURE").object = carried
    n_armatures = len(bpy.data.armatures)
    for gone in (head, bpy.data.objects["Dora"]):
        bpy.data.objects.remove(gone)
    strays.sweep(bpy.context.scene)
    left = [item.name for item in bpy.context.scene.objects if item.type == "ARMATURE"]
    assert sorted(left) == ["Ben Rig", "Dora Rig"] and own_bones.rig_of(other).name == "Ben Rig"
    assert len(bpy.data.armatures) == n_armatures - 1


def test_bones_of_a_head_carry_all_its_strands(head):
    head.modifiers.clear()  # its own rig turns what is above the neck alone
    head.vertex_groups.clear()
    data = bpy.data.armatures.new("Rig")
    rig = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    data.edit_bones.new("neck").tail = (0, 0, 0.1)
    bpy.ops.object.mode_set(mode="OBJECT")
    group = head.vertex_groups.new(name="neck")
    group.add(list(range(len(head.data.vertices))), 1.0, "REPLACE")
    head.modifiers.new("Rig", "ARMATURE").object = rig
    bpy.context.view_layer.update()
    lashes, strands_of_hair = seen_vertices(fine(head)), np.array(hair(head).matrix_world)
    bone = rig.pose.bones["neck"]
    bone.rotation_mode, bone.rotation_euler = "XYZ", (0.3, 0.4, 0.2)
    bpy.context.view_layer.update()
    turn = np.array(bone.matrix @ bone.bone.matrix_local.inverted())
    np.testing.assert_allclose(seen_vertices(fine(head)), lashes @ turn[:3, :3].T + turn[:3, 3], atol=1e-5)
    np.testing.assert_allclose(np.array(hair(head).matrix_world), turn @ strands_of_hair, atol=1e-4)


@pytest.mark.parametrize("suffix", [".fbx", ".glb"])
def test_files_get_the_head_alone_with_its_keys_and_plain_materials(head, tmp_path, suffix):
    talk(head, n_frames=3)
    bpy.context.view_layer.objects.active = head
    before = everything()
    path = export.write(bpy.context, head, tmp_path / f"a{suffix}", None, ARRAYS)
    assert everything() == before
    empty_blend()
    if suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
    else:
        bpy.ops.import_scene.gltf(filepath=str(path))
    meshes = [item for item in bpy.context.scene.objects if item.type == "MESH" and item.data.shape_keys]
    assert len(meshes) == 1
    assert not [item for item in bpy.context.scene.objects if "Hair" in item.name or "Lashes" in item.name]
    names = [slot.material.name for slot in meshes[0].material_slots]
    assert {"EcoFace Skin", "EcoFace Lips", "EcoFace Teeth"} <= set(names)
    assert not [attribute.name for attribute in meshes[0].data.attributes if "ecoface" in attribute.name]
    assert meshes[0].data.color_attributes
