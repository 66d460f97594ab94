"""A trained cell to take away: its network as an object, as safetensors and as ONNX."""
