"""What needs numpy alone: constants, errors, files of motions and heads, ARKit; Blender imports it too."""
