"""Exported faces as others read them: ufbx, Pixar's USD, Alembic's own library, and glTF from its bytes.

Run in the engine's Python: read_exports.py OUT.npz FPS FRAME,FRAME,... FILE ...
OUT gets for each file, by its name: the world positions (frames, V, 3) of its mesh in metres, in its axes;
the names of its keys; their values (frames, keys).
"""

import gc
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np

KEPT = []
"""Scenes of ufbx: its binding crashes where Python takes evaluated ones apart."""


def read_fbx(path, times):
    """With ufbx: morphs, skin and node transforms evaluated by it."""
    import ufbx

    scene = ufbx.load_file(str(path))
    scenes = [scene.evaluate(scene.anim, float(time), evaluate_skinning=True) for time in times]
    KEPT.extend([scene, *scenes])
    shown = []
    for at in scenes:
        (mesh,) = at.meshes
        points = np.array([tuple(point) for point in mesh.skinned_position.values])
        if mesh.skinned_is_local:
            world = np.array(mesh.instances[0].geometry_to_world)  # its columns
            points = points @ world[:3] + world[3]
        shown.append(points)
    values = [[channel.weight for channel in at.blend_channels] for at in scenes]
    names = [channel.name for channel in scene.blend_channels]
    return np.array(shown) * scene.settings.original_unit_meters, names, np.array(values)


def read_usdc(path, times):
    """With usd-core: UsdSkel bakes its skinning and blend shapes into points."""
    from pxr import Usd, UsdGeom, UsdSkel

    stage = Usd.Stage.Open(str(path))
    rate = stage.GetTimeCodesPerSecond()
    (animation,) = [UsdSkel.Animation(p) for p in stage.Traverse() if p.IsA(UsdSkel.Animation)]
    names = list(animation.GetBlendShapesAttr().Get())
    values = np.array([animation.GetBlendShapeWeightsAttr().Get(Usd.TimeCode(t * rate)) for t in times])
    for prim in stage.Traverse():
        if prim.IsA(UsdSkel.Root):
            UsdSkel.BakeSkinning(UsdSkel.Root(prim))
    (mesh,) = [UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    shown = []
    for time in times:
        code = Usd.TimeCode(time * rate)
        world = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(mesh.GetPrim()))
        shown.append(np.array(mesh.GetPointsAttr().Get(code)) @ world[:3, :3] + world[3, :3])
    return np.array(shown) * UsdGeom.GetStageMetersPerUnit(stage), names, values


def read_abc(path, times):
    """With Alembic's own library."""
    from alembic3d import Abc, AbcGeom

    archive = Abc.IArchive(str(path))
    place = archive.getTop().getChild(0)
    mesh = AbcGeom.IPolyMesh(place, place.getChild(0).getName()).getSchema()
    matrix = AbcGeom.IXform(archive.getTop(), place.getName()).getSchema()
    sampling = mesh.getTimeSampling()
    at = np.array([sampling.getSampleTime(sample) for sample in range(mesh.getNumSamples())])
    shown = []
    for time in at:
        here = Abc.ISampleSelector(float(time))
        m = matrix.getValue(here).getMatrix()
        world = np.array([[m[row][column] for column in range(4)] for row in range(4)])
        points = np.array(mesh.getValue(here).getPositions(), dtype=np.float64)
        shown.append(points @ world[:3, :3] + world[3, :3])
    place = np.interp(times, at, np.arange(len(at)))
    before = np.minimum(place.astype(int), len(at) - 2)
    share, shown = (place - before)[:, None, None], np.array(shown)
    shown = (1 - share) * shown[before] + share * shown[before + 1]
    return shown, [], np.zeros((len(times), 0))


