"""What a panel draws, written down, where Blender has no window to draw in."""

import math

import bpy


class Layout:
    """Takes the calls that Blender's layouts take, and writes down what they show.

    `shown` has ("prop", name, text) and ("operator", name, what it was given) and ("label", text); properties
    and operators that do not exist raise, as in Blender. `usable` is what of it is not greyed, and `height`
    how many rows it takes.
    """

    enabled, scale_y = True, 1.0

    def __init__(self, shown=None, kind="column", columns=1):
        self.shown = [] if shown is None else shown
        self.kind, self.columns, self.parts = kind, columns, []

    def row(self, **_options):
        """Beside one another."""
        return self._part("row")

    def column(self, **_options):
        """Below one another; so does a box."""
        return self._part("column")

    box = column

    def split(self, **_options):
        """As a row."""
        return self._part("row")

    def grid_flow(self, columns=1, **_options):
        """Row by row."""
        return self._part("grid", columns)

    def _part(self, kind, columns=1):
        part = Layout(self.shown, kind, columns)
        self.parts.append(part)
        return part

    def _show(self, *what):
        self.shown.append(what)
        self.parts.append(what)

    def prop(self, data, name, **options):
        """A property that its owner has."""
        found = data.bl_rna.properties[name]
        self._show("prop", name, options.get("text", found.name))

    def label(self, text="", **_options):
        """Some text."""
        self._show("label", text)

    def progress(self, text="", **_options):
        """A bar."""
        self._show("label", text)

    def template_list(self, kind, _name, *_data, rows=5, **_options):
        """A list of so many rows at least."""
        self._part("column").parts = [("list", kind)] * rows
        self.shown.append(("list", kind))

    def separator(self, **_options):
        """Some room."""
        self.parts.append(("separator",))

    def operator(self, name, **options):
        """A button; what is assigned to the result has to be one of its properties."""
        category, _, function = name.partition(".")
        known = getattr(getattr(bpy.ops, category), function).get_rna_type().properties.keys()
        given = {}
        self._show("operator", name, options.get("text"), given)
        return _Given(given, known)

    @property
    def usable(self):
        """Of `shown`, what is in no layout that is greyed."""
        if not self.enabled:
            return []
        out = []
        for part in self.parts:
            out += part.usable if isinstance(part, Layout) else [part]
        return out

    @property
    def height(self):
        """Rows of text."""
        heights = [part.height if isinstance(part, Layout) else 1.0 for part in self.parts]
        if self.kind == "column":
            return self.scale_y * sum(heights)
        if self.kind == "grid":
            return self.scale_y * math.ceil(len(heights) / self.columns)
        return self.scale_y * max(heights, default=0.0)


class _Given:
    def __init__(self, values, known):
        self.__dict__.update(_values=values, _known=known)

    def __setattr__(self, name, value):
        assert name in self._known, name
        self._values[name] = value


def laid_out(panel, context):
    """The layout that a panel's class fills in this context; None where its poll hides it."""
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
    return itself.layout


def drawn(panel, context):
    """What a panel's class shows in this context; None where its poll hides it."""
    layout = laid_out(panel, context)
    return None if layout is None else layout.shown
