"""Whatever an artist can hover over says what it is."""

import bpy
import pytest

import ecoface_blender

pytestmark = pytest.mark.blender_version


def classes():
    return [*(cls for room in ecoface_blender.ROOMS for cls in room.CLASSES), *ecoface_blender.PANELS]


def own_properties(cls):
    declared = [item for base in cls.__mro__ for item in getattr(base, "__annotations__", {}).items()]
    names = {name for name, kind in declared if isinstance(kind, bpy.props._PropertyDeferred)}
    return [each for each in cls.bl_rna.properties if each.identifier in names]


def test_every_property_has_a_tooltip_without_a_full_stop():
    described = {
        f"{cls.__name__}.{each.identifier}": each.description
        for cls in classes()
        for each in own_properties(cls)
    }
    assert len(described) > 60
    assert [name for name, text in described.items() if not text or text.endswith(".")] == []


def test_every_button_has_a_tooltip_without_a_full_stop():
    operators = [cls for cls in classes() if issubclass(cls, bpy.types.Operator)]
    assert len(operators) > 25
    for cls in operators:
        kind = getattr(bpy.ops.ecoface, cls.bl_idname.split(".")[1]).get_rna_type()
        assert kind.description and not kind.description.endswith("."), cls.__name__
