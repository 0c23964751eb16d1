"""What a panel draws, written down, where Blender has no window to draw in."""

import bpy


class Layout:
    """Takes the calls that Blender's layouts take, and writes down what they show.

    `shown` has ("prop", name, text) and ("operator", name, what it was given) and ("label", text); properties
    and operators that do not exist raise, as in Blender.
    """

    def __init__(self, shown=None):
        self.shown = [] if shown is None else shown

    def row(self, **_options):
        """And so on: where things are does not count."""
        return Layout(self.shown)

    column = box = split = grid_flow = row

    def prop(self, data, name, **options):
        """A property that its owner has."""
        found = data.bl_rna.properties[name]
        self.shown.append(("prop", name, options.get("text", found.name)))

    def label(self, text="", **_options):
        """Some text."""
        self.shown.append(("label", text))

    def operator(self, name, **options):
        """A button; what is assigned to the result has to be one of its properties."""
        category, _, function = name.partition(".")
        known = getattr(getattr(bpy.ops, category), function).get_rna_type().properties.keys()
        given = {}
        self.shown.append(("operator", name, options.get("text"), given))
        return _Given(given, known)


class _Given:
    def __init__(self, values, known):
        self.__dict__.update(_values=values, _known=known)

    def __setattr__(self, name, value):
        assert name in self._known, name
        self._values[name] = value


def drawn(panel, context):
    """What a panel's class shows in this context; None where its poll hides it."""
    if hasattr(panel, "poll") and not panel.poll(context):
        return None
    functions = {
        name: value
        for cls in reversed(panel.__mro__)
        for name, value in vars(cls).items()
        if callable(value) and name.startswith(("draw", "_draw", "_start"))
    }
    itself = type("Drawn", (), functions)()
    itself.layout = Layout()
    itself.draw(context)
    return itself.layout.shown
