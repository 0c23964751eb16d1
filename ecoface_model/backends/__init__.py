"""The engines that run a model's networks, PyTorch and ONNX Runtime, behind one protocol in numpy."""
