"""The process that runs in a Python with an engine, PyTorch or ONNX Runtime; nothing here may import bpy."""
