"""As which Blender knows the extension: by another name when it is installed."""

PACKAGE = __package__
