"""What a session tells about a model, in the classes of ``onnxruntime``'s interface."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeArg:
    """An input or output of a model.

    Attributes
    ----------
    name : str
        Its name.
    type : str
        ONNX Runtime's name of its type, such as ``"tensor(float)"``.
    shape : list of int, str or None
        Its extents: a number, the name of a symbolic extent such as ``"N"``, or None.
    """

    name: str
    type: str
    shape: list[int | str | None]


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a model file says about itself.

    Attributes
    ----------
    producer_name : str
        The program that wrote the file.
    producer_version : str
        Its version.
    domain : str
        The model's domain, a reverse host name by convention.
    graph_name : str
        The name of the graph.
    description : str
        The model's documentation.
    version : int
        The model's version.
    custom_metadata_map : dict of str to str
        Everything else, by key.
    """

    producer_name: str
    producer_version: str
    domain: str
    graph_name: str
    description: str
    version: int
    custom_metadata_map: dict[str, str]


__all__ = ["ModelMetadata", "NodeArg"]
