"""The process that runs in a Python with torch; nothing here may import bpy."""
