"""What a program of Triton's does with a server, by nothing but tritonclient; run by an interpreter that has it.

    python tritonclient_calls.py ADDRESS MODEL PICTURE TENSOR.npy

Prints what it got as JSON.
"""

import json
import queue
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype


def main() -> None:
    address, model, picture, tensor = sys.argv[1:]
    found: dict[str, Any] = {}
    with triton.InferenceServerClient(address) as client:
        found["live"], found["ready"] = client.is_server_live(), client.is_server_ready()
        found["server"] = client.get_server_metadata(as_json=True)
        about_models(client, model, found)
        with_tensors(client, f"{model}:network", np.load(tensor), found)
        with_pictures(client, model, Path(picture).read_bytes(), found)
        in_a_stream(client, model, Path(picture).read_bytes(), found)
        refusals(client, model, found)
        found["statistics"] = client.get_inference_statistics(model, as_json=True)
        found["network_statistics"] = client.get_inference_statistics(f"{model}:network", "1", as_json=True)
    print(json.dumps(found))


def about_models(client: Any, model: str, found: dict[str, Any]) -> None:
    client.load_model(model)
    found["model_ready"] = [client.is_model_ready(model), client.is_model_ready(model, "1")]
    found["index"] = client.get_model_repository_index(as_json=True)
    client.unload_model(model)
    found["model_ready_unloaded"] = client.is_model_ready(model)
    found["unknown_ready"] = client.is_model_ready("nobody")
    found["metadata"] = client.get_model_metadata(model, as_json=True)
    found["config"] = client.get_model_config(model, as_json=True)
    found["network_metadata"] = client.get_model_metadata(f"{model}:network", "1", as_json=True)
    found["network_config"] = client.get_model_config(f"{model}:network", as_json=True)


def tensor_input(name: str, array: "np.ndarray[Any, Any]") -> Any:
    tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(array)
    return tensor


def with_tensors(client: Any, model: str, array: "np.ndarray[Any, Any]", found: dict[str, Any]) -> None:
    described = client.get_model_metadata(model)
    inputs = [tensor_input(described.inputs[0].name, array)]
    name = described.outputs[0].name
    result = client.infer(model, inputs, request_id="first")
    output = result.as_numpy(name)
    found["tensors"] = {
        "id": result.get_response().id,
        "model": result.get_response().model_name,
        "version": result.get_response().model_version,
        "shape": output.shape,
        "dtype": str(output.dtype),
        "sum": float(output.astype(np.float64).sum()),
    }
    results: queue.Queue[Any] = queue.Queue()
    wanted = [triton.InferRequestedOutput(name)]
    for _ in range(4):
        client.async_infer(
            model, inputs, lambda result, error: results.put((result, error)), outputs=wanted, client_timeout=60
        )
    answers = [results.get(timeout=60) for _ in range(4)]
    found["async_equal"] = all(
        error is None and np.array_equal(result.as_numpy(name), output) for result, error in answers
    )


def picture_input(*files: bytes) -> Any:
    return tensor_input("image", np.array(files, dtype=np.object_))


def with_pictures(client: Any, model: str, picture: bytes, found: dict[str, Any]) -> None:
    result = client.infer(
        model, [picture_input(picture, picture)], parameters={"confidence_threshold": 0.4, "max_detections": 5}
    )
    labels = result.as_numpy("labels")
    found["pictures"] = {
        **{name: result.as_numpy(name).tolist() for name in ("boxes", "scores", "class_ids", "splits", "image_sizes")},
        "labels": [label.decode() for label in labels],
        "confidence_threshold": result.get_response().parameters["confidence_threshold"].double_param,
    }
    only = client.infer(model, [picture_input(picture)], outputs=[triton.InferRequestedOutput("scores")])
    found["only_scores"] = [output.name for output in only.get_response().outputs]


def in_a_stream(client: Any, model: str, picture: bytes, found: dict[str, Any]) -> None:
    results: queue.Queue[Any] = queue.Queue()
    client.start_stream(callback=lambda result, error: results.put((result, error)))
    inputs = [[picture_input(picture)], [picture_input(b"no picture")], [picture_input(picture, picture)]]
    for number, each in enumerate(inputs):
        client.async_stream_infer(model, each, request_id=str(number), enable_empty_final_response=True)
    answers = [results.get(timeout=60) for _ in inputs]
    client.stop_stream()
    found["stream"] = [
        {"error": str(error)} if error is not None else said(result.get_response()) for result, error in answers
    ]


def said(response: Any) -> dict[str, Any]:
    return {
        "id": response.id,
        "outputs": [output.name for output in response.outputs],
        "final": response.parameters["triton_final_response"].bool_param,
    }


def refusals(client: Any, model: str, found: dict[str, Any]) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "unknown": lambda: client.infer("nobody", [picture_input(b"x")]),
        "metadata": lambda: client.get_model_metadata("nobody"),
        "load": lambda: client.load_model("nobody"),
        "unload": lambda: client.unload_model("nobody"),
        "output": lambda: client.infer(model, [picture_input(b"x")], outputs=[triton.InferRequestedOutput("masks")]),
        "parameter": lambda: client.infer(model, [picture_input(b"x")], parameters={"iou_threshold": 2.0}),
        "datatype": lambda: client.infer(model, [tensor_input("image", np.zeros(1, np.float32))]),
        "shared_memory": lambda: client.get_system_shared_memory_status(),
        "trace": lambda: client.get_trace_settings(),
        "log": lambda: client.get_log_settings(),
    }
    found["refused"] = {}
    for name, call in calls.items():
        try:
            call()
        except InferenceServerException as error:
            found["refused"][name] = [error.status(), error.message()]


if __name__ == "__main__":
    main()
