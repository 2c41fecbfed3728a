"""Configuration: one typed table of properties, files and flags to typed values, and the settings made of them."""

from ycsbpy.config.config import Config, Placed, Rank, Setting, load_config, make_config, written_value
from ycsbpy.config.outputs import OutputSettings
from ycsbpy.config.properties import PROPERTIES, PROPERTY_TABLE, find_property
from ycsbpy.config.schema import Property, Refusal, Section, Tool
from ycsbpy.config.settings import Command, RunSettings, TikvSettings, WorkloadSettings
from ycsbpy.config.values import AllowedErrors, Kind, Latency, MeasurementInterval, Value

__all__ = [
    "PROPERTIES",
    "PROPERTY_TABLE",
    "AllowedErrors",
    "Command",
    "Config",
    "Kind",
    "Latency",
    "MeasurementInterval",
    "OutputSettings",
    "Placed",
    "Property",
    "Rank",
    "Refusal",
    "RunSettings",
    "Section",
    "Setting",
    "TikvSettings",
    "Tool",
    "Value",
    "WorkloadSettings",
    "find_property",
    "load_config",
    "make_config",
    "written_value",
]
