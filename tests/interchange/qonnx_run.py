"""Runs an ONNX model by the qonnx package: qonnx_run.py MODEL INPUT OUTPUT (raw f32 files). Exit code 77: not installed."""
import sys

try:
    import numpy
    import onnx
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes
except ImportError:
    sys.exit(77)

# qonnx runs each node by onnxruntime, which may lag behind the file version that the package onnx writes by default.
onnx.IR_VERSION = min(onnx.IR_VERSION, 8)
model = ModelWrapper(sys.argv[1]).transform(InferShapes())
name, output = model.graph.input[0].name, model.graph.output[0].name
x = numpy.fromfile(sys.argv[2], numpy.float32).reshape(model.get_tensor_shape(name))
execute_onnx(model, {name: x})[output].astype(numpy.float32).tofile(sys.argv[3])