def read_glb(path, times):
    """From the bytes, by the specification of glTF 2.0; vertices of all primitives, one after the other."""
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    content, binary = json.loads(data[20 : 20 + length]), data[20 + length + 8 :]

    def accessor(index):
        return gltf_numbers(content, binary, index)

    (node,) = [n for n in content["nodes"] if "mesh" in n]
    mesh = content["meshes"][node["mesh"]]
    (animation,) = content["animations"]
    weights = np.zeros((len(times), len(mesh["extras"]["targetNames"])))
    turns = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        at, values = accessor(sampler["input"]).ravel(), accessor(sampler["output"])
        values = values.reshape(len(at), -1)
        sampled = np.column_stack([np.interp(times, at, column) for column in values.T])
        if channel["target"]["path"] == "weights":
            weights = sampled
        else:
            turns[channel["target"]["node"], channel["target"]["path"]] = sampled
    shown = []
    for primitive in mesh["primitives"]:
        rest = accessor(primitive["attributes"]["POSITION"])
        targets = np.array([accessor(target["POSITION"]) for target in primitive["targets"]])
        points = rest + np.tensordot(weights, targets, 1)
        if "skin" in node:
            skin = content["skins"][node["skin"]]
            joints = accessor(primitive["attributes"]["JOINTS_0"]).astype(int)
            shares = accessor(primitive["attributes"]["WEIGHTS_0"])
            points = gltf_skinned(content, skin, joints, shares, points, turns, accessor)
        else:
            world = gltf_world(content, content["nodes"].index(node), turns, len(times))
            points = np.einsum("tij,tvj->tvi", world[:, :3, :3], points) + world[:, None, :3, 3]
        shown.append(points)
    return np.concatenate(shown, axis=1), mesh["extras"]["targetNames"], weights


def gltf_numbers(content, binary, index):
    """One accessor as (count, components), sparse ones filled in."""
    kind = content["accessors"][index]
    types = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[kind["type"]]

    def read(view, offset, dtype, count):
        view = content["bufferViews"][view]
        start = view.get("byteOffset", 0) + offset
        return np.frombuffer(binary, dtype, count, start)

    dtype, count = types[kind["componentType"]], kind["count"]
    values = np.zeros(count * width)
    if "bufferView" in kind:
        values = read(kind["bufferView"], kind.get("byteOffset", 0), dtype, count * width).astype(float)
    values = values.reshape(count, width)
    if sparse := kind.get("sparse"):
        places, given = sparse["indices"], sparse["values"]
        rows = read(
            places["bufferView"], places.get("byteOffset", 0), types[places["componentType"]], sparse["count"]
        )
        values[rows] = read(
            given["bufferView"], given.get("byteOffset", 0), dtype, sparse["count"] * width
        ).reshape(-1, width)
    return values


def gltf_world(content, index, turns, n_times):
    """World matrices (times, 4, 4) of a node."""
    parents = {child: i for i, node in enumerate(content["nodes"]) for child in node.get("children", ())}
    world = np.tile(np.eye(4), (n_times, 1, 1))
    while index is not None:
        node = content["nodes"][index]
        local = np.tile(np.eye(4), (n_times, 1, 1))

        def part(name, rest, index=index, node=node):
            return turns.get((index, name), np.tile(node.get(name, rest), (n_times, 1)))

        q = part("rotation", [0, 0, 0, 1.0])
        x, y, z, w = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
        local[:, :3, :3] = np.moveaxis(np.array([
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]), -1, 0) * part("scale", [1.0, 1, 1])[:, None, :]  # fmt: skip
        local[:, :3, 3] = part("translation", [0.0, 0, 0])
        world = local @ world
        index = parents.get(index)
    return world


def gltf_skinned(content, skin, joints, shares, points, turns, accessor):
    """Linear blend skinning of points (times, V, 3)."""
    bind = accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    shown = np.zeros_like(points)
    for place, index in enumerate(skin["joints"]):
        matrix = gltf_world(content, index, turns, len(points)) @ bind[place]
        share = (shares * (joints == place)).sum(axis=1)
        moved = np.einsum("tij,tvj->tvi", matrix[:, :3, :3], points) + matrix[:, None, :3, 3]
        shown += share[:, None] * moved
    return shown


READERS = {".fbx": read_fbx, ".usdc": read_usdc, ".abc": read_abc, ".glb": read_glb}


def main(out, fps, frames, *files):
    """Read them all."""
    times = np.array([float(frame) for frame in frames.split(",")]) / float(fps)
    found = {}
    for file in map(Path, files):
        vertices, names, values = READERS[file.suffix](file, times)
        found |= {f"{file.name} vertices": vertices, f"{file.name} names": np.array(names, dtype=str),
                  f"{file.name} values": values}  # fmt: skip
    np.savez(out, **found)


if __name__ == "__main__":
    gc.disable()
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
