"""What the extension and the model share (`ecoface_model.core`): numpy only, in Blender's own Python.

Its modules are those of the shipped library, or of the repository, under this package's name.
"""

from ..worker.library import library_folder

__path__ = [str(library_folder() / "ecoface_model" / "core")]
