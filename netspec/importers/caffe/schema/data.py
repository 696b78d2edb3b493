"""The messages of layers that read data, from src/caffe/proto/caffe.proto of BVLC's Caffe 1.0."""

from __future__ import annotations

from netspec.importers.caffe.schema.model import notation

DATA = notation("""
TransformationParameter
    scale            float        1
    mirror           bool
    crop_size        uint
    mean_file        string
    mean_value*      float
    force_color      bool
    force_gray       bool
DataParameter
    source           string
    batch_size       uint
    rand_skip        uint
    backend          LEVELDB|LMDB
    scale            float        1
    mean_file        string
    crop_size        uint
    mirror           bool
    force_encoded_color  bool
    prefetch         uint         4
DummyDataParameter
    data_filler*     FillerParameter
    shape*           BlobShape
    num*             uint
    channels*        uint
    height*          uint
    width*           uint
HDF5DataParameter
    source           string
    batch_size       uint
    shuffle          bool
HDF5OutputParameter
    file_name        string
ImageDataParameter
    source           string
    batch_size       uint         1
    rand_skip        uint
    shuffle          bool
    new_height       uint
    new_width        uint
    is_color         bool         true
    scale            float        1
    mean_file        string
    crop_size        uint
    mirror           bool
    root_folder      string
InputParameter
    shape*           BlobShape
MemoryDataParameter
    batch_size       uint
    channels         uint
    height           uint
    width            uint
PythonParameter
    module           string
    layer            string
    param_str        string
    share_in_parallel  bool
WindowDataParameter
    source           string
    scale            float        1
    mean_file        string
    batch_size       uint
    crop_size        uint
    mirror           bool
    fg_threshold     float        0.5
    bg_threshold     float        0.5
    fg_fraction      float        0.25
    context_pad      uint
    crop_mode        string       warp
    cache_images     bool
    root_folder      string
""")
"""The messages by name."""
